"""Connections to peers that carry our tasks further: TCP, a PROXY header, TLS, as far as the peer wants them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from g3_acl import unmap

from ..io.pacing import SpeedLimit
from ..io.relay import RelayHost
from ..io.stream import Stream
from ..log import Logger
from ..resolver.base import Resolver
from ..tls.client import ClientTls, ServerName
from ..upstream import Upstream
from .base import ConnectNotes, EscaperStats, TaskIdentity
from .dial import dial
from .errors import ConnectReason, TcpConnectError
from .log import log_tcp_connect, log_tls_handshake
from .negotiation import Negotiation
from .proxy_header import Header, send_header
from .race import Course, Race
from .sockets import OutgoingSockets


@dataclass(frozen=True, slots=True)
class PeerTls:
    """TLS towards peers."""

    client: ClientTls
    name: ServerName | None = None
    """Who all peers have to be; None leaves each its own host."""
    application: str = "HttpProxy"
    """What is spoken inside, in the word of the escape log's ``tls_application``."""


class PeerConnector:
    """Connects to peers in one way."""

    def __init__(
        self,
        sockets: OutgoingSockets,
        course: Course,
        resolver: Resolver,
        relays: RelayHost,
        logger: Logger,
        *,
        speed_limit: SpeedLimit | None = None,
        header: Header | None = None,
        tls: PeerTls | None = None,
    ) -> None:
        """``sockets`` are named after the escaper and have its counters; ``logger`` is bound to its type and name.

        A peer that is our own server is refused, for which the escaper has to set `Escaper.wants_server_addr`.
        """
        self.sockets = sockets
        self.course = course
        self._resolver = resolver
        self._relays = relays
        self._logger = logger
        self._speed_limit = speed_limit
        self._header = header
        self._tls = tls

    @property
    def stats(self) -> EscaperStats:
        """The escaper's counters."""
        return self.sockets.stats

    async def connect(
        self, peer: Upstream, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity, course: Course | None = None
    ) -> Stream:
        """Connect to the peer for a task that wants ``upstream``; the caller owns the stream.

        ``course`` stands in for the usual one. Raises TcpConnectError, of which the escape log knows. A cancelled call
        leaves nothing open.
        """
        self.stats.task_total += 1
        notes.escaper = self.sockets.name
        notes.speed_limit = self._speed_limit
        header = b"" if self._header is None else self._make_header(self._header, upstream, notes, task)
        stream = await self._dial(peer, upstream, notes, task, course or self.course)
        own, there = task.server_addr, notes.next_peer_addr
        if own is not None and there is not None and own[:2] == there[:2]:
            with self.reporting(stream, upstream, notes, task):
                # It would come back here, and again, until no descriptor is left.
                raise TcpConnectError(ConnectReason.ESCAPER_NOT_USABLE, detail="the next hop is this server itself")
        if header:
            with self.reporting(stream, upstream, notes, task):
                send_header(stream.sock, header)
        return stream if self._tls is None else await self._secure(self._tls, stream, peer, upstream, notes, task)

    @contextmanager
    def negotiation(
        self, stream: Stream, seconds: float, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity
    ) -> Iterator[Negotiation]:
        """A talk with the peer on its stream, which is closed if the talk fails or is cancelled."""
        with self.reporting(stream, upstream, notes, task):
            yield Negotiation(stream, seconds)

    @contextmanager
    def reporting(self, stream: Stream, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> Iterator[None]:
        """Close the stream on any exception, and tell the escape log of a TcpConnectError."""
        try:
            yield
        except TcpConnectError as error:
            stream.close()
            self._report(upstream, notes, task, error)
            raise
        except BaseException:
            stream.close()
            raise

    def _make_header(self, header: Header, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> bytes:
        try:
            return header(upstream, task)
        except TcpConnectError as error:
            self._report(upstream, notes, task, error)
            raise

    async def _dial(
        self, peer: Upstream, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity, course: Course
    ) -> Stream:
        loop = asyncio.get_running_loop()
        report = partial(self._report, upstream, notes, task) if self._logger.enabled else None
        if isinstance(peer.host, str):
            race = Race(loop, self.sockets, peer.port, course, notes, report)
            sock = await race.run(partial(self._resolver.query, peer.host))
        else:
            sock = await dial(loop, self.sockets, unmap(peer.host), peer.port, course.pace.each_timeout, notes, report)
        return self._relays.stream(sock)

    async def _secure(
        self, tls: PeerTls, stream: Stream, peer: Upstream, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity
    ) -> Stream:
        name = peer.host if tls.name is None else tls.name
        try:
            secure = await tls.client.connect(stream, name, peer.port)
        except OSError as error:
            reason = ConnectReason.PEER_TLS_HANDSHAKE_FAILED
            if isinstance(error, TimeoutError):
                reason = ConnectReason.PEER_TLS_HANDSHAKE_TIMEOUT
                self.stats.tls_handshake_timeout += 1
            else:
                self.stats.tls_handshake_error += 1
            failure = TcpConnectError(reason, detail=str(error))
            if self._logger.enabled:
                where = {"tls_name": str(name), "tls_application": tls.application}
                log_tls_handshake(self._logger, str(failure), upstream, notes, task, tls_peer=peer, **where)
            raise failure from None
        self.stats.tls_handshake_success += 1
        return secure

    def _report(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity, error: TcpConnectError) -> None:
        if self._logger.enabled:
            log_tcp_connect(self._logger, error, upstream, notes, task)
