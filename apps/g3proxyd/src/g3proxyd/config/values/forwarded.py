"""How upstreams are told for whom a request is: `append_forwarded_for`."""

from __future__ import annotations

import enum
from typing import Annotated, TypeAlias

from ..keys import any_case
from .mistake import MistakeError, nearest, show, wrong
from .numbers import BOOLEAN_FORMS, parse_boolean
from .value import Value

__all__ = ["ForwardedFor", "ForwardedHeader", "parse_forwarded_for"]


class ForwardedFor(enum.Enum):
    """The header that names the client."""

    NONE = "none"
    CLASSIC = "classic"
    """X-Forwarded-For."""
    STANDARD = "standard"
    """Forwarded (RFC 7239)."""


_WORDS = {
    "none": ForwardedFor.NONE,
    "disable": ForwardedFor.NONE,
    "classic": ForwardedFor.CLASSIC,
    "enable": ForwardedFor.CLASSIC,
    "standard": ForwardedFor.STANDARD,
    "rfc7239": ForwardedFor.STANDARD,
}


def parse_forwarded_for(data: object) -> ForwardedFor:
    """A word in any case, or a boolean: true is classic, false is none."""
    if isinstance(data, str) and data.lower() in _WORDS:
        return _WORDS[data.lower()]
    try:
        return ForwardedFor.CLASSIC if parse_boolean(data) else ForwardedFor.NONE
    except MistakeError:
        raise wrong(
            f"{show(data)} is no kind of header",
            expected="none, classic, standard, or true or false",
            suggestion=nearest(data.lower(), _WORDS) if isinstance(data, str) else None,
        ) from None


ForwardedHeader: TypeAlias = Annotated[
    ForwardedFor,
    Value(
        "none, classic, standard or boolean",
        parse_forwarded_for,
        {"anyOf": [*BOOLEAN_FORMS, {"type": "string", "pattern": f"^({'|'.join(map(any_case, _WORDS))})$"}]},
        instance=ForwardedFor,
        display=lambda kind: str(kind.value),
    ),
]
