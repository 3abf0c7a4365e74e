"""Where a server listens."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv6Address
from typing import Annotated, Any, ClassVar, TypeAlias

from ..keys import Aliases
from ..section import Section
from .address import Interface, ListedAddress, SocketAddress, parse_listed_address
from .keepalive import TcpKeepalive
from .mistake import Mistake, MistakeError, show, wrong
from .numbers import U16, U16_MAX, U32, Boolean, Count, parse_real
from .socket_buffer import SocketBuffer
from .sockopts import UdpMiscSockOpts
from .value import Value

__all__ = ["Listen", "TcpListen", "UdpListen", "parse_scale"]

BACKLOG_DEFAULT = 4096
BACKLOG_MIN = 8  # a smaller one is taken for a mistake, as upstream does


def parse_scale(data: object) -> float:
    """A share of the machine's parallelism: `0.5`, `50%` or `1/2`."""
    expected = "a share such as 0.5, 50% or 1/2"
    try:
        if isinstance(data, str) and data.endswith("%"):
            scale = parse_real(data[:-1].strip()) / 100
        elif isinstance(data, str) and "/" in data:
            above, below = (parse_real(part.strip()) for part in data.split("/", 1))
            scale = above / below
        else:
            scale = parse_real(data)
    except (MistakeError, ZeroDivisionError):
        raise wrong(f"{show(data)} is not a share", expected=expected) from None
    if scale < 0:
        raise wrong(f"{show(data)} is negative", expected=expected)
    return scale


_Scale: TypeAlias = Annotated[
    float,
    Value(
        "share",
        parse_scale,
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": r"^\+?[0-9.]+(\s*%|\s*/\s*[0-9.]+\s*)?$"},
            ]
        },
        display=lambda scale: f"{scale:g}",
    ),
]


class Listen(Section):
    """What listening sockets of all kinds share."""

    short_schema: ClassVar[Mapping[str, object] | None] = {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": U16_MAX},
            {"type": "string", "pattern": r"^(\$.+|@.+:[0-9]{1,5}|\[[^\[\]]+\]:[0-9]{1,5}|[0-9.]+:[0-9]{1,5})$"},
        ]
    }
    short_forms: ClassVar[str] = "a port (on all addresses) or a socket address"

    address: Annotated[ListedAddress, Aliases("addr")]
    """The address and port."""
    interface: Interface | None = None
    """Take what comes through this network interface alone (SO_BINDTODEVICE)."""
    ipv6_only: Annotated[Boolean, Aliases("ipv6only")] = False
    """Take nothing over IPv4 on an IPv6 address (IPV6_V6ONLY)."""
    instance: Annotated[Count, Aliases("instance_count")] = 1
    """Listening sockets, at least."""
    scale: _Scale = 0.0
    """Listening sockets as a share of the machine's parallelism; the larger of both counts."""

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        if isinstance(data, int) and not isinstance(data, bool):
            if not 0 <= data <= U16_MAX:
                raise wrong(f"{data} is out of range", expected=f"a port from 1 to {U16_MAX}")
            return {"address": SocketAddress(IPv6Address(0), data)}
        if isinstance(data, str):
            return {"address": parse_listed_address(data)}
        raise wrong(f"{show(data)} is not an address to listen on", expected=f"a map, {cls.short_forms}")

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        return {"instance": 1} if self.instance == 0 else {}

    def sockets(self, parallelism: int) -> int:
        """How many listening sockets to open on a machine with so many processors."""
        return max(self.instance, round(parallelism * self.scale))


class TcpListen(Listen):
    """A listening TCP socket."""

    keepalive: TcpKeepalive | None = None
    """Keep-alive of accepted connections."""
    max_segment_size: Annotated[U16 | None, Aliases("mss")] = None
    """The largest TCP segment (TCP_MAXSEG)."""
    backlog: U32 = BACKLOG_DEFAULT
    """Connections that may wait to be accepted; less than 8 means 4096."""
    netfilter_mark: Annotated[U32 | None, Aliases("fwmark", "mark")] = None
    """The mark of packets for firewall and routing rules (SO_MARK)."""
    follow_cpu_affinity: Boolean = False
    """Let each socket take the connections that arrive on its worker's processor (SO_INCOMING_CPU)."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        changes = super().settle(conflicts, notes)
        if self.backlog < BACKLOG_MIN:
            notes.append(Mistake(f"{self.backlog} is too small: {BACKLOG_DEFAULT} is used", path=("backlog",)))
            changes["backlog"] = BACKLOG_DEFAULT
        return changes


class UdpListen(Listen):
    """A UDP socket that clients send to."""

    socket_buffer: SocketBuffer | None = None
    """Sizes of the socket's buffers; unset is 1MiB each."""
    socket_misc_opts: UdpMiscSockOpts = UdpMiscSockOpts()
    """Options of the socket."""
