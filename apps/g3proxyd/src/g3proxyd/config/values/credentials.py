"""Names and passwords of users, ours at another proxy for instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeAlias

from .mistake import wrong
from .text import parse_text
from .value import Value

__all__ = ["Password", "Username", "parse_password", "parse_username"]

MAX_SIZE = 255  # what one byte of a SOCKS message can count (RFC 1929 section 2)


def parse_username(data: object) -> str:
    """1 to 255 bytes without a colon, which ends the name in other places (RFC 7617 section 2)."""
    text = _parse(data, "a user name")
    if not text:
        raise wrong("the user name is empty", expected="1 to 255 bytes")
    if ":" in text:
        raise wrong("a colon cannot be part of a user name", expected="a user name without a colon")
    return text


def parse_password(data: object) -> str:
    """At most 255 bytes."""
    return _parse(data, "a password")


def _parse(data: object, what: str) -> str:
    text = parse_text(data)
    size = len(text.encode())
    if size > MAX_SIZE:
        raise wrong(f"{what} of {size} bytes is too long", expected=f"at most {MAX_SIZE} bytes")
    if not text.isprintable():
        raise wrong(f"control characters cannot be part of {what}", expected="printable characters")
    return text


_SCHEMA: Mapping[str, object] = {"type": ["string", "number"]}

Username: TypeAlias = Annotated[str, Value("user name", parse_username, _SCHEMA)]
Password: TypeAlias = Annotated[str, Value("password", parse_password, _SCHEMA)]
