"""What every escaper can do: make a connection to the remote side for a task."""

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Protocol

from g3_acl import unmap
from g3_escape import EgressPath
from g3_http import Field

from ..io.pacing import SpeedLimit
from ..io.stream import Stream
from ..io.udp_pace import UdpSpeedLimit
from ..resolver.base import Query
from ..upstream import Upstream
from .errors import ConnectReason, TcpConnectError

SocketAddress = tuple[str, int] | tuple[str, int, int, int]
"""An address as the socket module spells it; the longer form is IPv6 with flow and scope."""


Connection = socket.socket | Stream
"""Connected: a bare socket of which nothing has been received, or a stream, which is TLS or may have bytes unread."""


class TaskIdentity(Protocol):
    """What an escaper needs to know of the task that it connects for."""

    @property
    def task_id(self) -> str:
        """32 hexadecimal digits, the same in the task's own log and in the escape log."""

    @property
    def client_addr(self) -> SocketAddress:
        """The client's address."""

    @property
    def server_addr(self) -> SocketAddress | None:
        """The address that the client has connected to, or None where nobody has asked for it."""

    @property
    def user(self) -> str | None:
        """The name that the client has logged in with, or None."""

    @property
    def egress_path(self) -> EgressPath | None:
        """What the request says about its own way out, or None."""


def client_host(task: TaskIdentity) -> IPv4Address | IPv6Address:
    """The client's address as rules know it, without port and zone."""
    return unmap(ip_address(task.client_addr[0].partition("%")[0]))


def pick_key(upstream: Upstream, task: TaskIdentity) -> bytes:
    """What the consistent pick policies look at: ``CLIENT_IP-HOST``, with a name ``CLIENT_IP-USER-HOST``."""
    user = "" if task.user is None else f"-{task.user}"
    return f"{client_host(task)}{user}-{upstream.host}".encode()


@dataclass(frozen=True, slots=True)
class Egress:
    """What is known of a way out that was published while the daemon runs."""

    isp: str | None = None
    """The provider of the egress address."""
    ip: IPv4Address | IPv6Address | None = None
    """The egress address as others see it."""
    area: str | None = None
    """Where the egress address is."""
    expire: float | None = None
    """When the way out is over, in seconds since 1970."""


@dataclass(slots=True)
class ConnectNotes:
    """How a connection was made; filled in on the way, and true up to there when it fails."""

    escaper: str = ""
    """The name of the escaper that dialled."""
    next_bind_ip: IPv4Address | IPv6Address | None = None
    """The local address that was chosen before the connection."""
    next_bound_addr: SocketAddress | None = None
    """The local address of the connection."""
    next_peer_addr: SocketAddress | None = None
    """The remote address that answered, or the last one that did not."""
    tcp_connect_tries: int = 0
    """Attempts that were started."""
    tcp_connect_spend: float = 0.0
    """Seconds from the first attempt to the outcome."""
    override_peer: Upstream | None = None
    """The next proxy that the request has chosen instead of the configured ones."""
    speed_limit: SpeedLimit | None = None
    """The escaper's ``tcp_sock_speed_limit``: set by the escaper that dialled, applied by the task."""
    udp_speed_limit: UdpSpeedLimit | None = None
    """The same for UDP: ``udp_sock_speed_limit``."""
    dynamic: Egress | Mapping[IPv4Address | IPv6Address, Egress] | None = None
    """What was published of the way out, or of each local address that it may begin at."""

    @property
    def egress(self) -> Egress | None:
        """What was published of the way that was taken."""
        known = self.dynamic
        if known is None or isinstance(known, Egress):
            return known
        return None if self.next_bind_ip is None else known.get(self.next_bind_ip)

    @property
    def expire(self) -> float | None:
        """When the way that was taken is over, in seconds since 1970."""
        egress = self.egress
        return None if egress is None else egress.expire


@dataclass(slots=True)
class HttpHop:
    """A connection that takes HTTP requests for an upstream: to the upstream itself, or to a proxy on the way."""

    connection: Connection
    proxy: bool = False
    """Whether a proxy takes the requests: in the absolute form (RFC 9112 section 3.2.2), and without TLS to the end."""
    fields: tuple[Field, ...] = ()
    """Further fields of each request, such as Proxy-Authorization."""
    any_upstream: bool = False
    """Whether the requests of the same client for other upstreams may go here as well, if those are as secure."""


@dataclass(slots=True, eq=False)
class UdpHop:
    """An association at a SOCKS5 proxy on the way: datagrams of any target with a header each (RFC 1928 section 7)."""

    sock: socket.socket
    """A non-blocking UDP socket that is connected to where the proxy takes datagrams."""
    control: Stream
    """The connection that the association was asked for on; the proxy has nothing more to say there."""
    ends_with_control: bool = False
    """Whether an orderly end of ``control`` is the association's in any case, not only after the first datagram."""

    def close(self) -> None:
        """Let the association go; may be called again."""
        self.sock.close()
        self.control.close()


class EscaperStats:
    """Counters of one escaper since its start, by the names of g3's metrics."""

    __slots__ = (
        "ip_blocked",
        "task_total",
        "tcp_connect_attempt",
        "tcp_connect_error",
        "tcp_connect_establish",
        "tcp_connect_success",
        "tcp_connect_timeout",
        "tls_handshake_error",
        "tls_handshake_success",
        "tls_handshake_timeout",
    )

    def __init__(self) -> None:
        self.task_total = 0
        """Connections that tasks asked for."""
        self.tcp_connect_attempt = 0
        self.tcp_connect_success = 0
        """Attempts that were answered; may exceed those that were handed to tasks."""
        self.tcp_connect_establish = 0
        """Connections that were handed to tasks."""
        self.tcp_connect_error = 0
        self.tcp_connect_timeout = 0
        self.tls_handshake_success = 0
        """TLS handshakes with next proxies."""
        self.tls_handshake_error = 0
        self.tls_handshake_timeout = 0
        self.ip_blocked = 0
        """Addresses that the egress network filter forbade."""


UdpWay = IPv4Address | IPv6Address | UdpHop | TcpConnectError
"""How datagrams get to a target: straight to this address, through a proxy, or why they do not."""


class UdpOutlet(ABC):
    """The way out of one UDP association, which sends to many targets; lives as long as the association."""

    single_way = False
    """Whether all targets are reached in the same way, so that an error is everybody's and ends the association."""

    @abstractmethod
    def find(self, upstream: Upstream, receive: Callable[[UdpWay], None]) -> UdpWay | Query:
        """Ask for the way to a target that the escaper's rules allow, or why there is none.

        As with `Resolver.query`, ``receive`` is called once, later, if and only if a `Query` is returned that nobody
        cancels. The same hop is found for many targets; the first to find it may close it. Never raises.
        """

    def way(self, upstream: Upstream) -> "UdpOutlet":
        """The outlet whose sockets lead to a target that `find` has found: another one where ways part."""
        return self

    @abstractmethod
    def open(self, version: int) -> socket.socket:
        """A bound and non-blocking UDP socket for all targets with an address of this version, 4 or 6.

        The caller owns it. Raises TcpConnectError.
        """

    @abstractmethod
    def report(self, upstream: Upstream, error: TcpConnectError) -> None:
        """Write into the escape log why datagrams to a target are lost."""

    def close(self) -> None:  # noqa: B027  # most have nothing to let go
        """The association is over: ask for nothing any more."""


class Escaper(ABC):
    """A way out; lives on one event loop."""

    type_name: str
    """The type as the logs name it, ``DirectFixed`` for instance."""

    forwards_ftp = False
    """Whether `ftp_connect` may find somebody."""

    wants_server_addr = False
    """Whether `TaskIdentity.server_addr` is used, so that tasks look it up whatever is logged."""

    def __init__(self, name: str) -> None:
        self.name = name
        """The name from the configuration."""
        self.stats = EscaperStats()

    @abstractmethod
    async def tcp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> Connection:
        """Return a connection that carries bytes to the upstream and back; the caller owns it.

        Raises TcpConnectError. A cancelled call leaves nothing open.
        """

    async def http_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> HttpHop:
        """As `tcp_connect`, for HTTP requests.

        The caller speaks TLS to a `SecureUpstream` unless the hop is a proxy.
        """
        return HttpHop(await self.tcp_connect(upstream, notes, task))

    async def ftp_connect(
        self, upstream: Upstream, method: bytes, notes: ConnectNotes, task: TaskIdentity
    ) -> HttpHop | None:
        """Return a way to an HTTP proxy that takes requests with this method for ftp URIs; None: do it yourself.

        Raises as `tcp_connect` does.
        """
        return None

    async def tcp_connect_beside(
        self, upstream: Upstream, first: ConnectNotes, notes: ConnectNotes, task: TaskIdentity
    ) -> Connection:
        """As `tcp_connect`, to another port of the peer that ``first`` tells of: for the data connections of FTP.

        The remote side has to see both connections between the same two addresses. An escaper that does not choose
        them itself asks for the same host once more, which this does.
        """
        return await self.tcp_connect(upstream, notes, task)

    async def udp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> socket.socket | UdpHop:
        """Return a non-blocking UDP socket that is connected to the upstream, or a hop; the caller owns it.

        Raises TcpConnectError, here for escapers that have no UDP. A cancelled call leaves nothing open.
        """
        raise self._without_udp(notes)

    def udp_associate(self, notes: ConnectNotes, task: TaskIdentity) -> UdpOutlet:
        """Return a way to send to many targets. Raises TcpConnectError, here for escapers that have no UDP."""
        raise self._without_udp(notes)

    async def close(self) -> None:  # noqa: B027  # most have nothing to let go
        """Release what is held beside connections; called once nobody asks for any more."""

    def _without_udp(self, notes: ConnectNotes) -> TcpConnectError:
        self.stats.task_total += 1
        notes.escaper = self.name
        return TcpConnectError(ConnectReason.METHOD_UNAVAILABLE)
