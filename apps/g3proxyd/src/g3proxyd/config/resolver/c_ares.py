"""The resolver built on the c-ares library."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from ..module import TypeName
from ..values.address import Ipv4, Ipv6, SocketAddress, parse_ip, parse_socket_address
from ..values.mistake import MistakeError, show, wrong
from ..values.numbers import I32, U32, U32_MAX, Boolean, integer_from
from ..values.value import Value, list_of
from .common import CachingResolverConfig

__all__ = ["CAresConfig", "parse_name_servers"]

DNS_PORT = 53


def parse_name_servers(data: object) -> tuple[SocketAddress, ...]:
    """Addresses with or without a port, as a list or as text with spaces between them; repetitions are dropped."""
    expected = "addresses such as 192.0.2.53 or [2001:db8::53]:53, in a list or with spaces between them"
    if not isinstance(data, str | list | tuple) or not data:
        raise wrong(f"{show(data)} is not a list of name servers", expected=expected)
    return tuple(dict.fromkeys(list_of(_name_server)(data.split() if isinstance(data, str) else data)))


def _name_server(data: object) -> SocketAddress:
    if isinstance(data, SocketAddress):
        return data
    try:
        server = SocketAddress(parse_ip(data), DNS_PORT)
    except MistakeError:
        server = parse_socket_address(data)
    if server.host.is_unspecified or server.host.is_multicast:
        raise wrong(f"{server.host} cannot be a name server", expected="the address of one machine")
    return server


_whole_milliseconds = integer_from(1, U32_MAX)


def _milliseconds(data: object) -> float:
    # A number with a fraction in a file is a Real; a plain float is a value that was read before.
    return data if type(data) is float else _whole_milliseconds(data) / 1000


_NameServers: TypeAlias = Annotated[
    tuple[SocketAddress, ...],
    Value(
        "name servers",
        parse_name_servers,
        {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        display=lambda servers: ", ".join(map(str, servers)),
    ),
]
_Milliseconds: TypeAlias = Annotated[
    float,
    Value(
        "whole number of milliseconds",
        _milliseconds,
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": U32_MAX},
                {"type": "string", "pattern": r"^\+?[0-9]{1,10}$"},
            ]
        },
        display=lambda seconds: f"{seconds * 1000:.0f}",
    ),
]


class CAresConfig(CachingResolverConfig):
    """Asks name servers over UDP and TCP, as c-ares does."""

    type: Annotated[Literal["c_ares"], TypeName("c_ares", "cares")] = "c_ares"
    """What the object is."""
    server: _NameServers = ()
    """The name servers, port 53 unless given; unset takes those of /etc/resolv.conf."""
    each_timeout: _Milliseconds = 2.0
    """Time for the first try of each name server, in the file in milliseconds."""
    each_tries: U32 = 3
    """Tries of each name server."""
    max_timeout: I32 = 0
    """Limit of the growing time for later tries, in milliseconds."""
    udp_max_quires: I32 = 0
    """Queries that one UDP port is used for."""
    round_robin: Boolean = False
    """Begin with another name server for each query."""
    socket_send_buffer_size: U32 | None = None
    """Send buffer of the sockets in bytes (SO_SNDBUF); unset leaves it to the operating system."""
    socket_recv_buffer_size: U32 | None = None
    """Receive buffer of the sockets in bytes (SO_RCVBUF); unset leaves it to the operating system."""
    bind_ipv4: Ipv4 | None = None
    """Local address for IPv4 name servers."""
    bind_ipv6: Ipv6 | None = None
    """Local address for IPv6 name servers."""
