"""Going to the background, and the pid file by which the process is found there."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import stat
import sys
from pathlib import Path

__all__ = ["Launch", "PidFile", "PidFileError", "daemonize"]

MAX_MESSAGE = 5000
"""Characters of a message from the background; a hundred problems of a configuration fit."""
UMASK = 0o022
"""Files are the owner's to write; what has to be private is made so where it is made."""

_NOT_READY = "the daemon ended before it was ready"


class Launch:
    """What a process in the background owes to the one that started it: a word on whether the start worked.

    The first word counts. Forked children may have the same descriptor; they leave it alone.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def ready(self) -> None:
        """The start worked: the process in the foreground ends with 0."""
        self._say(None)

    def failed(self, message: str) -> None:
        """It did not: the process in the foreground prints the message and ends with 1."""
        self._say(message)

    def _say(self, failure: str | None) -> None:
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        # Nobody may be waiting for it any more.
        with open(descriptor, "wb", buffering=0) as pipe, contextlib.suppress(OSError):
            pipe.write(json.dumps(failure and failure[:MAX_MESSAGE]).encode() + b"\n")


def daemonize() -> Launch:
    """Go on in a background process of a session of its own, and leave the foreground one waiting for its word.

    Returns in the background alone, with `/` as the working directory and standard input, output and error at
    /dev/null. The process in the foreground ends with 0 once it is told `ready`; when it is told `failed`, or the
    background process ends without a word, it prints the reason and ends with 1. To be called before there are threads,
    event loops and sockets with a peer. Raises OSError when the system has no room for another process.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # as it is when the program was started without the descriptor
            stream.flush()
    reader, writer = os.pipe()
    if writer <= 2:  # so low a number is about to be /dev/null
        low, writer = writer, fcntl.fcntl(writer, fcntl.F_DUPFD_CLOEXEC, 3)
        os.close(low)
    if child := os.fork():
        os.close(writer)
        os.waitpid(child, 0)
        os._exit(_wait(reader))
    os.close(reader)
    launch = Launch(writer)
    try:
        os.setsid()
        if os.fork():  # the leader of a session could get a terminal again by opening one
            os._exit(0)
        os.chdir("/")
        os.umask(UMASK)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        if null > 2:
            os.close(null)
    except OSError as error:
        launch.failed(f"cannot go to the background: {error}")
        os._exit(1)
    return launch


def _wait(reader: int) -> int:
    """Wait for the word from the background, and return the exit code."""
    with open(reader, "rb") as pipe:
        word = pipe.readline()
    failure = json.loads(word) if word.endswith(b"\n") else _NOT_READY
    if failure is None:
        return 0
    if sys.stderr is not None:
        sys.stderr.write(f"{failure}\n")
        sys.stderr.flush()
    return 1


class PidFileError(OSError):
    """The pid file cannot be had."""


class PidFile:
    """A file that holds the number of this process and is locked while it lives.

    The lock is a record lock (fcntl), which ends with the process and which forked children do not have; for that,
    nothing else in this process may open the file, since the kernel drops such a lock when any descriptor of the file
    is closed. The file appears and changes as a whole: it is written beside its place and put there by `link` or
    `rename`.
    """

    def __init__(self, path: Path) -> None:
        """Nothing happens before `take`. The path is absolute, for the process may leave its directory."""
        self.path = path
        self._descriptor: int | None = None

    def take(self, *, from_process: int | None = None) -> None:
        """Write the file. `from_process` is a predecessor that lets this process have its file while it still runs.

        A process whose file went to a successor that failed takes it back in the same way. A file that is left from a
        process that has ended is replaced. Raises PidFileError when a living process holds it, or when what is there is
        no pid file.
        """
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            descriptor = _write(beside)
            try:
                while not self._put(beside, from_process):
                    pass
            except BaseException:
                os.close(descriptor)
                raise
            finally:
                beside.unlink(missing_ok=True)
        except PidFileError:
            raise
        except OSError as error:
            raise PidFileError(f"cannot write the pid file {self.path}: {error.strerror or error}") from None
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = descriptor

    def take_back(self, from_process: int) -> bool:
        """Have the file again if a successor took it that has failed; return whether one had. Raises PidFileError."""
        if self._descriptor is None or self._ours(self._descriptor):
            return False
        self.take(from_process=from_process)
        return True

    def remove(self) -> None:
        """Remove the file if it still is this process's own, and let go of it. Never raises."""
        if self._descriptor is None:
            return
        # The file may be gone already, or its directory not be ours to write any more. Between the look and the removal
        # nobody comes: only a successor may put another file there while this process lives.
        with contextlib.suppress(OSError):
            if self._ours(self._descriptor):
                os.unlink(self.path)
        os.close(self._descriptor)
        self._descriptor = None

    def _ours(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.lstat(self.path))
        except FileNotFoundError:
            return False

    def _put(self, beside: Path, from_process: int | None) -> bool:
        """Try once; False when somebody else changed the file meanwhile."""
        try:
            old = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            try:
                os.link(beside, self.path)
            except FileExistsError:
                return False
            return True
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise PidFileError(f"the pid file {self.path} is a symbolic link; give the path itself") from None
            raise
        try:
            pid = self._pid_in(old)
            if not _lock(old) and pid != from_process:
                raise PidFileError(f"the pid file {self.path} is held by the process {pid}; end that one first")
            if not self._ours(old):
                return False
            os.rename(beside, self.path)
            return True
        finally:
            os.close(old)

    def _pid_in(self, descriptor: int) -> int | None:
        """The number in a file; None when it is empty."""
        content = os.read(descriptor, 64).strip() if stat.S_ISREG(os.fstat(descriptor).st_mode) else b"-"
        if content and (not content.isdigit() or len(content) > 10):
            raise PidFileError(f"{self.path} is no pid file: it holds something else; remove it or give another path")
        return int(content) if content else None


def _write(path: Path) -> int:
    """Make the file with the number of this process, and lock it; return the descriptor."""
    path.unlink(missing_ok=True)  # left by a process of the same number that was killed half way
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    _lock(descriptor)
    return descriptor


def _lock(descriptor: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
