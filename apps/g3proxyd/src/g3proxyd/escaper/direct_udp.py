"""UDP straight to the remote side: addresses for targets, checked, and sockets that reach them."""

import socket
from collections.abc import Callable
from functools import partial

from g3_acl import unmap

from ..log import Logger
from ..resolver.base import Query
from ..upstream import Upstream
from .base import ConnectNotes, TaskIdentity, UdpOutlet
from .errors import ConnectReason, TcpConnectError
from .log import log_udp_sendto
from .race import Ask, Course
from .search import Found, Search, wait_for
from .sockets import Host, OutgoingSockets, socket_address


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
        """Of a name the first address that the rules allow, of the family that `Search` chooses.

        Addresses cannot race as those of TCP do: nobody answers before there is something to answer to.
        """
        host = upstream.host
        if isinstance(host, str):
            course = self._course
            return Search(
                self._asking(host), course.families, course.pace.resolution_delay, self._pick, receive
            ).start()
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
            host = await wait_for(partial(self.find, upstream))
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

    def _pick(self, addresses: tuple[Host, ...]) -> Host | None:
        """The first address that the rules allow, in the order of the configuration."""
        hosts = [unmap(address) for address in addresses]
        if self._course.shuffle is not None:
            self._course.shuffle(hosts)
        refusal: TcpConnectError | None = None
        for host in hosts:
            try:
                self._sockets.check(host)
            except TcpConnectError as error:
                refusal = error
            else:
                return host
        if refusal is not None:
            raise refusal
        return None
