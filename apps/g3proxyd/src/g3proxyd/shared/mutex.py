"""A mutex between processes that survives the death of its owner (POSIX: pthread_mutexattr_setrobust)."""

import ctypes
import errno
import mmap
import os
import sys
from types import TracebackType
from typing import Any

SIZE = 64
"""Bytes to reserve for a mutex: a cache line, so that neighbours don't disturb each other. Linux needs 24 to 48."""

# The same in glibc and musl on all of Linux. glibc shares every robust mutex, but POSIX doesn't promise it.
_PROCESS_SHARED = 1
_ROBUST = 1
_ERROR_CHECK = 2

_NEEDED = (
    "pthread_mutexattr_init",
    "pthread_mutexattr_settype",
    "pthread_mutexattr_setpshared",
    "pthread_mutexattr_setrobust",
    "pthread_mutex_init",
    "pthread_mutex_trylock",
    "pthread_mutex_lock",
    "pthread_mutex_unlock",
    "pthread_mutex_consistent",
)


class UnsupportedPlatformError(OSError):
    """This platform has no robust mutexes between processes."""


class Mutex:
    """A mutex in shared memory, by ``with``. What it guards is right again after each single store, so that nothing has
    to be mended if an owner is killed: the next one just takes over.

    It is meant for microseconds without waiting: whoever wants it meanwhile stands still with all connections. It is
    not recursive, so keep it out of signal handlers and finalizers.
    """

    __slots__ = ("_address", "_memory")

    def __init__(self, memory: mmap.mmap, offset: int, *, new: bool = False) -> None:
        """The mutex at this offset of a shared mapping; ``new`` initialises it, which one process does once.

        Raises ValueError if it is misaligned or outside, and UnsupportedPlatformError.
        """
        if offset % SIZE or not 0 <= offset <= len(memory) - SIZE:
            raise ValueError(f"a mutex needs {SIZE} aligned bytes, which offset {offset} of {len(memory)} doesn't give")
        self._memory = memory  # stays mapped as long as anybody may hold the mutex
        self._address = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(memory, offset)))
        if new:
            _initialise(self._address)

    def __enter__(self) -> None:
        """Raises RuntimeError if this thread has the mutex already, or if it isn't one."""
        code = _try_lock(self._address)
        if code:
            self._take(code)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _unlock(self._address)

    def _take(self, code: int) -> None:
        if code == errno.EBUSY:
            code = _lock(self._address)
        if code == errno.EOWNERDEAD:
            code = _consistent(self._address)
        if code:
            raise RuntimeError(f"a shared mutex cannot be had: {os.strerror(code)}")


def check_platform() -> None:
    """Raises UnsupportedPlatformError where there are no robust mutexes."""
    missing = [name for name in _NEEDED if not hasattr(_libc, name)]
    if sys.platform != "linux":
        missing = [f"Linux (this is {sys.platform})"]
    if missing:
        raise UnsupportedPlatformError(
            errno.ENOSYS,
            f"limits that hold over all workers need robust mutexes, and this system lacks {', '.join(missing)}; "
            "use Linux with glibc 2.12 or newer",
        )


def _initialise(address: ctypes.c_void_p) -> None:
    check_platform()
    attributes = (ctypes.c_char * SIZE)()
    for step, code in (
        ("init", _libc.pthread_mutexattr_init(attributes)),
        ("settype", _libc.pthread_mutexattr_settype(attributes, _ERROR_CHECK)),
        ("setpshared", _libc.pthread_mutexattr_setpshared(attributes, _PROCESS_SHARED)),
        ("setrobust", _libc.pthread_mutexattr_setrobust(attributes, _ROBUST)),
        ("mutex_init", _libc.pthread_mutex_init(address, attributes)),
    ):
        if code:
            raise UnsupportedPlatformError(code, f"no robust mutexes here: {step}: {os.strerror(code)}")


def _function(library: ctypes.CDLL, name: str) -> Any:
    """Where it is missing, `check_platform` says so before anybody calls it."""
    return getattr(library, name, None)


# Calls of a PyDLL keep the interpreter's lock, which makes them cheaper. Only what may block lets other threads go on.
_libc = ctypes.PyDLL(None)
_try_lock = _function(_libc, "pthread_mutex_trylock")
_unlock = _function(_libc, "pthread_mutex_unlock")
_consistent = _function(_libc, "pthread_mutex_consistent")
_lock = _function(ctypes.CDLL(None), "pthread_mutex_lock")
