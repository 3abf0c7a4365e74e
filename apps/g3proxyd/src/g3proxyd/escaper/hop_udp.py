"""The datagrams of an association of ours through one association at the next proxy."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable

from ..resolver.base import Query
from ..upstream import Upstream
from .base import UdpHop, UdpOutlet, UdpWay
from .errors import ConnectReason, TcpConnectError

log = logging.getLogger(__name__)


class HopUdp(UdpOutlet):
    """Asks the next proxy when the first target is wanted. There is one attempt: its outcome holds for all targets."""

    single_way = True

    def __init__(
        self,
        connect: Callable[[Upstream], Awaitable[UdpHop]],
        report: Callable[[Upstream, TcpConnectError], None],
    ) -> None:
        """``connect`` makes the association for a first target, or raises TcpConnectError."""
        self._connect = connect
        self._report = report
        self._asking: asyncio.Task[None] | None = None
        self._found: UdpHop | TcpConnectError | None = None
        self._waiting: list[_Waiting] = []

    def find(self, upstream: Upstream, receive: Callable[[UdpWay], None]) -> UdpWay | Query:
        """The one way there is, or will be."""
        if self._found is not None:
            return self._found
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask(upstream))
        waiting = _Waiting(receive)
        self._waiting.append(waiting)
        return waiting

    def open(self, version: int) -> socket.socket:
        """Nothing is sent straight to an address."""
        raise TcpConnectError(ConnectReason.METHOD_UNAVAILABLE)

    def report(self, upstream: Upstream, error: TcpConnectError) -> None:
        """See `UdpOutlet.report`."""
        self._report(upstream, error)

    def close(self) -> None:
        """Give the association up, or the attempt to get one."""
        if self._asking is not None:
            self._asking.cancel()
        if isinstance(self._found, UdpHop):
            self._found.close()
        self._waiting.clear()

    async def _ask(self, upstream: Upstream) -> None:
        found: UdpHop | TcpConnectError
        try:
            found = await self._connect(upstream)
        except TcpConnectError as error:
            found = error
        except Exception as error:
            # A fault of ours ends this association, and no other may notice.
            log.exception("no UDP association at the next proxy")
            found = TcpConnectError(ConnectReason.INTERNAL_SERVER_ERROR, detail=str(error))
        self._found = found
        self._asking = None
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.tell(found)


class _Waiting(Query):
    """A target that wants to know its way."""

    __slots__ = ("_receive",)

    def __init__(self, receive: Callable[[UdpWay], None]) -> None:
        self._receive: Callable[[UdpWay], None] | None = receive

    def cancel(self) -> None:
        self._receive = None

    def tell(self, way: UdpWay) -> None:
        # One that has been told may have ended the association, and cancelled the others with it.
        receive, self._receive = self._receive, None
        if receive is not None:
            receive(way)
