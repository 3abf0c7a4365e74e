"""Listening sockets that systemd opened for the process: the protocol of sd_listen_fds(3)."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import MutableMapping

__all__ = ["FIRST", "MAX_SOCKETS", "ActivationError", "inherited_sockets"]

FIRST = 3
"""The first descriptor that is handed over, SD_LISTEN_FDS_START."""
MAX_SOCKETS = 4096  # more than any unit has; a larger number is no number of sockets


class ActivationError(OSError):
    """What was handed over cannot be used."""


def inherited_sockets(environment: MutableMapping[str, str] = os.environ, *, first: int = FIRST) -> list[socket.socket]:
    """The listening TCP sockets that `LISTEN_FDS` promises to this process; empty without it.

    They do not block and are closed on exec. The variables are removed, so that nobody else takes them for theirs: call
    it once, and before the process goes to the background under another number. Raises ActivationError that names the
    socket; then none of them has been touched.
    """
    pid = environment.pop("LISTEN_PID", "")
    count = environment.pop("LISTEN_FDS", "")
    names = environment.pop("LISTEN_FDNAMES", "").split(":")
    environment.pop("LISTEN_PIDFDID", None)
    if pid != str(os.getpid()) or not count:
        return []
    if not (count.isascii() and count.isdecimal()) or len(count) > 4 or int(count) > MAX_SOCKETS:
        raise ActivationError(f"LISTEN_FDS is {count[:60]!r}, which is no number of sockets from 0 to {MAX_SOCKETS}")
    descriptors = range(first, first + int(count))
    for index, descriptor in enumerate(descriptors):
        if (reason := _reason_against(descriptor)) is not None:
            name = names[index] if index < len(names) else ""
            where = f"descriptor {descriptor} from systemd{f' ({name})' if name.isprintable() and name else ''}"
            raise ActivationError(f"{where} is {reason}; expected a listening TCP socket (ListenStream=, Accept=no)")
    sockets = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    for sock in sockets:
        sock.set_inheritable(False)
        sock.setblocking(False)
    return sockets


def _reason_against(descriptor: int) -> str | None:
    """What keeps the descriptor from being a listening TCP socket."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return "not a socket"
    except OSError:
        return "not open"
    sock = socket.socket(fileno=descriptor)
    try:
        if sock.family not in (socket.AF_INET, socket.AF_INET6):
            return "of another family than IPv4 and IPv6"
        if sock.type != socket.SOCK_STREAM:
            return "not a stream socket"
        if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return "not listening"
    finally:
        sock.detach()
    return None
