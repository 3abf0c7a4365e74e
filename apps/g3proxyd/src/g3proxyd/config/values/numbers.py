"""Booleans and numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Annotated, TypeAlias

from ..keys import any_case
from .mistake import show, wrong
from .value import Value, list_of

__all__ = [
    "BOOLEAN_FORMS",
    "I32",
    "U8",
    "U16",
    "U32",
    "Boolean",
    "Count",
    "PositiveCount",
    "U32List",
    "integer_from",
    "parse_boolean",
    "parse_real",
    "span",
]

U8_MAX = 2**8 - 1
U16_MAX = 2**16 - 1
U32_MAX = 2**32 - 1
I32_MAX = 2**31 - 1
USIZE_MAX = 2**64 - 1

_TRUE = frozenset({"on", "true", "yes", "1"})
_FALSE = frozenset({"off", "false", "no", "0"})
BOOLEAN_FORMS: list[dict[str, object]] = [
    {"type": "boolean"},
    {"type": "integer"},
    {"type": "string", "pattern": f"^({'|'.join(map(any_case, sorted(_TRUE | _FALSE)))})$"},
]
_DECIMAL = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)  # 20 digits hold 2^64; longer ones only cost time
_REAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
_MAX_REAL_CHARS = 64


def parse_boolean(data: object) -> bool:
    """A boolean; on/true/yes/1 or off/false/no/0 in any case; or an integer, of which only 0 is false."""
    if isinstance(data, bool):
        return data
    if isinstance(data, int):
        return data != 0
    if isinstance(data, str):
        word = data.lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
    raise wrong(f"{show(data)} is not a boolean", expected="true or false (also on/off, yes/no, 1/0)")


def integer_from(low: int, high: int) -> Callable[[object], int]:
    """A parser of whole numbers from `low` to `high`: an integer, or its decimal digits as text."""

    def parse_integer(data: object) -> int:
        expected = f"a {span(low, high)}"
        if isinstance(data, str) and _DECIMAL.fullmatch(data):
            number = int(data)
        elif isinstance(data, int) and not isinstance(data, bool):
            number = data
        else:
            raise wrong(f"{show(data)} is not a whole number", expected=expected)
        if not low <= number <= high:
            raise wrong(f"{number} is out of range", expected=expected)
        return number

    return parse_integer


def span(low: int, high: int) -> str:
    """Name the whole numbers from `low` to `high`; the largest possible ones are no limit that a person set."""
    if high < USIZE_MAX:
        return f"whole number from {low} to {high}"
    return "whole number, 0 or more" if low == 0 else f"whole number, {low} or more"


def parse_real(data: object) -> float:
    """A finite number: real, integer, or either as text."""
    number = math.nan
    if isinstance(data, int | float) and not isinstance(data, bool):
        try:
            number = float(data)
        except OverflowError:
            number = math.inf
    elif isinstance(data, str) and len(data) <= _MAX_REAL_CHARS and _REAL.fullmatch(data):
        number = float(data)
    if not math.isfinite(number):
        raise wrong(f"{show(data)} is not a number", expected="a number such as 1 or 0.5")
    return number


def _integer(low: int, high: int) -> Value:
    text = {"type": "string", "pattern": r"^\+?[0-9]{1,20}$" if low >= 0 else r"^[+-]?[0-9]{1,20}$"}
    schema = {"anyOf": [{"type": "integer", "minimum": low, "maximum": high}, text]}
    return Value(span(low, high), integer_from(low, high), schema)


_U32_SCHEMA = _integer(0, U32_MAX).schema

Boolean: TypeAlias = Annotated[
    bool,
    Value(
        "boolean",
        parse_boolean,
        {"anyOf": BOOLEAN_FORMS},
        display=lambda value: "true" if value else "false",
    ),
]
U8: TypeAlias = Annotated[int, _integer(0, U8_MAX)]
U16: TypeAlias = Annotated[int, _integer(0, U16_MAX)]
U32: TypeAlias = Annotated[int, _integer(0, U32_MAX)]
I32: TypeAlias = Annotated[int, _integer(-I32_MAX - 1, I32_MAX)]
Count: TypeAlias = Annotated[int, _integer(0, USIZE_MAX)]
PositiveCount: TypeAlias = Annotated[int, _integer(1, USIZE_MAX)]
U32List: TypeAlias = Annotated[
    tuple[int, ...],
    Value(
        f"{span(0, U32_MAX)}, or list of them",
        list_of(integer_from(0, U32_MAX)),
        {"anyOf": [_U32_SCHEMA, {"type": "array", "items": _U32_SCHEMA}]},
    ),
]
