"""Sizes in bytes: `65536`, `64KiB`, `1MB`, `512K`."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from .mistake import nearest, show, wrong
from .value import Value

__all__ = ["Rate", "Size", "format_size", "parse_rate", "parse_size"]

MAX_SIZE = 2**64 - 1

_PREFIXES = "kmgtpe"
_UNITS = {"": 1, "b": 1}
for _power, _prefix in enumerate(_PREFIXES, start=1):
    _UNITS |= {_prefix: 1000**_power, f"{_prefix}b": 1000**_power}
    _UNITS |= {f"{_prefix}i": 1024**_power, f"{_prefix}ib": 1024**_power}
_TEXT = re.compile(r"\s*([0-9]{1,20})\s*([a-zA-Z]*)\s*", re.ASCII)
_EXPECTED = "a number of bytes, or a whole number with a unit such as 64KiB (1024) or 64KB (1000; K means KB)"


def parse_size(data: object) -> int:
    """Bytes: an integer, or a whole number with a unit. KiB, MiB, ... are powers of 1024; K, KB, M, MB, ... of 1000."""
    if isinstance(data, int) and not isinstance(data, bool):
        if data < 0:
            raise wrong(f"{data} is negative", expected=_EXPECTED)
        return _in_range(data, data)
    found = _TEXT.fullmatch(data) if isinstance(data, str) else None
    if found is None:
        raise wrong(f"{show(data)} is not a size", expected=_EXPECTED)
    number, unit = found.groups()
    if unit.lower() not in _UNITS:
        known = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "KB", "MB", "GB", "TB", "PB", "EB")
        raise wrong(f"{show(unit)} is not a unit of size", expected=_EXPECTED, suggestion=nearest(unit, known))
    return _in_range(int(number) * _UNITS[unit.lower()], data)


def parse_rate(data: object) -> int:
    """Bytes in a second: a size, with or without `/s` behind it."""
    if isinstance(data, str) and data.rstrip().lower().endswith("/s"):
        data = data.rstrip()[:-2]
    return parse_size(data)


def format_size(size: int) -> str:
    """Write bytes in the way of the configuration, in the largest unit that leaves a whole number."""
    best, text = 1, str(size)
    for unit in ("KB", "KiB", "MB", "MiB", "GB", "GiB", "TB", "TiB", "PB", "PiB", "EB", "EiB"):
        factor = _UNITS[unit.lower()]
        if size and size % factor == 0 and factor > best:
            best, text = factor, f"{size // factor}{unit}"
    return text


def _in_range(size: int, data: object) -> int:
    if size > MAX_SIZE:
        raise wrong(f"{show(data)} is too large", expected=f"at most {MAX_SIZE} bytes")
    return size


_PATTERN = r"^\s*[0-9]{1,20}\s*([kmgtpeKMGTPE][iI]?)?[bB]?\s*"

Size: TypeAlias = Annotated[
    int,
    Value(
        "size",
        parse_size,
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": _PATTERN + "$"}]},
        display=format_size,
    ),
]
Rate: TypeAlias = Annotated[
    int,
    Value(
        "size",
        parse_rate,
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": _PATTERN + r"(/[sS]\s*)?$"}]},
        display=format_size,
    ),
]
