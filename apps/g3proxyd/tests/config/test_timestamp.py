"""Times of day and date."""

from collections.abc import Callable

import pytest
from g3proxyd.config.values.timestamp import parse_timestamp

Refused = Callable[[Callable[[object], object], object], list[str]]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("1970-01-01t00:00:01.5z", 1.5),
        ("1970-01-02 00:00:00-00:30", 88200.0),
        ("2030-01-02T03:04:05.123456789+08:00", 1893524645.123456),
    ],
)
def test_right(text: str, seconds: float) -> None:
    assert parse_timestamp(text) == seconds


@pytest.mark.parametrize(
    "data",
    [0, None, "", "2030-01-02", "2030-01-02T03:04:05", "2030-13-02T03:04:05Z", "20300102T030405Z",
     "2030-01-02T03:04:05+0800", "2030-01-02T03:04:05.Z", "٢030-01-02T03:04:05Z", "0000-01-01T00:00:00Z"],
)  # fmt: skip
def test_wrong(refused: Refused, data: object) -> None:
    (line,) = refused(parse_timestamp, data)
    assert "is not a time; expected a time such as 2030-01-02T03:04:05Z" in line
