"""Booleans and numbers in all their forms."""

from collections.abc import Callable
from typing import Any

import pytest
from g3proxyd.config.nodes import Real
from g3proxyd.config.values.mistake import MistakeError
from g3proxyd.config.values.numbers import integer_from, parse_boolean, parse_real, span
from hypothesis import given
from hypothesis import strategies as st

BOOLEAN = "expected true or false (also on/off, yes/no, 1/0)"


@pytest.mark.parametrize("data", [True, "on", "ON", "true", "Yes", "1", 1, 2, -1])
def test_true(data: object) -> None:
    assert parse_boolean(data) is True


@pytest.mark.parametrize("data", [False, "off", "Off", "FALSE", "no", "0", 0])
def test_false(data: object) -> None:
    assert parse_boolean(data) is False


@pytest.mark.parametrize(
    ("data", "shown"),
    [("", "''"), ("y", "'y'"), ("2", "'2'"), (None, "nothing"), (0.0, "0.0"), ([True], "a list"), ({}, "a map")],
)
def test_not_a_boolean(data: object, shown: str, refused: Callable[..., list[str]]) -> None:
    assert refused(parse_boolean, data) == [f"{shown} is not a boolean; {BOOLEAN}"]


@pytest.mark.parametrize(("data", "number"), [(0, 0), (255, 255), ("0", 0), ("255", 255), ("+7", 7), ("007", 7)])
def test_integer(data: object, number: int) -> None:
    assert integer_from(0, 255)(data) == number


def test_negative_integer_where_it_may_be() -> None:
    assert integer_from(-5, 5)("-5") == -5


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (256, "256 is out of range"),
        (-1, "-1 is out of range"),
        ("-1", "-1 is out of range"),
        ("1e2", "'1e2' is not a whole number"),
        ("1_0", "'1_0' is not a whole number"),
        (" 1", "' 1' is not a whole number"),
        ("", "'' is not a whole number"),
        ("٣", "'٣' is not a whole number"),
        (True, "true is not a whole number"),
        (1.0, "1.0 is not a whole number"),
        (None, "nothing is not a whole number"),
        ("9" * 21, "'999999999999999999999' is not a whole number"),
    ],
)
def test_not_an_integer(data: object, message: str, refused: Callable[..., list[str]]) -> None:
    assert refused(integer_from(0, 255), data) == [f"{message}; expected a whole number from 0 to 255"]


def test_spans_are_named_for_people() -> None:
    assert span(1, 12) == "whole number from 1 to 12"
    assert span(0, 2**64 - 1) == "whole number, 0 or more"
    assert span(1, 2**64 - 1) == "whole number, 1 or more"


@pytest.mark.parametrize(
    ("data", "number"), [(1, 1.0), (0.5, 0.5), (Real("0.5"), 0.5), ("0.5", 0.5), ("-1e3", -1000.0), (".5", 0.5)]
)
def test_real(data: object, number: float) -> None:
    assert parse_real(data) == number


@pytest.mark.parametrize(
    "data", [True, None, "", "nan", "inf", "1_0", "0x10", float("nan"), float("inf"), 10**400, "1e999", "1" * 65]
)
def test_not_a_real_number(data: Any) -> None:
    with pytest.raises(MistakeError, match="is not a number"):
        parse_real(data)


@given(st.integers(min_value=-(2**70), max_value=2**70))
def test_text_and_integer_are_the_same_number(number: int) -> None:
    parse = integer_from(-(2**70), 2**70)
    assert parse(number) == number
    if abs(number) < 10**20:
        assert parse(str(number)) == number
