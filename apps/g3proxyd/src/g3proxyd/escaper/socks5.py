"""Asking SOCKS5 proxies for connections and for UDP associations (RFC 1928, RFC 1929)."""

import contextlib
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address

from g3_acl import unmap
from g3_machine import RemoteProtocolError
from g3_socks import (
    AuthenticationError,
    Connect,
    Credentials,
    Granted,
    MethodError,
    RefusedError,
    Reply,
    Request,
    Socks5Client,
    UdpAssociate,
)

from ..io.stream import Stream
from ..io.udp_pace import UdpSpeedLimit
from ..log import Logger
from ..upstream import Upstream
from .base import ConnectNotes, TaskIdentity, UdpHop
from .errors import ConnectReason, TcpConnectError
from .hop import Hop
from .hop_udp import HopUdp
from .log import log_udp_sendto
from .negotiation import Negotiation
from .sockets import Host, OutgoingSockets, peer_host, socket_address


@dataclass(frozen=True, slots=True)
class Socks5Options:
    """How the proxies are asked."""

    timeout: float = 10.0
    """Seconds for each negotiation."""
    credentials: Credentials | None = None
    """Offered to proxies that want some."""
    udp_speed_limit: UdpSpeedLimit | None = None
    """Of each socket for datagrams."""
    transmute: Mapping[Host, Host] | None = None
    """Where datagrams go instead of the address that a proxy tells: by this map, if empty to the proxy itself."""
    ends_with_control: bool = False
    """See `UdpHop.ends_with_control`."""


class Socks5:
    """Ways through SOCKS5 proxies. Its methods are those of `Escaper`."""

    def __init__(self, hop: Hop, options: Socks5Options, udp: OutgoingSockets, logger: Logger) -> None:
        """``udp`` makes the sockets for datagrams; ``logger`` is the escape logger, bound to the escaper."""
        self._hop = hop
        self._options = options
        self._udp = udp
        self._logger = logger

    async def tcp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> Stream:
        """Ask for a connection; the proxy resolves names. What the upstream has said early is unread."""
        stream = await self._hop.connect(upstream, notes, task)
        with self._hop.negotiation(stream, self._options.timeout, upstream, notes, task) as talk:
            _, early = await self._ask(talk, Connect(upstream.host, upstream.port))
            stream.unread(early)
        return stream

    async def udp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> UdpHop:
        """Ask for an association, which is good for any target."""
        notes.udp_speed_limit = self._options.udp_speed_limit
        stream = await self._hop.connect(upstream, notes, task)
        with self._hop.negotiation(stream, self._options.timeout, upstream, notes, task) as talk:
            own = peer_host(notes)
            # From where the datagrams come is not known on the other side of an address translation.
            nowhere: Host = IPv4Address(0) if own.version == 4 else IPv6Address(0)
            granted, early = await self._ask(talk, UdpAssociate(nowhere, 0))
            if early:
                raise TcpConnectError(ConnectReason.NEGOTIATION_PROTOCOL_ERROR, detail="bytes behind the reply")
            sock = self._open(relay_address(granted, own, self._options.transmute), granted.port, notes)
        return UdpHop(sock, stream, self._options.ends_with_control)

    def udp_associate(self, notes: ConnectNotes, task: TaskIdentity) -> HopUdp:
        """One association for all targets of one of ours."""
        notes.udp_speed_limit = self._options.udp_speed_limit
        return HopUdp(partial(self.udp_connect, notes=notes, task=task), partial(self._report, notes, task))

    async def _ask(self, talk: Negotiation, request: Request) -> tuple[Granted, bytes]:
        """What is granted, and what came behind the reply. Raises TcpConnectError."""
        machine = Socks5Client(request, self._options.credentials)
        granted = await talk.next_event(machine, reason_of)
        assert isinstance(granted, Granted)  # noqa: S101 - the only event unless it is asked for a BIND
        return granted, machine.take_unread()

    def _open(self, host: Host, port: int, notes: ConnectNotes) -> socket.socket:
        """A socket that is connected to where the proxy takes datagrams. Raises TcpConnectError."""
        self._udp.check(host)
        sock, notes.next_bind_ip = self._udp.open_udp(host.version)
        try:
            address = notes.next_peer_addr = socket_address(host, port)
            sock.connect(address)
            notes.next_bound_addr = sock.getsockname()
            with contextlib.suppress(BlockingIOError):
                while True:  # the proxy cannot have sent any yet: these came from elsewhere, before it was connected
                    sock.recv(1)
        except OSError as error:
            sock.close()
            raise TcpConnectError(ConnectReason.CONNECT_FAILED, os_error=error) from None
        return sock

    def _report(self, notes: ConnectNotes, task: TaskIdentity, upstream: Upstream, error: TcpConnectError) -> None:
        if self._logger.enabled:
            log_udp_sendto(self._logger, error, upstream, notes, task)


def reason_of(fault: RemoteProtocolError) -> ConnectReason:
    """Why the proxy does not do what it is asked for."""
    match fault:
        case RefusedError(code=Reply.CONNECTION_TIMED_OUT):
            return ConnectReason.NEGOTIATION_PEER_TIMEOUT
        case RefusedError() | MethodError() | AuthenticationError():
            return ConnectReason.NEGOTIATION_REJECTED
    return ConnectReason.NEGOTIATION_PROTOCOL_ERROR


def relay_address(granted: Granted, own: Host, transmute: Mapping[Host, Host] | None) -> Host:
    """Where a proxy takes datagrams that is reached at ``own`` by TCP. Raises TcpConnectError."""
    if isinstance(granted.host, str):
        detail = f"datagrams are to go to a name, {granted.host}"
        raise TcpConnectError(ConnectReason.NEGOTIATION_PROTOCOL_ERROR, detail=detail)
    told = host = unmap(granted.host)
    if transmute is not None:
        host = transmute.get(told, told) if transmute else own
    if not int(host) or host.packed == own.packed:  # own may have a zone, which no reply can tell
        host = own
    if not granted.port or host.is_multicast or host == _BROADCAST:
        detail = f"datagrams are to go to {Upstream(told, granted.port)}"
        raise TcpConnectError(ConnectReason.NEGOTIATION_PROTOCOL_ERROR, detail=detail)
    return host


_BROADCAST = IPv4Address("255.255.255.255")
