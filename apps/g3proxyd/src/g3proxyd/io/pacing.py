"""Speed limits for one direction of one connection."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol


class SpeedLimit(Protocol):
    """g3's ``tcp_sock_speed_limit``: bytes per slice of 2^``shift_millis`` milliseconds, each way."""

    @property
    def shift_millis(self) -> int: ...

    @property
    def upload(self) -> int: ...

    @property
    def download(self) -> int: ...


class Pace:
    """A token bucket in bytes: so many per slice of time, at most one slice saved up."""

    __slots__ = ("_bytes", "_left", "_now", "_rate", "_seen")

    def __init__(self, bytes_per_slice: int, slice_seconds: float, now: Callable[[], float]) -> None:
        """``now`` reads a monotonic clock in seconds; both numbers are positive."""
        self._bytes = bytes_per_slice
        self._rate = bytes_per_slice / slice_seconds
        self._left = float(bytes_per_slice)
        self._now = now
        self._seen = now()

    def allowed(self, wanted: int) -> int:
        """How many of the wanted bytes may move now; 0 means: wait for `delay`."""
        now = self._now()
        self._left = min(self._bytes, self._left + (now - self._seen) * self._rate)
        self._seen = now
        return min(wanted, int(self._left))

    def spend(self, moved: int) -> None:
        """Note that so many bytes have moved."""
        self._left -= moved

    def delay(self) -> float:
        """Seconds until a useful number of bytes may move: 64 KiB, or a whole slice where that is less."""
        useful = min(self._bytes, 65536)
        return max(0.002, (useful - self._left) / self._rate)


def paces(now: Callable[[], float], *limits: SpeedLimit | None) -> tuple[list[Pace], list[Pace]]:
    """Fresh paces for one connection under all of these limits: those of the upload and those of the download."""
    up: list[Pace] = []
    down: list[Pace] = []
    for limit in limits:
        if limit is not None:
            seconds = (1 << limit.shift_millis) / 1000
            up.append(Pace(limit.upload, seconds, now))
            down.append(Pace(limit.download, seconds, now))
    return up, down


async def allowed(paces: Sequence[Pace], size: int) -> int:
    """Wait until all paces allow some of so many bytes; return how many."""
    while True:
        if (most := min(pace.allowed(size) for pace in paces)) > 0:
            return most
        await asyncio.sleep(max(pace.delay() for pace in paces))
