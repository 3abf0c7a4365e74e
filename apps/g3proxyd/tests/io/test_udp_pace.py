"""Speed limits of UDP, on a clock that the test turns."""

from dataclasses import dataclass

import pytest
from g3proxyd.io.udp_pace import UdpPace, udp_paces


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Limit:
    shift_millis: int = 10
    upload_bytes: int = 0
    download_bytes: int = 0
    upload_packets: int = 0
    download_packets: int = 0


def moved(pace: UdpPace, clock: Clock, seconds: float, size: int, most: int = 64) -> int:
    """Datagrams that pass in so many seconds when there are always more."""
    count = 0
    end = clock.now + seconds
    while clock.now <= end:
        allowed = pace.allowed(most)
        if allowed:
            pace.spend(allowed, allowed * size)
            count += allowed
        else:
            assert pace.delay() > 0
            clock.now += pace.delay()
    return count


def test_nothing_is_limited_without_limits() -> None:
    assert udp_paces(Clock(), None, Limit(), None) == (None, None)


def test_each_way_has_its_own_limits() -> None:
    up, down = udp_paces(Clock(), Limit(upload_bytes=5))
    assert up is not None
    assert down is None
    up, down = udp_paces(Clock(), None, Limit(download_packets=5))
    assert up is None
    assert down is not None


@pytest.mark.parametrize("size", [0, 64, 1200, 65000])
def test_packets(size: int) -> None:
    clock = Clock()
    pace, _ = udp_paces(clock, Limit(upload_packets=100))
    assert pace is not None
    # 100 at once, then 100 for each slice of 1.024 seconds
    assert 100 + 970 <= moved(pace, clock, 10.0, size) <= 100 + 985


@pytest.mark.parametrize(("size", "slack"), [(100, 0.02), (1200, 0.02), (9000, 0.05), (65000, 0.4)])
def test_bytes(size: int, slack: float) -> None:
    clock = Clock()
    _, pace = udp_paces(clock, Limit(shift_millis=10, download_bytes=1_024_000))
    assert pace is not None
    total = moved(pace, clock, 20.0, size) * size
    assert total == pytest.approx(1_024_000 + 20_000_000, rel=slack)


def test_the_tightest_of_several_limits_counts() -> None:
    clock = Clock()
    pace, _ = udp_paces(clock, Limit(upload_bytes=10**9), Limit(upload_packets=1024), Limit(upload_packets=10**6))
    assert pace is not None
    assert moved(pace, clock, 10.0, 100) == pytest.approx(1024 + 10_000, rel=0.02)


def test_a_small_limit_lets_large_datagrams_pass_now_and_then() -> None:
    clock = Clock()
    pace, _ = udp_paces(clock, Limit(upload_bytes=100))
    assert pace is not None
    assert pace.allowed(64) == 1
    pace.spend(1, 1400)
    assert pace.allowed(64) == 0
    clock.now += pace.delay()
    assert pace.allowed(64) == 1
    assert clock.now == pytest.approx(50.0 + 1.024 * 13.01, rel=0.01)


def test_no_more_than_a_slice_is_saved_up() -> None:
    clock = Clock()
    pace, _ = udp_paces(clock, Limit(upload_packets=7))
    assert pace is not None
    clock.now += 1000
    assert pace.allowed(64) == 7
    assert pace.allowed(3) == 3
