"""The escapers that connect through SOCKS5 proxies."""

from __future__ import annotations

from typing import Annotated, Literal

from ..keys import OldNames
from ..module import TypeName
from ..values.ip_map import IpTransmutation
from ..values.keepalive import TcpKeepalive
from ..values.mistake import Mistake
from ..values.numbers import Boolean
from ..values.speed_limit import UdpSocketSpeedLimit
from ..values.upstream import WeightedUpstream, weighted_upstreams
from .common import UdpKeys
from .next_proxy import NextProxyConfig, SecureProxyKeys

__all__ = ["ProxySocks5Config", "ProxySocks5sConfig", "Socks5Config"]


class Socks5Config(NextProxyConfig, UdpKeys):
    """What they have in common."""

    proxy_addr: Annotated[tuple[WeightedUpstream, ...], weighted_upstreams(1080)]
    """The next proxies."""
    udp_sock_speed_limit: Annotated[
        UdpSocketSpeedLimit, OldNames("udp_relay_speed_limit", "udp_relay_limit", "relay_limit")
    ] = None
    """Speed limit of each UDP socket towards a next proxy."""
    tcp_keepalive: TcpKeepalive = TcpKeepalive(enable=True)
    """Keep-alive of the connections."""
    transmute_udp_peer_ip: IpTransmutation = None
    """Send datagrams elsewhere than the next proxy says: by a map from the address that it says, or, with an empty map
    or `true`, to the address that its TCP connection goes to."""
    end_on_control_closed: Boolean = False
    """End a UDP session whenever the next proxy closes the TCP connection that holds it; unset, an orderly close before
    the first datagram from there does not count."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        changes = super().settle(conflicts, notes)
        if self.proxy_password == "":
            conflicts.append(Mistake("SOCKS5 has no empty passwords", path=("proxy_password",)))
        return changes


class ProxySocks5Config(Socks5Config):
    """Connects through a SOCKS5 proxy."""

    type: Annotated[Literal["proxy_socks5"], TypeName("proxy_socks5")] = "proxy_socks5"
    """What the object is."""


class ProxySocks5sConfig(Socks5Config, SecureProxyKeys):
    """Connects through a SOCKS5 proxy that is spoken to by TLS; datagrams are not encrypted."""

    type: Annotated[Literal["proxy_socks5s"], TypeName("proxy_socks5s")] = "proxy_socks5s"
    """What the object is."""
