"""The HTTP proxy: forwarding for http:// URIs, tunnels for CONNECT (RFC 9110, RFC 9112; g3's ``http_proxy``)."""

import contextlib
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from g3_acl import HostError, parse_host
from g3_escape import EgressPath, RouteError, parse_path_number
from g3_http import (
    DEFAULT_PORTS,
    FORWARDED_FIELDS,
    EasyProxy,
    Field,
    Form,
    Leniency,
    Limits,
    MasqueHttp,
    RequestError,
    RequestHead,
    RequestReader,
    Target,
    error_response,
    field_values,
    parse_authority,
    parse_well_known,
)

from ..escaper.base import ConnectNotes, HttpHop
from ..io.listener import Peer
from ..io.pacing import Pace, paces
from ..io.stream import Stream
from ..task.chained_info import chained_info
from ..task.ftp_over_http import FtpOverHttp
from ..task.ftp_session import TASK_TYPE as FTP
from ..task.http_connect import open_tunnel
from ..task.http_forward import TASK_TYPE as FORWARD
from ..task.http_forward import HttpForward
from ..task.http_upgrade import HttpUpgrade, offers_upgrade
from ..task.http_upstream import HttpUpstream
from ..task.tunnel import TASK_TYPE as TUNNEL
from ..tls.client import ClientTls
from ..upstream import SecureUpstream, Upstream
from .base import Server, Stage
from .context import ServerContext
from .destination import DestinationFilter

if TYPE_CHECKING:
    from ..config.server.http_proxy import HttpProxyConfig

ABSOLUTE, AUTHORITY = Form.ABSOLUTE, Form.AUTHORITY
"""For use here: CPython 3.11 takes 85 ns to look a member up in its class."""

LENIENT = Leniency(raw_target=True, missing_host=True)
"""What browsers and simple clients do against the standard without any ambiguity for a proxy."""

REPLY_PATIENCE = 10.0
"""Seconds without progress that a client has to take the few bytes of a reply."""

ALPN = ("http/1.1",)
"""What is spoken inside TLS, on both sides (RFC 7301)."""


class HttpProxyServer(Server):
    """g3's ``http_proxy``."""

    type_name = "HttpProxy"

    def __init__(self, context: ServerContext, config: "HttpProxyConfig") -> None:
        destinations = DestinationFilter(config.name, config.dst_host_filter_set, config.dst_port_filter)
        super().__init__(context, config.ingress_network_filter, destinations)
        self.config = config
        self.request_limits = Limits(head_size=config.req_header_max_size, body_line_length=config.body_line_max_length)
        self.response_limits = Limits(
            head_size=config.rsp_header_max_size, body_line_length=config.body_line_max_length
        )
        self.local_names = frozenset(config.local_server_name)
        self.path_header = (config.egress_path_selection_header or "").encode("ascii")
        """The lower-case name of the request's field that chooses a path; empty for none."""
        self.chained_info = chained_info(config)
        """What is added to the heads of responses; None for nothing."""
        self.tls = ClientTls(replace(config.tls_client.settings, alpn=ALPN))
        """TLS for https targets."""
        # What each request asks for: to ask a configuration model takes ten times as long as to read an attribute.
        self.idle_patience: float = config.pipeline_read_idle_timeout
        self.head_patience: float = config.req_header_recv_timeout
        self.response_patience: float = config.rsp_header_recv_timeout
        self.keeps_connections: bool = config.http_forward_upstream_keepalive.enable
        self.keeps_for: float = config.http_forward_upstream_keepalive.idle_expire
        self.drops_default_port: bool = config.drop_default_port_in_host
        self.drops_fields = FORWARDED_FIELDS if config.steal_forwarded_for else frozenset[bytes]()

    def first_stage(self, stream: Stream, peer: Peer) -> Stage:
        """Read requests."""
        return HttpClient(self, stream, peer)


class HttpClient:
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
        "waiting_since",
    )

    def __init__(self, server: HttpProxyServer, stream: Stream, peer: Peer) -> None:
        self.server = server
        self.context = server.context
        self.stream = stream
        self.peer = peer
        self.requests = RequestReader(server.request_limits, LENIENT)
        self.waiting_since = time.monotonic()
        """When the wait for the present request began, on a monotonic clock in seconds."""
        self.received_at = self.waiting_since
        """When the last bytes of requests came."""
        self._kept: HttpUpstream | None = None
        self._last: tuple[str, Upstream] | None = None  # a client mostly asks the same host again
        self._paces: tuple[list[Pace], list[Pace]] | None = None  # made for the first forwarded request
        self.egress_path: EgressPath | None = None
        """What the present request says about its way out."""

    async def run(self) -> Stage | None:
        """Serve requests; a tunnel is the next stage."""
        context = self.context
        try:
            while (head := await self._next_request()) is not None:
                try:
                    target, upstream, host = self._route(head)
                except RequestError as fault:
                    await self._refuse_early(fault.status, fault.reply)
                    return None
                if head.method == b"CONNECT":
                    notes = context.begin_task(TUNNEL, self.stream.sock, self.peer, upstream, self.waiting_since)
                    outcome = await open_tunnel(self, head, notes)
                    if not isinstance(outcome, bool):
                        return outcome
                elif target.scheme == b"ftp":
                    notes = context.begin_task(FTP, self.stream.sock, self.peer, upstream, self.waiting_since)
                    outcome = await FtpOverHttp(self, head, target, notes).run()
                elif head.upgrade and offers_upgrade(head):
                    notes = context.begin_task(FORWARD, self.stream.sock, self.peer, upstream, self.waiting_since)
                    outcome = await HttpUpgrade(self, head, target, host, notes).serve()
                    if not isinstance(outcome, bool):
                        return outcome
                else:
                    notes = context.begin_task(FORWARD, self.stream.sock, self.peer, upstream, self.waiting_since)
                    outcome = await HttpForward(self, head, target, host, notes).run()
                if not outcome:
                    return None
                self.waiting_since = time.monotonic()
        except OSError:  # the client is gone, or too slow; TimeoutError is an OSError as well
            pass
        finally:
            self.drop_kept()
        return None

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

    def _route(self, head: RequestHead) -> tuple[Target, Upstream, bytes | None]:
        """Where the request goes, and the Host it takes along if that is the client's own. Raises RequestError."""
        target, host = head.target, None
        if self.server.path_header:
            self._choose_path(head)
        if target.form is not AUTHORITY and (target.form is not ABSOLUTE or self.server.local_names):
            target = self._local_target(head)
        if target is head.target and not head.host_matches:
            if not self.server.config.allow_custom_host:
                raise RequestError("host", "Host is not the host of the request target", 409)
            host = head.host
        kind = Upstream
        if target.scheme != b"http" and target.form is not AUTHORITY:
            target = of_other_scheme(target)
            if target.scheme == b"https":
                kind = SecureUpstream
        if head.max_forwards == 0:
            raise RequestError("max_forwards", "the last recipient is this proxy, which has nothing to say", 501)
        last = self._last
        if last is not None and last[0] == target.host and last[1].port == target.port and type(last[1]) is kind:
            return target, last[1], host
        try:
            upstream = kind(parse_host(target.host), target.port)
        except HostError:
            raise RequestError("host", "not a host name or address") from None
        self._last = (target.host, upstream)
        return target, upstream, host

    def _choose_path(self, head: RequestHead) -> None:
        """Take the choice of a path out of the request. Raises RequestError for one that is none."""
        name = self.server.path_header
        values = field_values(head.end_to_end, name)
        path = None
        if values:
            head.end_to_end = [field for field in head.end_to_end if field[0].lower() != name]
            try:
                number = parse_path_number(b", ".join(values).decode("latin-1"))
            except RouteError as error:
                raise RequestError("egress_path", str(error)) from None
            path = EgressPath(numbers={self.context.escaper.name: number})
        if path != self.egress_path:
            self.drop_kept()  # it goes another way
        self.egress_path = path

    def _local_target(self, head: RequestHead) -> Target:
        """What the request is for if it is for the proxy itself, as g3's well-known URIs are; else its target."""
        names = self.server.local_names
        if names:
            try:
                if head.host is None or parse_host(parse_authority(head.host)[0]) not in names:
                    return head.target
            except (HostError, RequestError):
                return head.target
        return local_target(head.target)

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


def of_other_scheme(target: Target) -> Target:
    """The target as it can be forwarded. Raises RequestError for a scheme that is not forwarded."""
    if target.scheme == b"ftp":
        return target
    if target.scheme == b"ws":
        # RFC 6455 section 4.1 wants CONNECT here; clients that ask in the absolute form mean plain HTTP with Upgrade.
        return replace(target, scheme=b"http", port=target.port or DEFAULT_PORTS[b"http"])
    if target.scheme == b"wss":
        return replace(target, scheme=b"https", port=target.port or DEFAULT_PORTS[b"https"])
    if target.scheme == b"https":
        return target
    raise RequestError("target", "a scheme that this proxy does not forward", 501)


def local_target(target: Target) -> Target:
    """The target behind a request to the proxy itself. Raises RequestError for one that has none."""
    match parse_well_known(target, LENIENT):
        case EasyProxy(target=inner) | MasqueHttp(target=inner):
            return inner
        case None:
            raise RequestError("target", "a request for the proxy itself, which serves nothing there", 501)
        case other:
            raise RequestError("well_known", f"{type(other).__name__} is not supported here", 501)
