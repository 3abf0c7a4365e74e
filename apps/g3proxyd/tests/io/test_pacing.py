"""Token buckets on a clock that the test turns."""

from dataclasses import dataclass

import pytest
from g3proxyd.io.pacing import Pace, paces
from hypothesis import given, settings
from hypothesis import strategies as st


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def test_a_slice_may_go_at_once_and_no_more() -> None:
    pace = Pace(1000, 0.5, Clock())
    assert pace.allowed(600) == 600
    pace.spend(600)
    assert pace.allowed(600) == 400
    pace.spend(400)
    assert pace.allowed(1) == 0


def test_what_is_spent_comes_back_with_time_up_to_one_slice() -> None:
    clock = Clock()
    pace = Pace(1000, 0.5, clock)
    pace.spend(1000)
    clock.now += 0.1
    assert pace.allowed(9999) == 200
    clock.now += 60
    assert pace.allowed(9999) == 1000


def test_the_delay_is_the_time_to_a_useful_number_of_bytes() -> None:
    pace = Pace(1_000_000, 1.0, Clock())
    pace.spend(1_000_000)
    assert pace.delay() == pytest.approx(0.065536)
    small = Pace(100, 1.0, Clock())
    small.spend(50)
    assert small.delay() == pytest.approx(0.5)
    assert Pace(100, 1.0, Clock()).delay() == 0.002


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 10_000), st.lists(st.tuples(st.floats(0, 3), st.integers(1, 20_000)), max_size=30))
def test_no_more_than_the_rate_and_one_slice_ever_moves(size: int, steps: list[tuple[float, int]]) -> None:
    clock = Clock()
    pace = Pace(size, 1.0, clock)
    moved = 0
    for seconds, wanted in steps:
        clock.now += seconds
        grant = pace.allowed(wanted)
        pace.spend(grant)
        moved += grant
        assert moved <= size * (1 + clock.now - 50.0) + 1


@dataclass
class Limit:
    shift_millis: int
    upload: int
    download: int


def test_paces_of_a_connection() -> None:
    up, down = paces(Clock(), None, Limit(10, 2048, 4096), None, Limit(0, 7, 9))
    assert [pace.allowed(99999) for pace in up] == [2048, 7]
    assert [pace.allowed(99999) for pace in down] == [4096, 9]
    assert paces(Clock(), None) == ([], [])
    up[0].spend(2048)
    assert up[0].delay() == pytest.approx(1.024)
