"""Durations in all their forms."""

import contextlib
from collections.abc import Callable

import pytest
from g3proxyd.config.values.duration import format_duration, parse_duration
from g3proxyd.config.values.mistake import MistakeError
from hypothesis import given
from hypothesis import strategies as st

EXPECTED = (
    "expected a number of seconds, or numbers with units ns, us, ms, s, m (min), h, d such as '1h 30m' or '100ms'"
)


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (0, 0.0),
        (30, 30.0),
        (0.5, 0.5),
        ("0", 0.0),
        ("30", 30.0),
        ("0.5", 0.5),
        ("1h 30m 71s", 5471.0),
        ("1h30m71s", 5471.0),
        ("  5 min ", 300.0),
        ("5m", 300.0),
        ("100ms", 0.1),
        ("1us", 1e-6),
        ("1µs", 1e-6),
        ("1ns", 1e-9),
        ("2d", 172800.0),
        ("1.5h", 5400.0),
        ("1s 1s", 2.0),
    ],
)
def test_duration(data: object, seconds: float) -> None:
    assert parse_duration(data) == seconds


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", f"'' is not a duration; {EXPECTED}"),
        (" ", f"' ' is not a duration; {EXPECTED}"),
        ("abc", f"'abc' is not a duration; {EXPECTED}"),
        ("1h 30", f"'1h 30' is not a duration; {EXPECTED}"),
        ("-1s", f"'-1s' is not a duration; {EXPECTED}"),
        ("10:30", f"'10:30' is not a duration; {EXPECTED}"),
        ("1..5s", f"'1..5s' is not a duration; {EXPECTED}"),
        (None, f"nothing is not a duration; {EXPECTED}"),
        (True, f"true is not a duration; {EXPECTED}"),
        ([1], f"a list is not a duration; {EXPECTED}"),
        (float("nan"), f"nan is not a duration; {EXPECTED}"),
        (float("inf"), f"inf is not a duration; {EXPECTED}"),
        (-1, "-1 is negative; expected a duration of zero or more"),
        (-0.5, "-0.5 is negative; expected a duration of zero or more"),
        ("5 minutes", f"'minutes' is not a unit of time; {EXPECTED}; suggested min"),
        ("5 y", f"'y' is not a unit of time; {EXPECTED}"),
        ("5H", f"'H' is not a unit of time; {EXPECTED}; suggested h"),
        ("5mins", f"'mins' is not a unit of time; {EXPECTED}; suggested min"),
        ("99999999999d", "'99999999999d' is too long; expected at most 584 years"),
        (2**65, "36893488147419103232 is too long; expected at most 584 years"),
        ("1s" * 65, f"'{'1s' * 27}1...' is not a duration; {EXPECTED}"),
    ],
)
def test_not_a_duration(data: object, message: str, refused: Callable[..., list[str]]) -> None:
    assert refused(parse_duration, data) == [message]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0s"), (90.5, "1m 30s 500ms"), (36000.0, "10h"), (86401.0, "1d 1s"), (1e-9, "1ns")]
)
def test_written_for_people(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(min_value=0, max_value=2**53))
def test_what_is_written_is_read_back(nanoseconds: int) -> None:
    seconds = nanoseconds / 1e9
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, abs=1e-9)


@given(st.text(max_size=200) | st.text(alphabet="0123456789.smhd n", max_size=200))
def test_text_is_a_duration_or_a_mistake(text: str) -> None:
    with contextlib.suppress(MistakeError):
        assert 0 <= parse_duration(text) < 2**65
