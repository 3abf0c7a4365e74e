"""Escapers that keep a record of who has asked them, for tests of those that lead to others."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Any

from escaper.network import FakeQuery, Records
from g3proxyd.config.escaper import ESCAPERS
from g3proxyd.config.kinds import type_name
from g3proxyd.escaper import Surroundings
from g3proxyd.escaper.base import Connection, ConnectNotes, Escaper, HttpHop, TaskIdentity, UdpOutlet, UdpWay
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.escaper.make import make_escaper
from g3proxyd.log.logger import Logger
from g3proxyd.resolver.base import Query, Resolver
from g3proxyd.upstream import Upstream


class End(Escaper):
    """Connects to nobody: a connection is one end of a pair, after ``delay`` seconds; with ``error`` it fails."""

    type_name = "End"

    def __init__(self, name: str, *, delay: float | None = None, error: ConnectReason | None = None) -> None:
        super().__init__(name)
        self.delay = delay
        self.error = error
        self.asked: list[str] = []
        """What has been asked for: the call and the upstream."""
        self.peers: list[socket.socket] = []
        """The other ends."""
        self.outlets: list[Outlet] = []
        self.queries: list[FakeQuery] = []
        """Names that nobody finds an address for."""
        self.closed = 0

    async def tcp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> Connection:
        return await self._connect("tcp", upstream, notes)

    async def http_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> HttpHop:
        return HttpHop(await self._connect("http", upstream, notes), proxy=True, any_upstream=True)

    async def ftp_connect(
        self, upstream: Upstream, method: bytes, notes: ConnectNotes, task: TaskIdentity
    ) -> HttpHop | None:
        if not self.forwards_ftp:
            return None
        connection = await self._connect("ftp", upstream, notes)
        if method == b"PUT":
            connection.close()
            return None
        return HttpHop(connection, proxy=True, any_upstream=True)

    async def tcp_connect_beside(
        self, upstream: Upstream, first: ConnectNotes, notes: ConnectNotes, task: TaskIdentity
    ) -> Connection:
        return await self._connect("beside", upstream, notes)

    async def udp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> socket.socket:
        return await self._connect("udp", upstream, notes)

    def udp_associate(self, notes: ConnectNotes, task: TaskIdentity) -> UdpOutlet:
        notes.escaper = self.name
        self.asked.append("associate")
        if self.error is not None:
            raise TcpConnectError(self.error)
        self.outlets.append(Outlet(self))
        return self.outlets[-1]

    async def close(self) -> None:
        self.closed += 1

    async def _connect(self, call: str, upstream: Upstream, notes: ConnectNotes) -> socket.socket:
        notes.escaper = self.name
        self.asked.append(f"{call} {upstream}")
        if self.delay is not None:
            await asyncio.sleep(self.delay)
        if self.error is not None:
            raise TcpConnectError(self.error)
        ours, theirs = socket.socketpair()
        self.peers.append(theirs)
        return ours


class Outlet(UdpOutlet):
    """Sends to whatever it is asked for; a name is no address."""

    def __init__(self, end: End) -> None:
        self.end = end
        self.reports: list[str] = []
        self.closed = False

    def find(self, upstream: Upstream, receive: Callable[[UdpWay], None]) -> UdpWay | Query:
        self.end.asked.append(f"find {upstream}")
        if isinstance(upstream.host, str) and upstream.host.startswith("slow"):
            self.end.queries.append(FakeQuery())
            return self.end.queries[-1]
        if isinstance(upstream.host, str):
            return TcpConnectError(ConnectReason.NO_ADDRESS_CONNECTED)
        return upstream.host

    def open(self, version: int) -> socket.socket:
        return socket.socket(socket.AF_INET6 if version == 6 else socket.AF_INET, socket.SOCK_DGRAM)

    def report(self, upstream: Upstream, error: TcpConnectError) -> None:
        self.reports.append(f"{upstream} {error.reason.value}")

    def close(self) -> None:
        self.closed = True


def make_route(keys: Mapping[str, Any], *ends: Escaper, resolver: Resolver | None = None, around: Any = None) -> Any:
    """The escaper ``r`` of a type, by its keys, in front of these escapers."""
    model = next(model for model in ESCAPERS if keys["type"] in type_name(model).names)
    config = model.model_validate({"name": "r", **keys})
    resolvers = {} if resolver is None else {"dns": resolver}
    return make_escaper(
        config, Surroundings(around, resolvers, Logger("Escape", Records()), {end.name: end for end in ends})
    )
