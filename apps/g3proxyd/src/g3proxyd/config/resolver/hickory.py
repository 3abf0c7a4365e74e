"""The resolver that speaks to name servers itself, under encryption if wanted."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, Literal, TypeAlias

from ..keys import Aliases, NoEffect
from ..module import TypeName
from ..values.address import Interface, IpAddress, parse_ip, parse_socket_address
from ..values.dns_encryption import DnsEncryption
from ..values.duration import Duration, Timeout
from ..values.mistake import Mistake, MistakeError, show, wrong
from ..values.numbers import I32, integer_from
from ..values.sockopts import TcpMiscSockOpts, UdpMiscSockOpts
from ..values.value import Value, list_of
from .c_ares import DNS_PORT
from .common import CachingResolverConfig

__all__ = ["HickoryConfig", "parse_servers"]

_EXPECTED = "addresses such as 192.0.2.53 or 2001:db8::53, in a list or with spaces between them"
_PORT_MAX = 65535


def parse_servers(data: object) -> tuple[IPv4Address | IPv6Address, ...]:
    """Addresses as a list or as text with spaces between them; repetitions are dropped."""
    if not isinstance(data, str | list | tuple) or not data:
        raise wrong(f"{show(data)} is not a list of name servers", expected=_EXPECTED)
    servers = list_of(_server)(data.split() if isinstance(data, str) else data)
    if not servers:
        raise wrong("there is no name server", expected=_EXPECTED)
    return tuple(dict.fromkeys(servers))


def _server(data: object) -> IPv4Address | IPv6Address:
    if isinstance(data, IPv4Address | IPv6Address):
        return data
    try:
        host = parse_ip(data)
    except MistakeError:
        raise wrong(f"{show(data)} is not an IP address{_port_hint(data)}", expected=_EXPECTED) from None
    if host.is_unspecified or host.is_multicast:
        raise wrong(f"{host} cannot be a name server", expected="the address of one machine")
    return host


def _port_hint(data: object) -> str:
    try:
        parse_socket_address(data)
    except MistakeError:
        return ""
    return "; the port of all servers is 'server_port'"


_Servers: TypeAlias = Annotated[
    tuple[IPv4Address | IPv6Address, ...],
    Value(
        "addresses of name servers",
        parse_servers,
        {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        display=lambda servers: ", ".join(map(str, servers)),
    ),
]
_Port: TypeAlias = Annotated[
    int,
    Value(
        "port",
        integer_from(1, _PORT_MAX),
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": _PORT_MAX},
                {"type": "string", "pattern": r"^\+?[0-9]{1,5}$"},
            ]
        },
    ),
]


class HickoryConfig(CachingResolverConfig):
    """Asks name servers over UDP and TCP, or over TLS, HTTPS or QUIC."""

    type: Annotated[Literal["hickory"], TypeName("hickory", "hickory_dns", "trust_dns")] = "hickory"
    """What the object is."""
    server: _Servers
    """The name servers; the first one that knows addresses has the last word."""
    server_port: _Port | None = None
    """The port of all of them; unset is 53, 853 with DNS over TLS or QUIC, 443 with DNS over HTTPS."""
    encryption: Annotated[DnsEncryption | None, Aliases("encrypt")] = None
    """How they are asked under encryption; unset asks over UDP, and over TCP where an answer needs it."""
    connect_timeout: Timeout = 10.0
    """Time for a connection to a server, the handshake of TLS included."""
    request_timeout: Timeout = 5.0
    """Time for the answer to one request."""
    each_tries: Annotated[I32, Aliases("retry_attempts")] = 2
    """Requests to one server while it gives no answer at all."""
    each_timeout: Timeout = 5.0
    """Time for one server, whatever it takes."""
    retry_interval: Duration = 1.0
    """Head start of a server: the next one is asked as well when there is no answer by then."""
    bind_ip: IpAddress | None = None
    """Local address of the sockets."""
    bind_interface: Interface | None = None
    """Send through this network interface alone (SO_BINDTODEVICE)."""
    tcp_misc_opts: TcpMiscSockOpts = TcpMiscSockOpts()
    """Options of TCP sockets."""
    udp_misc_opts: UdpMiscSockOpts = UdpMiscSockOpts()
    """Options of UDP sockets."""
    negative_max_ttl: Annotated[
        Any, NoEffect("what has no addresses is kept for negative_min_ttl, whatever the server says")
    ] = None
    """Seconds that an answer without addresses is kept at most."""

    @property
    def port(self) -> int:
        """The port of the servers."""
        default = DNS_PORT if self.encryption is None else self.encryption.protocol.port
        return default if self.server_port is None else self.server_port

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if self.each_tries < 1:
            notes.append(Mistake(f"{self.each_tries} is taken for 1", path=("each_tries",)))
        if self.bind_ip is not None:
            if self.bind_interface is not None:
                notes.append(Mistake("has no effect beside 'bind_ip'", path=("bind_interface",)))
            for host in self.server:
                if host.version != self.bind_ip.version:
                    message = f"{self.bind_ip} does not lead to {host}"
                    conflicts.append(Mistake(message, f"an IPv{host.version} address", path=("bind_ip",)))
                    break
        return {"each_tries": max(self.each_tries, 1), **super().settle(conflicts, notes)}
