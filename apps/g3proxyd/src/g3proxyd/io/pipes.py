"""The kernel pipes that splice needs, shared by all relays of a worker."""

import fcntl
import os
import time
from collections.abc import Callable

PIPE_SIZE = 1 << 20
"""Bytes a pipe holds. Measured: only pipes of 1 MiB pay clearly; small ones cost more than copying."""

MOST_PIPES = 16
"""Pipes out at once in one worker. An unprivileged user has about 60 of 1 MiB before the kernel refuses."""

RETRY_SECONDS = 10.0
"""How long to go without new pipes after the kernel refused to enlarge one."""

Pipe = tuple[int, int]


class PipePool:
    """Pipes that are borrowed while bytes are in flight and given back empty."""

    def __init__(
        self, size: int = PIPE_SIZE, most: int = MOST_PIPES, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.size = size
        self.out = 0
        """Pipes that are borrowed now."""
        self._most = most
        self._now = now
        self._free: list[Pipe] = []
        self._retry_at = 0.0

    def borrow(self) -> Pipe | None:
        """An empty pipe, as (read end, write end), or None: then copy instead."""
        if self._free:
            self.out += 1
            return self._free.pop()
        if self.out >= self._most or self._now() < self._retry_at:
            return None
        try:
            pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # out of descriptors
            return None
        try:
            fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, self.size)
        except OSError:  # over the user's share (pipe-user-pages-soft): a small pipe is worse than copying
            self._retry_at = self._now() + RETRY_SECONDS
            _close(pipe)
            return None
        self.out += 1
        return pipe

    def give_back(self, pipe: Pipe) -> None:
        """Return a pipe that is empty."""
        self.out -= 1
        self._free.append(pipe)

    def drop(self, pipe: Pipe) -> None:
        """Close a pipe that still holds bytes: it must never reach another connection."""
        self.out -= 1
        _close(pipe)

    def close(self) -> None:
        """Close the pipes that nobody has borrowed."""
        while self._free:
            _close(self._free.pop())


def _close(pipe: Pipe) -> None:
    os.close(pipe[0])
    os.close(pipe[1])
