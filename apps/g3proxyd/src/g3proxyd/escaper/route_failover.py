"""The escaper that has another one in reserve."""

import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from g3_escape import Fallback

from ..upstream import Upstream
from .base import Connection, ConnectNotes, Escaper, HttpHop, TaskIdentity, UdpHop, UdpOutlet
from .errors import TcpConnectError
from .failover_race import Connect, FailoverRace, T
from .route import Junction

if TYPE_CHECKING:
    from ..config.escaper import RouteFailoverConfig


class RouteFailoverEscaper(Junction):
    """g3's ``route_failover``."""

    type_name = "RouteFailover"

    def __init__(self, config: "RouteFailoverConfig", escapers: Mapping[str, Escaper]) -> None:
        """``escapers`` are those that exist, by their names."""
        self._escapers = (escapers[config.primary_next], escapers[config.standby_next])
        super().__init__(config.name, self._escapers)
        # Nobody is asked for FTP unless both would do the same.
        self.forwards_ftp = all(escaper.forwards_ftp for escaper in self._escapers)
        self._fallback = Fallback(config.fallback_delay)

    async def tcp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> Connection:
        """Through the one that connects first."""
        return await self._race(lambda escaper, own: escaper.tcp_connect(upstream, own, task), notes)

    async def http_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> HttpHop:
        """Through the one that connects first."""
        return await self._race(lambda escaper, own: escaper.http_connect(upstream, own, task), notes)

    async def ftp_connect(
        self, upstream: Upstream, method: bytes, notes: ConnectNotes, task: TaskIdentity
    ) -> HttpHop | None:
        """Through the one that connects first, if both have proxies that know FTP."""
        if not self.forwards_ftp:
            return None
        return await self._race(lambda escaper, own: escaper.ftp_connect(upstream, method, own, task), notes)

    async def udp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> socket.socket | UdpHop:
        """Through the one that is ready first."""
        return await self._race(lambda escaper, own: escaper.udp_connect(upstream, own, task), notes)

    def udp_associate(self, notes: ConnectNotes, task: TaskIdentity) -> UdpOutlet:
        """Through the first that has UDP: datagrams tell nothing of failures."""
        primary, standby = self._escapers
        try:
            outlet = primary.udp_associate(notes, task)
        except TcpConnectError:
            try:
                outlet = standby.udp_associate(notes, task)
            except TcpConnectError:
                self.route_stats.request_failed += 1
                raise
        self.route_stats.request_passed += 1
        return outlet

    async def _race(self, connect: Connect[T], notes: ConnectNotes) -> T:
        try:
            result = await FailoverRace(self._escapers, self._fallback, connect).run(notes)
        except TcpConnectError:
            self.route_stats.request_failed += 1
            raise
        self.route_stats.request_passed += 1
        return result
