"""Virtual time."""

import pytest
from g3_machine.testing import Clock


class Timer:
    """Fires at each of its times."""

    def __init__(self, *times: float) -> None:
        self.times = list(times)
        self.seen: list[float] = []

    def next_timeout(self) -> float | None:
        return self.times[0] if self.times else None

    def handle_timeout(self, now: float) -> None:
        self.seen.append(now)
        self.times.pop(0)


def test_a_clock_moves_only_when_told() -> None:
    clock = Clock(5.0)
    assert clock.now == 5.0
    assert clock.advance(1.5) == 6.5
    assert clock.advance(0) == 6.5
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-0.1)


def test_timers_fire_at_their_own_times() -> None:
    clock, timer = Clock(), Timer(1.0, 1.0, 2.5, 4.0)
    assert clock.run_timers(timer, until=2.5) == [1.0, 1.0, 2.5]
    assert (clock.now, timer.seen, timer.times) == (2.5, [1.0, 1.0, 2.5], [4.0])
    assert clock.run_timers(timer, until=9.0) == [4.0]
    assert clock.now == 9.0


def test_an_overdue_timer_does_not_turn_time_back() -> None:
    clock, timer = Clock(10.0), Timer(3.0)
    assert clock.run_timers(timer, until=10.0) == [10.0]
    assert clock.run_timers(timer, until=8.0) == []
    assert clock.now == 10.0


def test_many_timers_may_be_due_at_once_but_not_for_ever() -> None:
    assert len(Clock().run_timers(Timer(*[1.0] * 1000), until=1.0)) == 1000
    with pytest.raises(AssertionError, match="stays"):
        Clock().run_timers(Timer(*[1.0] * 1001), until=1.0)
    assert Clock().now == 0.0


def test_a_timer_that_stays_is_found_out() -> None:
    class Stuck(Timer):
        def handle_timeout(self, now: float) -> None:
            self.seen.append(now)

    with pytest.raises(AssertionError, match=r"stays at 1\.0"):
        Clock().run_timers(Stuck(1.0), until=2.0)
