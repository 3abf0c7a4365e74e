"""UDP straight to the remote side: addresses for targets, checked, and sockets that reach them."""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

from g3_acl import unmap
from g3_escape import Family

from ..log import Logger
from ..resolver.base import Answer, Query
from ..upstream import Upstream
from .base import ConnectNotes, TaskIdentity, UdpOutlet
from .errors import ConnectReason, TcpConnectError
from .log import log_udp_sendto
from .race import Ask, Course
from .sockets import Host, OutgoingSockets, socket_address

Found = Host | TcpConnectError
"""The address of a target that may be sent to, or why there is none."""


class DirectUdp(UdpOutlet):
    """The way out of one association, or of one connected socket."""

    def __init__(
        self,
        sockets: OutgoingSockets,
        course: Course,
        asking: Callable[[str], Ask],
        logger: Logger,
        notes: ConnectNotes,
        task: TaskIdentity,
    ) -> None:
        """``asking`` tells how to find the addresses of a name; ``course`` in which order they are looked at."""
        self._sockets = sockets
        self._course = course
        self._asking = asking
        self._logger = logger
        self._notes = notes
        self._task = task

    def find(self, upstream: Upstream, receive: Callable[[Found], None]) -> Found | Query:
        """Of a name the first address that the rules allow; the second family is asked for where the first has none.

        Addresses cannot race as those of TCP do: nobody answers before there is something to answer to.
        """
        host = upstream.host
        if isinstance(host, str):
            search = Search(self._sockets, self._course, self._asking(host), receive)
            return search.start()
        try:
            host = unmap(host)
            self._sockets.check(host)
        except TcpConnectError as error:
            return error
        return host

    def open(self, version: int) -> socket.socket:
        """Bound to one of the escaper's addresses, if it has any."""
        sock, self._notes.next_bind_ip = self._sockets.open_udp(version)
        self._notes.next_bound_addr = sock.getsockname()
        return sock

    def report(self, upstream: Upstream, error: TcpConnectError) -> None:
        """Write one UdpSendto record."""
        if self._logger.enabled:
            log_udp_sendto(self._logger, error, upstream, self._notes, self._task)

    async def connect(self, upstream: Upstream) -> socket.socket:
        """A connected socket; the caller owns it. Raises TcpConnectError, of which the escape log has been told."""
        try:
            host = await self._address(upstream)
            sock = self.open(host.version)
            try:
                address = self._notes.next_peer_addr = socket_address(host, upstream.port)
                sock.connect(address)
                self._notes.next_bound_addr = sock.getsockname()
            except OSError as error:
                sock.close()
                raise TcpConnectError(ConnectReason.CONNECT_FAILED, os_error=error) from None
        except TcpConnectError as error:
            self.report(upstream, error)
            raise
        return sock

    async def _address(self, upstream: Upstream) -> Host:
        found: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        result = self.find(upstream, found.set_result)
        if isinstance(result, Query):
            query = result
            try:
                result = await found
            except asyncio.CancelledError:
                query.cancel()
                raise
        if isinstance(result, TcpConnectError):
            raise result
        assert isinstance(result, IPv4Address | IPv6Address)  # noqa: S101 - for the type checker
        return result


class Search(Query):
    """A name on the way to the one address that is sent to."""

    __slots__ = ("_ask", "_course", "_error", "_families", "_query", "_receive", "_sockets")

    def __init__(self, sockets: OutgoingSockets, course: Course, ask: Ask, receive: Callable[[Found], None]) -> None:
        self._sockets = sockets
        self._course = course
        self._ask = ask
        self._receive: Callable[[Found], None] | None = receive
        self._families: list[Family] = list(course.families)
        self._query: Query | None = None
        self._error: TcpConnectError | None = None

    def start(self) -> "Found | Search":
        """What is known at once, or itself."""
        while self._families:
            asked = self._ask(self._families.pop(0), self._answered)
            if isinstance(asked, Query):
                self._query = asked
                return self
            host = self._pick(asked)
            if host is not None:
                return host
        return self._error or TcpConnectError(ConnectReason.NO_ADDRESS_CONNECTED)

    def cancel(self) -> None:
        """Take no interest any more."""
        self._receive = None
        if self._query is not None:
            self._query.cancel()
            self._query = None

    def _answered(self, answer: Answer) -> None:
        self._query = None
        found = self._pick(answer) or self.start()
        receive = self._receive
        if receive is not None and not isinstance(found, Search):
            self._receive = None
            receive(found)

    def _pick(self, answer: Answer) -> Host | None:
        if answer.error is not None:
            # A refusal of ours says more than the missing answer of the other family.
            if self._error is None:
                self._error = TcpConnectError(ConnectReason.RESOLVE_FAILED, resolve_error=answer.error.fresh())
            return None
        addresses = [unmap(address) for address in answer.addresses]
        if self._course.shuffle is not None:
            self._course.shuffle(addresses)
        for address in addresses:
            try:
                self._sockets.check(address)
            except TcpConnectError as error:
                self._error = error
            else:
                return address
        return None
