"""Large portions of what a fast TCP socket receives, so that a reader wakes up seldom and moves much each time.

A relay is quicker than most sources: left alone it is woken for each packet, and each wake-up costs more than the bytes
that it moves. While a source is fast, the kernel is asked to tell of bytes only when there are many (SO_RCVLOWAT, see
socket(7)); ends and errors it tells of at once. A tick reads what is there meanwhile, so that nothing waits longer than
that: the last bytes of an answer may be few, with no end behind them.
"""

import asyncio
import socket
from collections.abc import Callable

PORTION = 1 << 19
"""Bytes to wait for. Measured with 1 GiB on loopback: half of it saves less, twice as much no more."""

TICK = 0.004
"""Seconds that bytes may wait at most: a source that is just fast fills a portion meanwhile. Measured: with 2 ms the
ticks cost a twentieth of the whole where the machine is busy."""

FAST = 1 << 27
"""Bytes per second, from which on a source is fast: 1 Gbit/s."""

STRETCH = 4 << 20
"""Bytes after which it is looked how fast they came; most connections never see so many."""


class Portions:
    """The portions of one socket. `stop` must be called before the socket is closed."""

    __slots__ = ("_loop", "_mark", "_read", "_since", "_sock", "_stopped", "_timer")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, read: Callable[[], int], total: int
    ) -> None:
        """``read`` moves what the socket holds, if it is wanted now, and returns the bytes that have come in all.

        ``total`` are those up to now.
        """
        self._loop = loop
        self._sock = sock
        self._read = read
        self._mark, self._since = total, loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    def measure(self, total: int) -> None:
        """Look how fast bytes have come since the last call; worth while every `STRETCH` of them."""
        if self._timer is None and self._fast(total):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, PORTION)
            self._timer = self._loop.call_later(TICK, self._tick)

    def stop(self) -> None:
        """Read no more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def _fast(self, total: int) -> bool:
        moved, self._mark = total - self._mark, total
        now = self._loop.time()
        elapsed, self._since = now - self._since, now
        return moved >= FAST * elapsed

    def _tick(self) -> None:
        total = self._read()
        if self._stopped:  # that was the end
            return
        if self._fast(total):
            self._timer = self._loop.call_later(TICK, self._tick)
        else:
            self._timer = None
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
