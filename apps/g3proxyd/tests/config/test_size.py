"""Sizes and rates in all their forms."""

import contextlib
from collections.abc import Callable

import pytest
from g3proxyd.config.values.mistake import MistakeError
from g3proxyd.config.values.size import format_size, parse_rate, parse_size
from hypothesis import given
from hypothesis import strategies as st

EXPECTED = "expected a number of bytes, or a whole number with a unit such as 64KiB (1024) or 64KB (1000; K means KB)"


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (0, 0),
        (65536, 65536),
        ("65536", 65536),
        ("10b", 10),
        ("1K", 1000),
        ("1k", 1000),
        ("1KB", 1000),
        ("1KiB", 1024),
        ("1Ki", 1024),
        ("1 mib", 1048576),
        ("2M", 2_000_000),
        ("3GB", 3_000_000_000),
        ("1TiB", 1 << 40),
        ("1PB", 10**15),
        ("15EiB", 15 << 60),
    ],
)
def test_size(data: object, size: int) -> None:
    assert parse_size(data) == size
    assert parse_rate(data) == size


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", f"'' is not a size; {EXPECTED}"),
        ("K", f"'K' is not a size; {EXPECTED}"),
        ("1.5M", f"'1.5M' is not a size; {EXPECTED}"),
        ("1_000", f"'1_000' is not a size; {EXPECTED}"),
        ("10M/s", f"'10M/s' is not a size; {EXPECTED}"),
        (1.0, f"1.0 is not a size; {EXPECTED}"),
        (True, f"true is not a size; {EXPECTED}"),
        (None, f"nothing is not a size; {EXPECTED}"),
        (-1, f"-1 is negative; {EXPECTED}"),
        ("10KBi", f"'KBi' is not a unit of size; {EXPECTED}; suggested KB"),
        ("10x", f"'x' is not a unit of size; {EXPECTED}"),
        (2**64, "18446744073709551616 is too large; expected at most 18446744073709551615 bytes"),
        ("99EB", "'99EB' is too large; expected at most 18446744073709551615 bytes"),
    ],
)
def test_not_a_size(data: object, message: str, refused: Callable[..., list[str]]) -> None:
    assert refused(parse_size, data) == [message]


@pytest.mark.parametrize("data", ["10M/s", "10MB/s", "10 m/S ", "10000000/s"])
def test_a_rate_may_say_that_it_is_one(data: str) -> None:
    assert parse_rate(data) == 10_000_000


@pytest.mark.parametrize("data", ["10M/m", "/s", "10M//s", "10M/s/s"])
def test_not_a_rate(data: str) -> None:
    with pytest.raises(MistakeError, match="is not a size"):
        parse_rate(data)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0"), (1, "1"), (4096, "4KiB"), (64000, "64KB"), (10**6, "1MB"), (1 << 20, "1MiB")]
)
def test_written_for_people(size: int, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_what_is_written_is_read_back(size: int) -> None:
    assert parse_size(format_size(size)) == size


@given(st.text(max_size=40) | st.text(alphabet="0123456789kKmMiIbB /s", max_size=40))
def test_text_is_a_rate_or_a_mistake(text: str) -> None:
    with contextlib.suppress(MistakeError):
        assert 0 <= parse_rate(text) < 2**64
