"""The SOCKS proxy server."""

from __future__ import annotations

from typing import Annotated, Literal

from ..keys import Aliases, NotYet, OldNames
from ..later import USERS
from ..module import TypeName
from ..values.address import IpAddressList
from ..values.duration import Duration
from ..values.ip_map import IpTransmutation
from ..values.mistake import Mistake
from ..values.numbers import Boolean, Count
from ..values.port_range import PortRange
from ..values.size import Size, format_size
from ..values.socket_buffer import SocketBuffer
from ..values.sockopts import UdpMiscSockOpts
from ..values.speed_limit import UdpSocketSpeedLimit
from ..values.username_params import UsernameParams
from .common import TcpServerConfig

__all__ = ["SocksProxyConfig"]

PACKET_SIZE_MIN = 512  # what every host that speaks DNS has to take (RFC 1035 section 4.2.1)
PACKET_SIZE_MAX = 64 * 1024  # more than a datagram can hold
YIELD_SIZE_MIN = 256 * 1024  # below this a busy association would yield at almost every round
BATCH_SIZE_MAX = 64  # of the buffers that all associations of a worker share


class SocksProxyConfig(TcpServerConfig):
    """SOCKS4, SOCKS4a and SOCKS5."""

    type: Annotated[Literal["socks_proxy"], TypeName("socks_proxy")] = "socks_proxy"
    """What the object is."""
    udp_sock_speed_limit: Annotated[
        UdpSocketSpeedLimit, OldNames("udp_relay_speed_limit", "udp_relay_limit", "relay_limit")
    ] = None
    """Speed limit of each client UDP socket."""
    udp_relay_packet_size: Size = 4 * 1024
    """Bytes of payload in a relayed packet, from 512 to 64KiB; larger ones are dropped."""
    udp_relay_yield_size: Size = 1024 * 1024
    """Bytes that one direction may relay before others get their turn; at least 256KiB."""
    udp_relay_batch_size: Count = BATCH_SIZE_MAX
    """Packets that are read or written at once, from 1 to 64."""
    udp_misc_opts: UdpMiscSockOpts = UdpMiscSockOpts()
    """Options of client UDP sockets."""
    use_udp_associate: Annotated[Boolean, Aliases("enable_udp_associate", "udp_associate_enabled")] = False
    """Relay packets to any number of remote sides instead of one."""
    username_params: Annotated[UsernameParams | None, Aliases("username_params_to_escaper_addr"), NotYet(USERS)] = None
    """Choosing the next proxy by parameters in the user name."""
    negotiation_timeout: Duration = 4.0
    """Time for the client to get from the connection to its command."""
    udp_client_initial_timeout: Duration = 30.0
    """Time for the first packet of a client to arrive."""
    udp_bind_ipv4: IpAddressList = ()
    """IPv4 addresses for clients to send their packets to; the address of the client's connection if there are none."""
    udp_bind_ipv6: IpAddressList = ()
    """IPv6 addresses for clients to send their packets to; the address of the client's connection if there are none."""
    udp_bind_port_range: PortRange | None = None
    """Ports for clients to send their packets to; unset leaves the choice to the operating system."""
    udp_socket_buffer: SocketBuffer = SocketBuffer()
    """Buffers of UDP sockets on both sides; what is unset is 1MiB."""
    transmute_udp_echo_ip: Annotated[IpTransmutation, OldNames("auto_reply_local_ip_map")] = None
    """The addresses that clients are told instead of local ones; 0.0.0.0 or :: instead of those that are not listed."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        changes = super().settle(conflicts, notes)
        for key, least, most in (
            ("udp_relay_packet_size", PACKET_SIZE_MIN, PACKET_SIZE_MAX),
            ("udp_relay_yield_size", YIELD_SIZE_MIN, None),
            ("udp_relay_batch_size", 1, BATCH_SIZE_MAX),
        ):
            number = getattr(self, key)
            used = max(number, least) if most is None else min(max(number, least), most)
            if used != number:
                show = str if key == "udp_relay_batch_size" else format_size
                notes.append(Mistake(f"{show(number)} is out of range: {show(used)} is used", path=(key,)))
                changes[key] = used
        for key, version in (("udp_bind_ipv4", 4), ("udp_bind_ipv6", 6)):
            conflicts += [
                Mistake(f"{ip} is not an IPv{version} address", expected=f"IPv{version} addresses", path=(key,))
                for ip in getattr(self, key)
                if ip.version != version
            ]
        return changes
