"""The version of a PROXY header."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from .numbers import integer_from
from .value import Value

__all__ = ["ProxyProtocol"]

ProxyProtocol: TypeAlias = Annotated[
    int,
    Value(
        "version 1 or 2",
        integer_from(1, 2),
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 2},
                {"type": "string", "pattern": r"^\+?0{0,19}[12]$"},
            ]
        },
    ),
]
"""1, a line of text, or 2, a binary header."""
