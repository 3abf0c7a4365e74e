"""Speed limits for one direction of one UDP association."""

from collections.abc import Callable, Sequence
from typing import Protocol

TYPICAL = 1500
"""Bytes that a datagram is taken for before it has come."""

NAP = 0.005
"""Seconds worth of datagrams that are saved up before a paused direction goes on: many wake-ups for one each cost more
than they smooth."""


class UdpSpeedLimit(Protocol):
    """g3's ``udp_sock_speed_limit``: per slice of 2^``shift_millis`` milliseconds, each way; 0 is no limit."""

    @property
    def shift_millis(self) -> int: ...

    @property
    def upload_bytes(self) -> int: ...

    @property
    def download_bytes(self) -> int: ...

    @property
    def upload_packets(self) -> int: ...

    @property
    def download_packets(self) -> int: ...


class _Bucket:
    """Tokens: so many per slice, at most one slice saved up; a debt is what went beyond."""

    __slots__ = ("_most", "_rate", "left")

    def __init__(self, per_slice: int, seconds: float) -> None:
        self._most = self.left = float(per_slice)
        self._rate = per_slice / seconds

    def fill(self, elapsed: float) -> None:
        self.left = min(self._most, self.left + elapsed * self._rate)

    def delay(self) -> float:
        """Seconds until it is worth while to go on."""
        useful = min(self._most, max(1.0, self._rate * NAP))
        return max((useful - self.left) / self._rate, 0.0)


class UdpPace:
    """What one direction may move. What a datagram holds is known once it is there, so that a debt is paid later."""

    __slots__ = ("_bytes", "_now", "_packets", "_seen")

    def __init__(self, now: Callable[[], float], limits: Sequence[tuple[int, int, float]]) -> None:
        """``limits`` are bytes and packets per slice, of which 0 is no limit, and the seconds of the slice.

        ``now`` reads a monotonic clock in seconds.
        """
        self._now = now
        self._seen = now()
        self._bytes = [_Bucket(size, seconds) for size, _, seconds in limits if size]
        self._packets = [_Bucket(packets, seconds) for _, packets, seconds in limits if packets]

    def allowed(self, most: int) -> int:
        """How many datagrams may be read now, up to ``most``; 0 means: wait for `delay`."""
        now = self._now()
        elapsed, self._seen = now - self._seen, now
        for bucket in self._bytes:
            bucket.fill(elapsed)
            # A whole datagram for the last bytes, or large ones would never pass a small limit.
            most = min(most, -int(-bucket.left // TYPICAL)) if bucket.left >= 1.0 else 0
        for bucket in self._packets:
            bucket.fill(elapsed)
            most = min(most, int(bucket.left))
        return max(most, 0)

    def spend(self, packets: int, size: int) -> None:
        """Note that so many datagrams with so many bytes in all have moved."""
        for bucket in self._bytes:
            bucket.left -= size
        for bucket in self._packets:
            bucket.left -= packets

    def delay(self) -> float:
        """Seconds until some datagrams may move, more than 0 even where rounding says otherwise."""
        return max(0.001, *(bucket.delay() for bucket in (*self._bytes, *self._packets)))


def udp_paces(now: Callable[[], float], *limits: UdpSpeedLimit | None) -> tuple[UdpPace | None, UdpPace | None]:
    """Fresh paces for one association under all of these limits: that of the upload and that of the download."""
    up: list[tuple[int, int, float]] = []
    down: list[tuple[int, int, float]] = []
    for limit in limits:
        if limit is not None:
            seconds = (1 << limit.shift_millis) / 1000
            up.append((limit.upload_bytes, limit.upload_packets, seconds))
            down.append((limit.download_bytes, limit.download_packets, seconds))
    return _pace(now, up), _pace(now, down)


def _pace(now: Callable[[], float], limits: list[tuple[int, int, float]]) -> UdpPace | None:
    return UdpPace(now, limits) if any(size or packets for size, packets, _ in limits) else None
