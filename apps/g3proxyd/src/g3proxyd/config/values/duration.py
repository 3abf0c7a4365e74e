"""Durations: `30`, `0.5`, `100ms`, `1h 30m 71s`; always seconds as a float."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Annotated, TypeAlias

from .mistake import nearest, show, wrong
from .value import Value

__all__ = ["Duration", "Timeout", "format_duration", "parse_duration"]

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
MAX_NANOSECONDS = 2**64 - 1  # 584 years: what upstream's 64-bit count of nanoseconds holds
MAX_CHARS = 128  # each unit once with 20 digits fits

_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?", re.ASCII)
_PART = re.compile(r"\s*([0-9]{1,20}(?:\.[0-9]{1,20})?)\s*(µs|[a-zA-Z]+)\s*")
_EXPECTED = "a number of seconds, or numbers with units ns, us, ms, s, m (min), h, d such as '1h 30m' or '100ms'"


def parse_duration(data: object) -> float:
    """Seconds: an integer or real number of seconds, or text with one or more units; text without a unit is seconds."""
    if isinstance(data, str):
        return _parse_text(data)
    if isinstance(data, bool) or not isinstance(data, int | float):
        raise wrong(f"{show(data)} is not a duration", expected=_EXPECTED)
    if isinstance(data, float) and not math.isfinite(data):
        raise wrong(f"{show(data)} is not a duration", expected=_EXPECTED)
    if data < 0:
        raise wrong(f"{show(data)} is negative", expected="a duration of zero or more")
    return _in_range(Fraction(data) * _NANOSECONDS["s"], data)


def format_duration(seconds: float) -> str:
    """Write seconds in the way of the configuration: `90.5` is `1m 30s 500ms`. Below a nanosecond is lost."""
    rest = round(Fraction(seconds) * _NANOSECONDS["s"])
    parts = []
    for unit in ("d", "h", "m", "s", "ms", "us", "ns"):
        count, rest = divmod(rest, _NANOSECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"


def _parse_text(text: str) -> float:
    stripped = text.strip()
    if not stripped or len(stripped) > MAX_CHARS:
        raise wrong(f"{show(text)} is not a duration", expected=_EXPECTED)
    if _NUMBER.fullmatch(stripped):
        return _in_range(Fraction(stripped) * _NANOSECONDS["s"], text)
    total = Fraction(0)
    position = 0
    while position < len(stripped):
        part = _PART.match(stripped, position)
        if part is None:
            raise wrong(f"{show(text)} is not a duration", expected=_EXPECTED)
        number, unit = part.groups()
        if unit not in _NANOSECONDS:
            suggestion = unit.lower() if unit.lower() in _NANOSECONDS else nearest(unit.lower(), _NANOSECONDS)
            raise wrong(f"{show(unit)} is not a unit of time", expected=_EXPECTED, suggestion=suggestion)
        total += Fraction(number) * _NANOSECONDS[unit]
        position = part.end()
    return _in_range(total, text)


def _in_range(nanoseconds: Fraction, data: object) -> float:
    if nanoseconds > MAX_NANOSECONDS:
        raise wrong(f"{show(data)} is too long", expected="at most 584 years")
    return float(nanoseconds / _NANOSECONDS["s"])


def _parse_timeout(data: object) -> float:
    seconds = parse_duration(data)
    if seconds == 0:
        raise wrong("0 would leave no time for anything", expected="a duration above zero")
    return seconds


_STRING = {"type": "string", "pattern": r"^\s*([0-9]+(\.[0-9]+)?\s*(ns|us|µs|ms|s|m|min|h|d)?\s*)+$"}

Duration: TypeAlias = Annotated[
    float,
    Value("duration", parse_duration, {"anyOf": [{"type": "number", "minimum": 0}, _STRING]}, display=format_duration),
]
Timeout: TypeAlias = Annotated[
    float,
    Value(
        "duration",
        _parse_timeout,
        {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, _STRING]},
        display=format_duration,
    ),
]
"""A duration that 0 makes no sense for."""
