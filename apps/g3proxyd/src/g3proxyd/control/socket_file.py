"""The file of a unix socket: nobody else may connect, not for a moment, and a stale one is replaced in one step."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BACKLOG", "MAX_PATH", "SocketFile", "check_directory", "open_socket"]

BACKLOG = 64
"""Connections that wait to be accepted."""

MAX_PATH = 107
"""Bytes of a socket's path, unix(7)."""

MEND = "choose another directory with --control-dir"


@dataclass(frozen=True, slots=True)
class SocketFile:
    """The file of a listening socket of ours, known by its inode: a successor may put its own in its place."""

    path: Path
    device: int
    inode: int

    def ours(self) -> bool:
        """Whether the file at the path is still ours. Raises OSError."""
        try:
            status = self.path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return (status.st_dev, status.st_ino) == (self.device, self.inode)

    def remove(self) -> None:
        """Remove the file if it is still ours. Raises OSError."""
        if self.ours():
            with contextlib.suppress(FileNotFoundError):
                self.path.unlink()


def open_socket(path: Path) -> tuple[socket.socket, SocketFile]:
    """Listen at ``path``, non-blocking, in mode 0600; whatever socket was there is replaced. Raises OSError.

    The process's umask changes for the time of one system call: no other thread should create files meanwhile.
    """
    if len(bytes(path)) > MAX_PATH:
        raise OSError(errno.ENAMETOOLONG, f"a socket's path has at most {MAX_PATH} bytes; shorten it", str(path))
    path.parent.mkdir(mode=0o700, exist_ok=True)
    check_directory(path.parent)
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(errno.EEXIST, "this is not a socket; move it away", str(path))
    # What all control sockets end in, `.sock`, is as long as this: what fits for them, fits for it.
    other = path.with_name(f".{secrets.token_hex(2)}")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        _bind(sock, other)
        try:
            status = other.lstat()
            sock.listen(BACKLOG)
            other.rename(path)
        except BaseException:
            other.unlink()
            raise
    except BaseException:
        sock.close()
        raise
    return sock, SocketFile(path, status.st_dev, status.st_ino)


def _bind(sock: socket.socket, path: Path) -> None:
    before = os.umask(0o177)
    try:
        sock.bind(bytes(path))
    finally:
        os.umask(before)


def check_directory(directory: Path) -> None:
    """Raise PermissionError where others could put a socket of theirs in the place of ours.

    The directory must be ours or root's, and so must a link to it; it and those above it must not be writable for
    everybody, unless the sticky bit guards what is in them.
    """
    for path in dict.fromkeys((directory, directory.resolve())):
        owner = path.lstat().st_uid
        if owner not in (0, os.geteuid()):
            raise PermissionError(errno.EPERM, f"this belongs to the user {owner}; {MEND}", str(path))
    real = directory.resolve()
    for path in (real, *real.parents):
        mode = path.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise PermissionError(errno.EPERM, f"everybody can write here; chmod o-w, or {MEND}", str(path))
