"""The HTTP proxy: forwarding for http:// URIs, tunnels for CONNECT (RFC 9110, RFC 9112; g3's ``http_proxy``)."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from g3_acl import HostError, parse_host
from g3_escape import RouteError, parse_path_number, request_path
from g3_http import (
    DEFAULT_PORTS,
    FORWARDED_FIELDS,
    EasyProxy,
    Form,
    Leniency,
    MasqueHttp,
    RequestError,
    RequestHead,
    Target,
    field_values,
    parse_authority,
    parse_well_known,
)

from ..io.listener import Peer
from ..io.stream import Stream
from ..task.chained_info import chained_info
from ..task.ftp_over_http import FtpOverHttp
from ..task.http_connect import open_tunnel
from ..task.http_forward import HttpForward
from ..task.http_upgrade import HttpUpgrade, offers_upgrade
from ..tls.client import ClientTls
from ..upstream import SecureUpstream, Upstream
from .base import Stage
from .context import ServerContext
from .destination import DestinationFilter
from .http_server import ALPN, HttpClient, HttpServer

if TYPE_CHECKING:
    from ..config.server.http_proxy import HttpProxyConfig

ABSOLUTE, AUTHORITY = Form.ABSOLUTE, Form.AUTHORITY
"""For use here: CPython 3.11 takes 85 ns to look a member up in its class."""

LENIENT = Leniency(raw_target=True, missing_host=True)
"""What browsers and simple clients do against the standard without any ambiguity for a proxy."""


class HttpProxyServer(HttpServer):
    """g3's ``http_proxy``."""

    type_name = "HttpProxy"
    leniency = LENIENT

    def __init__(self, context: ServerContext, config: "HttpProxyConfig") -> None:
        destinations = DestinationFilter(config.name, config.dst_host_filter_set, config.dst_port_filter)
        super().__init__(context, config, destinations)
        self.config: HttpProxyConfig = config
        self.local_names = frozenset(config.local_server_name)
        self.path_header = (config.egress_path_selection_header or "").encode("ascii")
        """The lower-case name of the request's field that chooses a path; empty for none."""
        self.chained_info = chained_info(config)
        self.tls = ClientTls(replace(config.tls_client.settings, alpn=ALPN))
        """TLS for https targets."""
        self.drops_default_port = config.drop_default_port_in_host
        if config.steal_forwarded_for:
            self.drops_fields = FORWARDED_FIELDS

    def first_stage(self, stream: Stream, peer: Peer) -> Stage:
        """Read requests."""
        return ProxyClient(self, stream, peer)


class ProxyClient(HttpClient[Upstream]):
    """One client's connection: its requests one after the other, until it closes or becomes a tunnel."""

    __slots__ = ()
    server: HttpProxyServer

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
                notes = context.begin_task(self.stream.sock, self.peer, upstream, self.waiting_since)
                notes.user, notes.egress_path = self.user, self.egress_path
                if head.method == b"CONNECT":
                    outcome = await open_tunnel(self, head, notes)
                    if not isinstance(outcome, bool):
                        return outcome
                elif target.scheme == b"ftp":
                    outcome = await FtpOverHttp(self, head, target, notes).run()
                elif head.upgrade and offers_upgrade(head):
                    outcome = await HttpUpgrade(self, head, target, host, notes).serve()
                    if not isinstance(outcome, bool):
                        return outcome
                else:
                    outcome = await HttpForward(self, head, target, host, notes).run()
                if not outcome:
                    return None
                self.waiting_since = time.monotonic()
        except OSError:  # the client is gone, or too slow; TimeoutError is an OSError as well
            pass
        finally:
            self.drop_kept()
        return None

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

    @property
    def upstream_tls(self) -> ClientTls:
        """See `HttpClient.upstream_tls`."""
        return self.server.tls

    def _choose_path(self, head: RequestHead) -> None:
        """Take the choice of a path out of the request. Raises RequestError for one that is none."""
        name = self.server.path_header
        values = field_values(head.end_to_end, name)
        path = None
        if values:
            head.remove((name,))
            try:
                number = parse_path_number(b", ".join(values).decode("latin-1"))
            except RouteError as error:
                raise RequestError("egress_path", str(error)) from None
            path = request_path(self.context.escaper.name, number)
        self.go_as(self.user, path)

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
