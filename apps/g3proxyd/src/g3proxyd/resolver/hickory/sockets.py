"""The sockets towards name servers: where they are bound, and which options they have."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from g3_dns import Server

from ...io.sockopts import LATE_BINDING, SocketOption, bind_to_device, set_options

_ANY = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}  # noqa: S104 -- the answer comes to wherever we asked from


@dataclass(frozen=True, slots=True)
class ServerSockets:
    """Makes non-blocking sockets towards name servers."""

    bind_ip: IPv4Address | IPv6Address | None = None
    """The local address; None leaves it to the kernel."""
    interface: str | None = None
    """The network interface that everything is sent through; a local address takes precedence."""
    tcp_options: Mapping[int, tuple[SocketOption, ...]] = field(default_factory=dict)
    """By address family, what is set on TCP sockets."""
    udp_options: Mapping[int, tuple[SocketOption, ...]] = field(default_factory=dict)
    """By address family, what is set on UDP sockets."""

    def open_tcp(self, server: Server) -> socket.socket:
        """A TCP socket that may be connected to the server. Raises OSError."""
        sock = self._open(server, socket.SOCK_STREAM, self.tcp_options)
        try:
            if self.bind_ip is not None:
                sock.setsockopt(*LATE_BINDING)
                sock.bind((str(self.bind_ip), 0))
        except BaseException:
            sock.close()
            raise
        return sock

    def open_udp(self, server: Server, port: int = 0) -> socket.socket:
        """A UDP socket that is bound to the port, or to one that the kernel chooses, and connected to the server.

        A connected socket hears of nobody else, and hears when nobody listens there. Raises OSError.
        """
        sock = self._open(server, socket.SOCK_DGRAM, self.udp_options)
        try:
            sock.bind((str(self.bind_ip) if self.bind_ip is not None else _ANY[sock.family], port))
            sock.connect((str(server.host), server.port))
        except BaseException:
            sock.close()
            raise
        return sock

    def _open(self, server: Server, kind: int, options: Mapping[int, tuple[SocketOption, ...]]) -> socket.socket:
        family = socket.AF_INET6 if server.host.version == 6 else socket.AF_INET
        sock = socket.socket(family, kind | socket.SOCK_NONBLOCK)
        try:
            set_options(sock, options.get(family, ()))
            if self.interface is not None and self.bind_ip is None:
                set_options(sock, (bind_to_device(self.interface),))
        except BaseException:
            sock.close()
            raise
        return sock
