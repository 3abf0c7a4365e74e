"""Times of day and date: `2030-01-02T03:04:05Z` (RFC 3339)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, TypeAlias

from .mistake import show, wrong
from .value import Value

__all__ = ["Timestamp", "parse_timestamp"]

_FORM = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
_is_rfc3339 = re.compile(_FORM, re.ASCII).fullmatch


def parse_timestamp(data: object) -> float:
    """Seconds since 1970; a time without an offset from UTC is nobody's."""
    if isinstance(data, str) and _is_rfc3339(data):
        try:
            return datetime.fromisoformat(data.upper()).timestamp()
        except (ValueError, OverflowError):
            pass
    raise wrong(f"{show(data)} is not a time", expected="a time such as 2030-01-02T03:04:05Z (RFC 3339)")


Timestamp: TypeAlias = Annotated[
    float, Value("time", parse_timestamp, {"type": "string", "pattern": f"^{_FORM}$"}, instance=float)
]
