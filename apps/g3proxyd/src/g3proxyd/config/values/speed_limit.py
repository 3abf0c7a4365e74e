"""Speed limits of single sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar

from pydantic import AfterValidator

from ..keys import Aliases
from ..section import Section
from .mistake import Mistake, show, wrong
from .numbers import Count, integer_from, span
from .size import Rate, parse_rate
from .value import Value

__all__ = ["SocketSpeedLimit", "TcpSockSpeedLimit", "UdpSockSpeedLimit", "UdpSocketSpeedLimit"]

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

_SHORT_SCHEMA: Mapping[str, object] = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": r"^\s*[0-9]{1,20}\s*([kmgtpeKMGTPE][iI]?)?[bB]?\s*(/[sS]\s*)?$"},
    ]
}
_SHORT_FORMS = "a size (both directions, slices of 1024 milliseconds)"


class TcpSockSpeedLimit(Section):
    """How many bytes one TCP socket may move in a slice of 2^`shift_millis` milliseconds."""

    short_schema: ClassVar[Mapping[str, object] | None] = _SHORT_SCHEMA
    short_forms: ClassVar[str] = _SHORT_FORMS

    shift_millis: Annotated[_Shift, Aliases("shift")] = 0
    """The slice is 2 to this power milliseconds; 0, or no such key, means no limit at all."""
    upload: Annotated[Rate, Aliases("north", "upload_bytes", "north_bytes")] = 0
    """Bytes in a slice from the client to the remote side."""
    download: Annotated[Rate, Aliases("south", "download_bytes", "south_bytes")] = 0
    """Bytes in a slice from the remote side to the client."""

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        size = _whole_rate(data)
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


class UdpSockSpeedLimit(Section):
    """How much one UDP socket may move in a slice of 2^`shift_millis` milliseconds; 0 is no limit."""

    short_schema: ClassVar[Mapping[str, object] | None] = _SHORT_SCHEMA
    short_forms: ClassVar[str] = _SHORT_FORMS

    shift_millis: Annotated[_Shift, Aliases("shift")] = 0
    """The slice is 2 to this power milliseconds; 0, or no such key, means no limit at all."""
    upload_bytes: Annotated[Rate, Aliases("north_bytes")] = 0
    """Bytes in a slice from the client to the remote side."""
    download_bytes: Annotated[Rate, Aliases("south_bytes")] = 0
    """Bytes in a slice from the remote side to the client."""
    upload_packets: Annotated[Count, Aliases("north_packets")] = 0
    """Packets in a slice from the client to the remote side."""
    download_packets: Annotated[Count, Aliases("south_packets")] = 0
    """Packets in a slice from the remote side to the client."""

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        size = _whole_rate(data)
        return {"shift_millis": SHIFT_DEFAULT, "upload_bytes": size, "download_bytes": size}

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        numbers = (self.upload_bytes, self.download_bytes, self.upload_packets, self.download_packets)
        if self.shift_millis == 0 and any(numbers):
            notes.append(Mistake("no limit applies: 'shift_millis' is not set"))
        return {}


def _whole_rate(data: object) -> int:
    if not isinstance(data, int | str) or isinstance(data, bool):
        raise wrong(f"{show(data)} is not a speed limit", expected=_EXPECTED)
    size = parse_rate(data)
    if size == 0:
        raise wrong("a limit of 0 would stop all traffic", expected=_EXPECTED)
    return size


_Limit = TypeVar("_Limit", TcpSockSpeedLimit, UdpSockSpeedLimit)


def _none_if_off(limit: _Limit | None) -> _Limit | None:
    return limit if limit is not None and limit.shift_millis else None


SocketSpeedLimit: TypeAlias = Annotated[TcpSockSpeedLimit | None, AfterValidator(_none_if_off)]
"""A limit, or None when there is none."""
UdpSocketSpeedLimit: TypeAlias = Annotated[UdpSockSpeedLimit | None, AfterValidator(_none_if_off)]
"""The same for UDP."""
