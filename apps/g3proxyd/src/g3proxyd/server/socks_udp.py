"""What the UDP associations of one SOCKS server share: where their sockets listen, what clients are told, limits."""

import random
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from g3_acl import unmap
from g3_socks import UdpAssociate

from ..escaper.base import SocketAddress
from ..io.sockopts import udp_options
from ..io.udp_socket import UdpSocket, open_udp
from ..task.socks_udp_relay import RelaySizes

if TYPE_CHECKING:
    from ..config.server.socks_proxy import SocksProxyConfig

Host = IPv4Address | IPv6Address

ASSOCIATIONS_MAX = 10_000
"""Associations of one server in one worker: each has two or three descriptors besides that of its TCP connection."""


class UdpEntrance:
    """Opens the sockets that clients send to."""

    def __init__(self, config: "SocksProxyConfig", choose: Callable[[Sequence[Host]], Host] = random.choice) -> None:
        """``choose`` picks one of several local addresses."""
        self.full = config.use_udp_associate
        """Whether an association may have any number of targets."""
        self.first_timeout = config.udp_client_initial_timeout
        """Seconds that the first datagram may take."""
        self.speed_limit = config.udp_sock_speed_limit
        self.buffer = config.udp_socket_buffer
        self.sizes = RelaySizes(config.udp_relay_packet_size, config.udp_relay_yield_size, config.udp_relay_batch_size)
        self.associations = 0
        """Associations that are alive."""
        self._bind: dict[int, Sequence[Host]] = {4: config.udp_bind_ipv4, 6: config.udp_bind_ipv6}
        self._ports: Sequence[int] = (0,) if config.udp_bind_port_range is None else config.udp_bind_port_range.ports()
        self._echo = config.transmute_udp_echo_ip
        self._options = {
            4: udp_options(socket.AF_INET, config.udp_misc_opts),
            6: udp_options(socket.AF_INET6, config.udp_misc_opts),
        }
        self._choose = choose

    def open(self, request: UdpAssociate, control: SocketAddress) -> UdpSocket:
        """A socket for the client that asks; ``control`` is the local address of its TCP connection.

        It is bound to an address of the family that the request names: one of the configured ones, else that of the TCP
        connection. A request that names no address is content with the TCP connection's family. Raises OSError, also
        when there is no address of the family.
        """
        own = unmap(ip_address(control[0].partition("%")[0]))
        version = request.host.version
        if version != own.version and not self._bind[version] and int(request.host) == 0:
            version = own.version
        bind = self._bind[version]
        if bind:
            host = self._choose(bind)
            local: SocketAddress = (str(host), 0) if host.version == 4 else (str(host), 0, 0, 0)
        elif own.version != version:
            raise OSError(f"no IPv{version} address to take datagrams at")
        elif own.version == 4:
            local = (str(own), 0)
        else:
            local = (str(own), 0, 0, control[3] if len(control) == 4 else 0)
        return UdpSocket(open_udp(local, self._options[version], self.buffer, self._ports))

    def told(self, listening: SocketAddress) -> Host:
        """The address that the client is told for the one that the socket has (g3's ``transmute_udp_echo_ip``)."""
        host = ip_address(listening[0].partition("%")[0])
        if self._echo is None:
            return host
        return self._echo.get(host) or type(host)(0)
