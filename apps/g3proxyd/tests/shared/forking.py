"""Children for tests of shared memory: they run one function and are gone when the test is over, whatever happens."""

import contextlib
import os
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator


class Child:
    """A forked process."""

    def __init__(self, pid: int, reader: int) -> None:
        self.pid = pid
        self._reader = reader
        self._status: int | None = None

    def wait(self) -> int:
        """Its exit code; below zero the signal that killed it."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status

    def kill(self) -> None:
        """Kill it like the kernel does, and see it gone."""
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()

    def read(self, size: int = 1) -> bytes:
        """What it said; waits for it to speak or die."""
        return os.read(self._reader, size)

    def close(self) -> None:
        """Kill it, if it still lives."""
        self.kill()
        os.close(self._reader)


@contextlib.contextmanager
def forked(work: Callable[[Callable[[], None]], object]) -> Iterator[Child]:
    """A child that calls ``work`` with a function that says one byte, and exits with 0, or with 1 if it raised."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: of threads, which the child doesn't need
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work(lambda: _say(writer))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writer)
    child = Child(pid, reader)
    try:
        yield child
    finally:
        child.close()


def _say(writer: int) -> None:
    os.write(writer, b".")


def kill_myself() -> None:
    """End as if the kernel had killed us at this very moment."""
    os.kill(os.getpid(), signal.SIGKILL)


def mapped() -> int:
    """Bytes of anonymous shared memory that this process has mapped."""
    size = 0
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            if line.endswith("/dev/zero (deleted)\n"):
                start, end = line.split()[0].split("-")
                size += int(end, 16) - int(start, 16)
    return size
