"""UDP through escapers that are chosen for each target."""

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..resolver.base import Query
from ..upstream import Upstream
from .base import ConnectNotes, Escaper, TaskIdentity, UdpOutlet, UdpWay
from .errors import ConnectReason, TcpConnectError

if TYPE_CHECKING:
    from .route import Route

WAYS_MAX = 2048
"""Targets whose way is remembered: twice what an association remembers of its targets."""


class RoutedUdp(UdpOutlet):
    """The way out of one association behind a `Route`: the ways of the escapers that it chooses for the targets."""

    def __init__(self, route: "Route", notes: ConnectNotes, task: TaskIdentity) -> None:
        self._route = route
        self._notes = notes
        self._task = task
        self._outlets: dict[Escaper, UdpOutlet] = {}
        self._ways: dict[Upstream, UdpOutlet] = {}

    def find(self, upstream: Upstream, receive: Callable[[UdpWay], None]) -> UdpWay | Query:
        """Ask the escaper that is chosen for this target."""
        try:
            escaper, later = self._route.end_now(upstream, self._notes, self._task)
        except TcpConnectError as error:
            return error
        if later is not None:
            return Decision(self, later, upstream, receive)
        return self.find_through(escaper, upstream, receive)

    async def decide(self, route: "Route", upstream: Upstream) -> Escaper:
        """The escaper for a target, where a route takes time to find out. Raises TcpConnectError."""
        return await route.end_later(upstream, self._notes, self._task)

    def find_through(self, escaper: Escaper, upstream: Upstream, receive: Callable[[UdpWay], None]) -> UdpWay | Query:
        """As `find`, of an escaper that was chosen."""
        outlet = self._outlets.get(escaper)
        if outlet is None:
            # The first escaper's notes and speed limits are those of the association.
            notes = ConnectNotes() if self._outlets else self._notes
            try:
                outlet = escaper.udp_associate(notes, self._task)
            except TcpConnectError as error:
                return error
            self._outlets[escaper] = outlet
        self._ways.pop(upstream, None)
        if len(self._ways) >= WAYS_MAX:
            del self._ways[next(iter(self._ways))]
        self._ways[upstream] = outlet
        return outlet.find(upstream, receive)

    def way(self, upstream: Upstream) -> UdpOutlet:
        """The way of the escaper that was chosen for a target."""
        outlet = self._ways.get(upstream)
        return self if outlet is None else outlet.way(upstream)

    def open(self, version: int) -> socket.socket:
        """Always raises TcpConnectError: sockets are those of the ways."""
        raise TcpConnectError(ConnectReason.ESCAPER_NOT_USABLE, detail="the target was forgotten")

    def close(self) -> None:
        """Let all ways go."""
        for outlet in self._outlets.values():
            outlet.close()

    def report(self, upstream: Upstream, error: TcpConnectError) -> None:
        """Tell it the escaper that was chosen; what a route itself refuses is counted there."""
        outlet = self._ways.get(upstream)
        if outlet is not None:
            outlet.report(upstream, error)


class Decision(Query):
    """A target whose escaper is not known yet."""

    def __init__(
        self, outlet: RoutedUdp, route: "Route", upstream: Upstream, receive: Callable[[UdpWay], None]
    ) -> None:
        self._outlet = outlet
        self._upstream = upstream
        self._receive = receive
        self._query: Query | None = None
        self._task = asyncio.get_running_loop().create_task(self._decide(route))

    def cancel(self) -> None:
        """Take no interest any more."""
        self._task.cancel()
        if self._query is not None:
            self._query.cancel()
            self._query = None

    async def _decide(self, route: "Route") -> None:
        found: UdpWay | Query
        try:
            escaper = await self._outlet.decide(route, self._upstream)
        except TcpConnectError as error:
            found = error
        else:
            found = self._outlet.find_through(escaper, self._upstream, self._receive)
        if isinstance(found, Query):
            self._query = found
        else:
            self._receive(found)
