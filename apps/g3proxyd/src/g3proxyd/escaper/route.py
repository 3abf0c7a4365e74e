"""What escapers have in common that let another one connect."""

import socket
from abc import abstractmethod
from collections.abc import Iterable

from ..upstream import Upstream
from .base import Connection, ConnectNotes, Escaper, HttpHop, TaskIdentity, UdpHop, UdpOutlet
from .errors import ConnectReason, TcpConnectError
from .routed_udp import RoutedUdp


class RouteStats:
    """Counters of one route since its start, by the names of g3's metrics."""

    __slots__ = ("request_failed", "request_passed")

    def __init__(self) -> None:
        self.request_passed = 0
        """Requests that got a next escaper, whatever became of them there."""
        self.request_failed = 0
        """Requests that got none."""


class Junction(Escaper):
    """An escaper that leads to others. Connections are theirs: so are the name in the notes, and the counters."""

    def __init__(self, name: str, following: Iterable[Escaper]) -> None:
        """``following`` are all the escapers that may be next."""
        super().__init__(name)
        self.route_stats = RouteStats()
        following = tuple(following)
        self.forwards_ftp = any(escaper.forwards_ftp for escaper in following)
        self.wants_server_addr = any(escaper.wants_server_addr for escaper in following)
        self._ends: dict[str, Escaper] = {}
        """Those that connect themselves, also behind other junctions, by their names, which the notes tell."""
        for escaper in following:
            self._ends |= escaper._ends if isinstance(escaper, Junction) else {escaper.name: escaper}

    async def tcp_connect_beside(
        self, upstream: Upstream, first: ConnectNotes, notes: ConnectNotes, task: TaskIdentity
    ) -> Connection:
        """Through the escaper that has made the first connection."""
        end = self._ends.get(first.escaper)
        if end is None:
            return await self.tcp_connect(upstream, notes, task)
        return await end.tcp_connect_beside(upstream, first, notes, task)


class Route(Junction):
    """An escaper that chooses the next one for each request."""

    def __init__(self, name: str, following: Iterable[Escaper]) -> None:
        """See `Junction`."""
        following = tuple(following)
        super().__init__(name, following)
        self._nests = any(isinstance(escaper, Route) for escaper in following)  # each time would cost a third of it all

    @abstractmethod
    def choose(self, upstream: Upstream, task: TaskIdentity) -> Escaper | None:
        """Return the next escaper; None when that takes time to find out: then `decide` is asked.

        Raises TcpConnectError.
        """

    async def decide(self, upstream: Upstream, task: TaskIdentity) -> Escaper:
        """Find out the next escaper, where `choose` does not know. Raises TcpConnectError."""
        raise TcpConnectError(ConnectReason.INTERNAL_SERVER_ERROR, detail=f"{self.name} does not know what is next")

    async def tcp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> Connection:
        """Through the next escaper."""
        escaper = await self._end(upstream, notes, task)
        return await escaper.tcp_connect(upstream, notes, task)

    async def http_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> HttpHop:
        """Through the next escaper, and for this upstream alone: another one may have another way."""
        escaper = await self._end(upstream, notes, task)
        hop = await escaper.http_connect(upstream, notes, task)
        hop.any_upstream = False
        return hop

    async def ftp_connect(
        self, upstream: Upstream, method: bytes, notes: ConnectNotes, task: TaskIdentity
    ) -> HttpHop | None:
        """Through the next escaper, and for this upstream alone."""
        escaper = await self._end(upstream, notes, task)
        hop = await escaper.ftp_connect(upstream, method, notes, task)
        if hop is not None:
            hop.any_upstream = False
        return hop

    async def udp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> socket.socket | UdpHop:
        """Through the next escaper."""
        escaper = await self._end(upstream, notes, task)
        return await escaper.udp_connect(upstream, notes, task)

    def udp_associate(self, notes: ConnectNotes, task: TaskIdentity) -> UdpOutlet:
        """A way out that chooses for each target."""
        notes.escaper = self.name
        return RoutedUdp(self, notes, task)

    def end_now(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> tuple[Escaper, "Route | None"]:
        """Return the escaper behind this route, and behind all routes that it leads to, any number of them.

        One of them that needs time to find out what is next is returned twice: its `end_later` tells. Raises
        TcpConnectError.
        """
        route = self
        while True:
            try:
                escaper = route.choose(upstream, task)
            except TcpConnectError:
                route._failed(notes)
                raise
            if escaper is None:
                return route, route
            route.route_stats.request_passed += 1
            if not route._nests or not isinstance(escaper, Route):
                return escaper, None
            route = escaper

    async def end_later(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> Escaper:
        """The escaper behind this route, which needs time to find out. Raises TcpConnectError."""
        route = self
        while True:
            try:
                escaper = await route.decide(upstream, task)
            except TcpConnectError:
                route._failed(notes)
                raise
            route.route_stats.request_passed += 1
            if not isinstance(escaper, Route):
                return escaper
            end, later = escaper.end_now(upstream, notes, task)
            if later is None:
                return end
            route = later

    async def _end(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> Escaper:
        escaper, later = self.end_now(upstream, notes, task)
        return escaper if later is None else await later.end_later(upstream, notes, task)

    def _failed(self, notes: ConnectNotes) -> None:
        """Account for a request that got no next escaper here."""
        self.route_stats.request_failed += 1
        notes.escaper = self.name
