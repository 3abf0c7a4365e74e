"""Sizes of a socket's buffers in the kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from ..keys import Aliases
from ..section import Section
from .mistake import Mistake
from .size import Size, parse_size

__all__ = ["SocketBuffer"]

BUFFER_MAX = 2**30  # the kernel doubles the number, in an int


class SocketBuffer(Section):
    """How many bytes may wait in the kernel on their way."""

    short_schema: ClassVar[Mapping[str, object] | None] = {
        "anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": r"^\s*[0-9]{1,20}\s*([kmgtpeKMGTPE][iI]?)?[bB]?\s*$"},
        ]
    }
    short_forms: ClassVar[str] = "a size (both directions)"

    recv: Annotated[Size | None, Aliases("receive", "read")] = None
    """Bytes that have come and wait to be read."""
    send: Annotated[Size | None, Aliases("write")] = None
    """Bytes that were written and wait to be sent."""

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        size = parse_size(data)
        return {"recv": size, "send": size}

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        conflicts += [
            Mistake(f"{getattr(self, key)} is too large", expected="at most 1GiB", path=(key,))
            for key in ("recv", "send")
            if (getattr(self, key) or 0) > BUFFER_MAX
        ]
        return {}
