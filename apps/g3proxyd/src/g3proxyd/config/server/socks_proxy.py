"""The SOCKS proxy server."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ..keys import Aliases, NotYet, OldNames
from ..later import UDP, USERS
from ..module import TypeName
from ..values.address import IpAddressList
from ..values.duration import Duration
from ..values.numbers import Boolean, Count
from ..values.size import Size
from ..values.sockopts import UdpMiscSockOpts
from .common import TcpServerConfig

__all__ = ["SocksProxyConfig"]


class SocksProxyConfig(TcpServerConfig):
    """SOCKS4, SOCKS4a and SOCKS5."""

    type: Annotated[Literal["socks_proxy"], TypeName("socks_proxy")] = "socks_proxy"
    """What the object is."""
    udp_sock_speed_limit: Annotated[
        Any, OldNames("udp_relay_speed_limit", "udp_relay_limit", "relay_limit"), NotYet(UDP)
    ] = None
    """Speed limit of each client UDP socket."""
    udp_relay_packet_size: Annotated[Size, NotYet(UDP)] = 4 * 1024
    """Bytes in a relayed packet."""
    udp_relay_yield_size: Annotated[Size, NotYet(UDP)] = 1024 * 1024
    """Bytes that one direction may relay before others get their turn."""
    udp_relay_batch_size: Annotated[Count, NotYet(UDP)] = 8
    """Packets that are read or written at once."""
    udp_misc_opts: Annotated[UdpMiscSockOpts | None, NotYet(UDP)] = None
    """Options of UDP sockets."""
    use_udp_associate: Annotated[Boolean, Aliases("enable_udp_associate", "udp_associate_enabled"), NotYet(UDP)] = False
    """Relay packets to any number of remote sides instead of one."""
    username_params: Annotated[Any, Aliases("username_params_to_escaper_addr"), NotYet(USERS)] = None
    """Choosing the next proxy by parameters in the user name."""
    negotiation_timeout: Duration = 4.0
    """Time for the client to get from the connection to its command."""
    udp_client_initial_timeout: Annotated[Duration, NotYet(UDP)] = 30.0
    """Time for the first packet of a client to arrive."""
    udp_bind_ipv4: Annotated[IpAddressList, NotYet(UDP)] = ()
    """IPv4 addresses for clients to send their packets to."""
    udp_bind_ipv6: Annotated[IpAddressList, NotYet(UDP)] = ()
    """IPv6 addresses for clients to send their packets to."""
    udp_bind_port_range: Annotated[Any, NotYet(UDP)] = None
    """Ports for clients to send their packets to."""
    udp_socket_buffer: Annotated[Any, NotYet(UDP)] = None
    """Socket buffers of UDP sockets."""
    transmute_udp_echo_ip: Annotated[Any, OldNames("auto_reply_local_ip_map"), NotYet(UDP)] = None
    """The addresses that clients are told instead of the local ones."""
