"""Limits and leniency."""

from dataclasses import fields

import pytest
from g3_http import (
    MAX_CONTENT_LENGTH,
    MAX_EMPTY_LINES,
    MAX_INTERIM_RESPONSES,
    MAX_METHOD_LENGTH,
    Leniency,
    Limits,
)


def test_defaults() -> None:
    limits = Limits()
    assert (limits.head_size, limits.line_length, limits.fields) == (65536, 65536, 512)
    assert (limits.body_line_length, limits.trailer_size) == (8192, 16384)
    assert (MAX_EMPTY_LINES, MAX_METHOD_LENGTH, MAX_INTERIM_RESPONSES) == (4, 64, 32)
    assert MAX_CONTENT_LENGTH == 9223372036854775807


def test_line_length_follows_the_head() -> None:
    assert Limits(head_size=100).line_length == 100
    assert Limits(head_size=100, line_length=50).line_length == 50


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
def test_too_small(name: str) -> None:
    least = 18 if name == "body_line_length" else 1
    assert getattr(Limits(**{name: least}), name) == least
    with pytest.raises(ValueError, match=r"^a limit that leaves room for nothing$"):
        Limits(**{name: -1 if name == "line_length" else least - 1})


def test_strict_by_default() -> None:
    assert not any(getattr(Leniency(), field.name) for field in fields(Leniency))
