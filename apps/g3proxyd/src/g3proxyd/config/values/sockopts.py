"""Options that are set on sockets."""

from __future__ import annotations

from typing import Annotated

from ..keys import Aliases
from ..section import Section
from .numbers import U8, U16, U32, Boolean
from .text import Text

__all__ = ["TcpMiscSockOpts", "UdpMiscSockOpts"]


class UdpMiscSockOpts(Section):
    """Options of UDP sockets. What is unset stays as the operating system has it."""

    time_to_live: Annotated[U8 | None, Aliases("ttl")] = None
    """Hops that an IPv4 packet may take (IP_TTL)."""
    hop_limit: U8 | None = None
    """Hops that an IPv6 packet may take (IPV6_UNICAST_HOPS)."""
    type_of_service: Annotated[U8 | None, Aliases("tos")] = None
    """The type-of-service byte of IPv4 packets (IP_TOS)."""
    traffic_class: U8 | None = None
    """The traffic-class byte of IPv6 packets (IPV6_TCLASS)."""
    netfilter_mark: Annotated[U32 | None, Aliases("mark")] = None
    """The mark of packets for firewall and routing rules (SO_MARK)."""


class TcpMiscSockOpts(Section):
    """Options of TCP sockets. What is unset stays as the operating system has it, but for `no_delay`, which is on."""

    no_delay: Boolean | None = None
    """Send small pieces at once (TCP_NODELAY); unset is on."""
    max_segment_size: Annotated[U16 | None, Aliases("mss")] = None
    """The largest TCP segment (TCP_MAXSEG)."""
    congestion_control: Text | None = None
    """The congestion algorithm by its name in the kernel (TCP_CONGESTION)."""
    time_to_live: Annotated[U8 | None, Aliases("ttl")] = None
    """Hops that an IPv4 packet may take (IP_TTL)."""
    hop_limit: U8 | None = None
    """Hops that an IPv6 packet may take (IPV6_UNICAST_HOPS)."""
    type_of_service: Annotated[U8 | None, Aliases("tos")] = None
    """The type-of-service byte of IPv4 packets (IP_TOS)."""
    traffic_class: U8 | None = None
    """The traffic-class byte of IPv6 packets (IPV6_TCLASS)."""
    netfilter_mark: Annotated[U32 | None, Aliases("mark")] = None
    """The mark of packets for firewall and routing rules (SO_MARK)."""
