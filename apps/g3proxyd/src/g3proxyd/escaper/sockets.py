"""The sockets of an escaper: which addresses they may go to, where they are bound, which options they have."""

import errno
import logging
import os
import random
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from g3_acl import NetworkRule

from ..io.sockopts import LATE_BINDING, TRANSPARENT, SocketOption, bind_to_device, set_options
from ..io.udp_socket import open_udp
from .base import ConnectNotes, EscaperStats, SocketAddress
from .errors import ConnectReason, TcpConnectError

log = logging.getLogger(__name__)

Host = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class FamilySockets:
    """How the sockets of one address family are made."""

    enabled: bool = True
    """Whether the escaper uses the family at all."""
    options: tuple[SocketOption, ...] = ()
    """Set on every socket."""
    bind_ips: tuple[Host, ...] = ()
    """Local addresses to pick from; empty leaves the choice to the kernel."""


@dataclass(frozen=True, slots=True)
class OutgoingSockets:
    """Makes sockets that are ready to connect to one address."""

    name: str
    """The escaper's name, for messages."""
    ipv4: FamilySockets
    ipv6: FamilySockets
    interface: str | None = None
    """The network interface that everything is sent through; a chosen local address takes precedence, as in g3."""
    egress: NetworkRule | None = None
    """Which addresses may be connected to; None permits all."""
    stats: EscaperStats = field(default_factory=EscaperStats)
    choose: Callable[[Sequence[Host]], Host] = random.choice
    """Picks one of several local addresses."""
    bind_port: int = 0
    """The local port of TCP sockets that have one of those addresses; 0 leaves the choice to the kernel."""

    def foreign(self, client: Host, port: int = 0) -> "OutgoingSockets":
        """The same sockets with the address of a client, and its port for TCP unless that is 0.

        The other address family has no way out then.
        """

        def of_client(family: FamilySockets, number: socket.AddressFamily, version: int) -> FamilySockets:
            if client.version != version:
                return replace(family, bind_ips=())
            again = (_REUSE,) if port else ()  # the client's port may be in use, towards another target
            return replace(family, bind_ips=(client,), options=(*family.options, TRANSPARENT[number], *again))

        ipv4 = of_client(self.ipv4, socket.AF_INET, 4)
        ipv6 = of_client(self.ipv6, socket.AF_INET6, 6)
        return replace(self, ipv4=ipv4, ipv6=ipv6, bind_port=port)

    def open(self, host: Host, port: int) -> tuple[socket.socket, SocketAddress, Host | None]:
        """A non-blocking TCP socket for this very address, the address for connect(), and the local one if chosen.

        Raises TcpConnectError when the address is not allowed or the socket cannot be made.
        """
        ipv6 = isinstance(host, IPv6Address)
        family = self.ipv6 if ipv6 else self.ipv4
        self._check(host, family)
        bind_ip = self._bind_ip(family, host.version)
        try:
            address = socket_address(host, port)
            sock = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, _STREAM)
            try:
                set_options(sock, family.options)
                if bind_ip is not None:
                    sock.setsockopt(*LATE_BINDING)
                    sock.bind((str(bind_ip), self.bind_port))
                elif self.interface is not None:
                    set_options(sock, (LATE_BINDING, bind_to_device(self.interface)))
            except BaseException:
                sock.close()
                raise
        except OSError as error:
            raise TcpConnectError(ConnectReason.SETUP_SOCKET_FAILED, os_error=error) from None
        return sock, address, bind_ip

    def open_udp(self, version: int) -> tuple[socket.socket, Host | None]:
        """A non-blocking UDP socket for all addresses of a version, and its local address if one was chosen.

        The addresses are to be checked one by one. Raises TcpConnectError when the socket cannot be made.
        """
        family = self.ipv6 if version == 6 else self.ipv4
        bind_ip = self._bind_ip(family, version)
        options = family.options
        if bind_ip is None and self.interface is not None:
            options = (*options, bind_to_device(self.interface))
        try:
            local = socket_address(bind_ip or (IPv6Address(0) if version == 6 else IPv4Address(0)), 0)
            return open_udp(local, options), bind_ip
        except OSError as error:
            raise TcpConnectError(ConnectReason.SETUP_SOCKET_FAILED, os_error=error) from None

    def check(self, host: Host) -> None:
        """Raise TcpConnectError when this address is not allowed."""
        self._check(host, self.ipv6 if isinstance(host, IPv6Address) else self.ipv4)

    def _check(self, host: Host, family: FamilySockets) -> None:
        if not family.enabled:
            raise TcpConnectError(ConnectReason.FORBIDDEN_ADDRESS_FAMILY)
        if self.egress is None:
            return
        action = self.egress.check(host)
        if action.logs:
            log.info("escaper %s: the rules %s %s", self.name, "permit" if action.permits else "forbid", host)
        if not action.permits:
            self.stats.ip_blocked += 1
            raise TcpConnectError(ConnectReason.FORBIDDEN_REMOTE_ADDRESS, detail=str(host))

    def _bind_ip(self, family: FamilySockets, version: int) -> Host | None:
        own = family.bind_ips
        if own:
            return own[0] if len(own) == 1 else self.choose(own)
        if self.ipv4.bind_ips or self.ipv6.bind_ips:
            # Addresses were given for the other family only: leaving by one that is not listed would be no way out.
            raise TcpConnectError(ConnectReason.ESCAPER_NOT_USABLE, detail=f"no IPv{version} address to bind to")
        return None


_STREAM = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
_REUSE: SocketOption = (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def socket_address(host: Host, port: int) -> SocketAddress:
    """The address as connect() takes it. Raises OSError for a zone (RFC 4007) that this machine does not have."""
    if isinstance(host, IPv4Address):
        return (socket.inet_ntoa(host.packed), port)  # a quarter of what str(host) costs
    zone = host.scope_id
    if zone is None:
        return (str(host), port, 0, 0)
    try:
        index = int(zone) if zone.isdecimal() else socket.if_nametoindex(zone)
    except ValueError:
        index = -1
    if not 0 <= index <= 0xFFFFFFFF:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
    return (str(IPv6Address(int(host))), port, 0, index)


def peer_host(notes: ConnectNotes) -> Host:
    """The address that a connection goes to."""
    address = notes.next_peer_addr
    assert address is not None  # noqa: S101 - it is connected
    zone = f"%{address[3]}" if len(address) == 4 and address[3] else ""
    return ip_address(address[0] + zone)
