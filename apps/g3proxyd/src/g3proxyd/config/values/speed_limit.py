"""Speed limits of single sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeAlias

from pydantic import AfterValidator

from ..keys import Aliases
from ..section import Section
from .mistake import Mistake, show, wrong
from .numbers import integer_from, span
from .size import Rate, parse_rate
from .value import Value

__all__ = ["SocketSpeedLimit", "TcpSockSpeedLimit"]

SHIFT_MAX = 12  # slices of about four seconds: longer ones would let a connection stall noticeably
SHIFT_DEFAULT = 10  # slices of about one second

_EXPECTED = "bytes per second such as 10M, or a map"

_Shift: TypeAlias = Annotated[
    int,
    Value(
        span(0, SHIFT_MAX),
        integer_from(0, SHIFT_MAX),
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": SHIFT_MAX},
                {"type": "string", "pattern": r"^\+?[0-9]{1,2}$"},
            ]
        },
    ),
]


class TcpSockSpeedLimit(Section):
    """How many bytes one TCP socket may move in a slice of 2^`shift_millis` milliseconds."""

    short_schema: ClassVar[Mapping[str, object] | None] = {
        "anyOf": [
            {"type": "integer", "minimum": 1},
            {"type": "string", "pattern": r"^\s*[0-9]{1,20}\s*([kmgtpeKMGTPE][iI]?)?[bB]?\s*(/[sS]\s*)?$"},
        ]
    }
    short_forms: ClassVar[str] = "a size (both directions, slices of 1024 milliseconds)"

    shift_millis: Annotated[_Shift, Aliases("shift")] = 0
    """The slice is 2 to this power milliseconds; 0, or no such key, means no limit at all."""
    upload: Annotated[Rate, Aliases("north", "upload_bytes", "north_bytes")] = 0
    """Bytes in a slice from the client to the remote side."""
    download: Annotated[Rate, Aliases("south", "download_bytes", "south_bytes")] = 0
    """Bytes in a slice from the remote side to the client."""

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        if not isinstance(data, int | str) or isinstance(data, bool):
            raise wrong(f"{show(data)} is not a speed limit", expected=_EXPECTED)
        size = parse_rate(data)
        if size == 0:
            raise wrong("a limit of 0 would stop all traffic", expected=_EXPECTED)
        return {"shift_millis": SHIFT_DEFAULT, "upload": size, "download": size}

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if self.shift_millis == 0:
            if self.upload or self.download:
                notes.append(Mistake("no limit applies: 'shift_millis' is not set"))
            return {}
        conflicts += [
            Mistake(f"a limit of 0 would stop all traffic: {key!r} is missing or 0", path=(key,))
            for key in ("upload", "download")
            if getattr(self, key) == 0
        ]
        return {}


def _none_if_off(limit: TcpSockSpeedLimit | None) -> TcpSockSpeedLimit | None:
    return limit if limit is not None and limit.shift_millis else None


SocketSpeedLimit: TypeAlias = Annotated[TcpSockSpeedLimit | None, AfterValidator(_none_if_off)]
"""A limit, or None when there is none."""
