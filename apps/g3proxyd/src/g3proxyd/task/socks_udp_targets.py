"""Where the datagrams of an association go: from a header to a checked socket address."""

import ctypes
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial

from g3_socks import pack_header

from ..escaper.base import SocketAddress, UdpHop, UdpOutlet, UdpWay
from ..escaper.errors import ConnectReason, TcpConnectError
from ..escaper.sockets import socket_address
from ..io.mmsg import NAME
from ..resolver.base import Query
from ..upstream import Upstream
from .socks_udp_header import upstream_in
from .socks_udp_hop import HopRemote
from .socks_udp_remote import Remote

TARGETS_MAX = 1024
"""Targets that an association remembers; the oldest is forgotten, and looked up anew if the client comes back to it."""

LOOKUPS_MAX = 64
"""Names that an association may have looked up at once: one client must not fill the resolver."""

WAITING_MAX = 64
"""Datagrams that may wait for one name."""

WAITING_BYTES_MAX = 256 * 1024
"""Payload that may wait in one association for all its names."""


class Target:
    """One target: whether and how datagrams get there."""

    __slots__ = (
        "address",
        "buffer",
        "head",
        "header",
        "header_size",
        "query",
        "remote",
        "sockaddr",
        "upstream",
        "waiting",
    )

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.remote: Remote | None = None
        """The socket that leads there; None for a target that is forbidden or has no address."""
        self.sockaddr: SocketAddress | None = None
        """The address as the socket module takes it; None where the socket is connected."""
        self.address = 0
        """The same in memory, as the kernel takes it; 0 where the socket is connected."""
        self.head = b""
        """What goes before each payload: the target's SOCKS header, where a proxy is on the way."""
        self.header = 0
        """The same in memory; 0 where nothing goes before it."""
        self.header_size = 0
        self.buffer: object = None
        """What keeps such memory alive."""
        self.query: Query | None = None
        self.waiting: list[bytes] | None = None
        """The payloads that wait for the address, None when it is known or will never be."""

    def aim(self, remote: Remote, sockaddr: SocketAddress) -> None:
        """The target has an address."""
        self.remote = remote
        self.sockaddr = sockaddr
        raw = packed(sockaddr)
        buffer = ctypes.create_string_buffer(raw, NAME)
        self.buffer = buffer
        self.address = ctypes.addressof(buffer)

    def lead(self, remote: Remote) -> None:
        """The target is behind this connected socket, or behind the proxy that it is connected to.

        Whatever the client calls the target, a proxy is told what the rules have seen.
        """
        self.remote = remote
        if isinstance(remote, HopRemote):
            self.head = pack_header(self.upstream.host, self.upstream.port)
            self.header_size = len(self.head)
            buffer = ctypes.create_string_buffer(self.head, self.header_size)
            self.buffer = buffer
            self.header = ctypes.addressof(buffer)

    def send(self, payload: bytes) -> None:
        """Send one datagram; errors are noted by the socket."""
        if self.remote is not None:
            self.remote.send(self.head + payload, self.sockaddr)


class Targets(ABC):
    """Finds targets by the headers of datagrams."""

    @abstractmethod
    def find(self, header: bytes) -> Target | None:
        """The target of a whole header; None for one that is no header, or a fragment's, or that nobody can serve."""

    def close(self) -> None:  # noqa: B027  # most have nothing to let go
        """Ask for nothing any more."""


class OneTarget(Targets):
    """The one target of a connected socket; any other ends the session."""

    def __init__(self, header: bytes, upstream: Upstream, remote: Remote, second: Callable[[Upstream], None]) -> None:
        """``second`` hears of another target."""
        self._header = header
        self._second = second
        self._target = Target(upstream)
        self._target.lead(remote)

    def find(self, header: bytes) -> Target | None:
        """The target, however it is spelled."""
        if header == self._header:
            return self._target
        upstream = upstream_in(header)
        if upstream is None:
            return None
        if upstream != self._target.upstream:
            self._second(upstream)
            return None
        return self._target


class ManyTargets(Targets):
    """The targets of a full association: each is checked and looked up once."""

    def __init__(
        self,
        outlet: UdpOutlet,
        permits: Callable[[Upstream], bool],
        remote: Callable[[Upstream, int | UdpHop], Remote],
        lost: Callable[[TcpConnectError], None],
    ) -> None:
        """``permits`` asks the rules of the server; ``remote`` gives the socket for a target by its IP version or hop.

        It raises TcpConnectError. ``lost`` hears that no target can be reached.
        """
        self._outlet = outlet
        self._permits = permits
        self._remote = remote
        self._lost = lost
        self._known: dict[bytes, Target] = {}
        self._lookups = 0
        self._waiting_bytes = 0

    def find(self, header: bytes) -> Target | None:
        """A target that is known, or becomes known by this."""
        target = self._known.get(header)
        if target is not None:
            return target
        upstream = upstream_in(header)
        if upstream is None or (self._lookups >= LOOKUPS_MAX and isinstance(upstream.host, str)):
            return None
        target = Target(upstream)
        if len(self._known) >= TARGETS_MAX:
            self._forget(self._known.pop(next(iter(self._known))))
        self._known[header] = target
        if self._permits(upstream):
            found = self._outlet.find(upstream, partial(self._found_later, target))
            if isinstance(found, Query) and self._lookups >= LOOKUPS_MAX:
                found.cancel()  # an address, whose way out takes time to find
                del self._known[header]
                return None
            if isinstance(found, Query):
                target.query = found
                target.waiting = []
                self._lookups += 1
            else:
                self._found(target, found)
        return target

    def wait(self, target: Target, payload: bytes) -> None:
        """Keep a payload until the target has its address, or drop it when too much waits."""
        waiting = target.waiting
        if (
            waiting is not None
            and len(waiting) < WAITING_MAX
            and self._waiting_bytes + len(payload) <= WAITING_BYTES_MAX
        ):
            waiting.append(payload)
            self._waiting_bytes += len(payload)

    def close(self) -> None:
        """Cancel what is being looked up."""
        for target in self._known.values():
            self._forget(target)
        self._known.clear()

    def _forget(self, target: Target) -> None:
        if target.query is not None:
            target.query.cancel()
        self._no_longer_waits(target)

    def _no_longer_waits(self, target: Target) -> list[bytes]:
        waiting = target.waiting
        if waiting is None:
            return []
        target.query = target.waiting = None
        self._lookups -= 1
        self._waiting_bytes -= sum(map(len, waiting))
        return waiting

    def _found_later(self, target: Target, found: UdpWay) -> None:
        # What waits goes first; nothing else can come in between, as this is one turn of the loop.
        waiting = self._no_longer_waits(target)
        self._found(target, found)
        for payload in waiting:
            target.send(payload)

    def _found(self, target: Target, found: UdpWay) -> None:
        try:
            if isinstance(found, TcpConnectError):
                raise found
            if isinstance(found, UdpHop):
                target.lead(self._remote(target.upstream, found))
                return
            remote = self._remote(target.upstream, found.version)
            try:
                target.aim(remote, socket_address(found, target.upstream.port))
            except OSError as error:
                raise TcpConnectError(ConnectReason.SETUP_SOCKET_FAILED, os_error=error) from None
        except TcpConnectError as error:
            if self._outlet.single_way:
                self._lost(error)
            else:
                self._outlet.report(target.upstream, error)


def packed(address: SocketAddress) -> bytes:
    """A struct sockaddr_in or sockaddr_in6."""
    port = address[1].to_bytes(2, "big")
    if len(address) == 2:
        return _family(socket.AF_INET) + port + socket.inet_aton(address[0]) + bytes(8)
    host = socket.inet_pton(socket.AF_INET6, address[0])
    return _family(socket.AF_INET6) + port + bytes(4) + host + bytes(ctypes.c_uint32(address[3]))


def _family(family: int) -> bytes:
    return bytes(ctypes.c_uint16(family))
