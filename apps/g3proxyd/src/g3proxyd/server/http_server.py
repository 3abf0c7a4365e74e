"""What servers of HTTP requests have in common: reading heads, refusing, keeping a connection to an upstream."""

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

from g3_escape import EgressPath
from g3_http import Field, Leniency, Limits, RequestError, RequestHead, RequestReader, error_response

from ..escaper.base import ConnectNotes, HttpHop
from ..io.listener import Peer
from ..io.pacing import Pace, paces
from ..io.stream import Stream
from ..task.chained_info import ChainedInfo
from ..task.http_upstream import HttpUpstream
from ..tls.client import ClientTls
from ..upstream import Upstream
from .base import Server, Stage
from .context import ServerContext
from .destination import DestinationFilter

if TYPE_CHECKING:
    from ..config.server.http_server import HttpServerConfig

REPLY_PATIENCE = 10.0
"""Seconds without progress that a client has to take the few bytes of a reply."""

ALPN = ("http/1.1",)
"""What is spoken inside TLS, on both sides (RFC 7301)."""

Place = TypeVar("Place")
"""What a server knows of where requests for one host go."""


class HttpServer(Server):
    """A server whose clients send requests, one after the other."""

    leniency: Leniency
    """What clients may do against the standard."""
    chained_info: ChainedInfo | None = None
    """What is added to the heads of responses; None for nothing."""
    drops_default_port = False
    """Whether upstreams get a Host without the port that its scheme has anyway."""
    drops_fields: frozenset[bytes] = frozenset()
    """Lower-case names of fields that go no further."""

    def __init__(
        self, context: ServerContext, config: "HttpServerConfig", destinations: DestinationFilter | None = None
    ) -> None:
        super().__init__(context, config.ingress_network_filter, destinations)
        self.config = config
        self.request_limits = Limits(head_size=config.req_header_max_size, body_line_length=config.body_line_max_length)
        self.response_limits = Limits(
            head_size=config.rsp_header_max_size, body_line_length=config.body_line_max_length
        )
        # What each request asks for: to ask a configuration model takes ten times as long as to read an attribute.
        self.idle_patience: float = config.pipeline_read_idle_timeout
        self.head_patience: float = config.req_header_recv_timeout
        self.response_patience: float = config.rsp_header_recv_timeout
        self.keeps_connections: bool = config.http_forward_upstream_keepalive.enable
        self.keeps_for: float = config.http_forward_upstream_keepalive.idle_expire


class HttpClient(ABC, Generic[Place]):
    """One client's connection: its requests one after the other, until it closes or becomes a tunnel."""

    __slots__ = (
        "_kept",
        "_last",
        "_paces",
        "context",
        "egress_path",
        "peer",
        "received_at",
        "requests",
        "server",
        "stream",
        "user",
        "waiting_since",
    )

    def __init__(self, server: HttpServer, stream: Stream, peer: Peer) -> None:
        self.server = server
        self.context = server.context
        self.stream = stream
        self.peer = peer
        self.requests = RequestReader(server.request_limits, server.leniency)
        self.waiting_since = time.monotonic()
        """When the wait for the present request began, on a monotonic clock in seconds."""
        self.received_at = self.waiting_since
        """When the last bytes of requests came."""
        self._kept: HttpUpstream | None = None
        self._last: tuple[str, Place] | None = None  # a client mostly asks the same host again
        self._paces: tuple[list[Pace], list[Pace]] | None = None  # made for the first forwarded request
        self.user: str | None = None
        """Whose the present request is: a name that has logged in, or None."""
        self.egress_path: EgressPath | None = None
        """What the present request says about its way out."""

    @abstractmethod
    async def run(self) -> Stage | None:
        """Serve requests; a tunnel is the next stage."""

    @property
    @abstractmethod
    def upstream_tls(self) -> ClientTls:
        """What the upstream of the present request is spoken to by, if that is a `SecureUpstream`."""

    async def _next_request(self) -> RequestHead | None:
        """The next head; None when the client has closed, or broke HTTP and has been told so. Raises OSError."""
        requests, server = self.requests, self.server
        # Between two requests a client may idle; once a head has begun it has to be finished.
        patience, deadline = server.idle_patience, 0.0
        while True:
            if requests.head_begun:
                try:
                    head = requests.next_event()
                except RequestError as fault:
                    await self._refuse_early(fault.status, requests.data_to_send())
                    return None
                if head is not None:
                    return head
                now = time.monotonic()
                deadline = deadline or now + server.head_patience
                patience = max(deadline - now, 0.0)
            try:
                data = await self.stream.receive(patience)
            except TimeoutError:
                if deadline:
                    await self._refuse_early(408, error_response(408, message="The request did not come in time."))
                return None
            if data:
                self.received_at = time.monotonic()
                requests.receive_data(data)
            elif not requests.head_begun:
                return None
            else:
                requests.receive_eof()

    def go_as(self, user: str | None, path: EgressPath | None) -> None:
        """The present request is this user's, and goes this way: a connection of anybody else does not serve it."""
        if user != self.user or path != self.egress_path:
            self.drop_kept()
        self.user = user
        self.egress_path = path

    def take_kept(self, upstream: Upstream) -> HttpUpstream | None:
        """The connection that was kept, if it may carry a request for this server; it is closed otherwise."""
        kept, self._kept = self._kept, None
        if kept is None or kept.usable_for(upstream):
            return kept
        kept.stream.close()
        return None

    def drop_kept(self) -> None:
        """Close the connection that was kept."""
        if self._kept is not None:
            self._kept.stream.close()
            self._kept = None

    def drop_kept_proxy(self) -> None:
        """Close the connection that was kept, if a proxy takes the requests there."""
        if self._kept is not None and self._kept.hop.proxy:
            self.drop_kept()

    def keep(self, connection: HttpUpstream) -> None:
        """Keep the connection for this client's next request."""
        if self.server.keeps_connections:
            connection.keep(self.server.keeps_for)
            self._kept = connection
        else:
            connection.stream.close()

    def connected(self, upstream: Upstream, hop: HttpHop, connect: ConnectNotes) -> HttpUpstream:
        """Take a fresh connection to a server, made in the way that ``connect`` tells."""
        context = self.context
        if self._paces is None:
            self._paces = paces(time.monotonic, context.speed_limit)
        up, down = paces(time.monotonic, connect.speed_limit)
        stream = context.relays.stream(hop.connection)
        limits = self.server.response_limits
        return HttpUpstream(upstream, hop, stream, limits, connect, up=self._paces[0] + up, down=self._paces[1] + down)

    async def refuse(
        self, status: int, head: RequestHead, message: str, close: bool, fields: Iterable[Field] = ()
    ) -> bool:
        """Answer with an error page, with further fields; return whether the connection may carry another request."""
        keep = not close and head.keep_alive and self.server.online and self.requests.body_ended
        page = error_response(status, message=message, close=not keep, fields=fields, method=head.method)
        try:
            await self.stream.send(page, REPLY_PATIENCE)
            if not keep:
                await self.stream.linger()
        except OSError:
            return False
        return keep

    async def _refuse_early(self, status: int, reply: bytes) -> None:
        """Answer a request that is none, or say nothing at all where port scanners are to learn nothing."""
        if not self.server.config.no_early_error_reply:
            with contextlib.suppress(OSError):
                await self.stream.send(reply, REPLY_PATIENCE)
                await self.stream.linger()
