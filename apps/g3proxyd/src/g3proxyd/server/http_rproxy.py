"""The HTTP reverse proxy: each request goes to the server that stands behind its host (g3's ``http_rproxy``).

To its clients it is the origin (RFC 9110 section 3.7 calls it a gateway), so it rejects what it does not serve: other
hosts with 404, hosts and schemes that do not belong on this connection with 421 (section 7.4).
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from g3_acl import HostError, parse_host
from g3_http import Field, Form, Leniency, RequestError, RequestHead, via_field
from g3_machine import LocalProtocolError

from ..escaper.base import ConnectNotes, HttpHop
from ..io.addresses import Peer
from ..io.stream import Stream
from ..task.chained_info import ChainedInfo
from ..task.errors import Reason, TaskError
from ..task.http_site import SiteForward, SiteUpgrade
from ..task.http_upgrade import offers_upgrade
from ..task.http_upstream import HttpUpstream
from ..tls.client import ClientTls
from ..tls.server import ServerTls
from ..upstream import SecureUpstream, Upstream
from .base import Stage
from .context import ServerContext
from .forwarded import behind_others, forwarded_for
from .http_server import ALPN, HttpClient, HttpServer

if TYPE_CHECKING:
    from ..config.server.http_rproxy import HttpRproxyConfig, HttpRproxyHost

ABSOLUTE, AUTHORITY = Form.ABSOLUTE, Form.AUTHORITY
"""For use here: CPython 3.11 takes 85 ns to look a member up in its class."""


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """What stands behind some of the hosts."""

    upstream: Upstream
    tls: ClientTls | None
    """TLS towards the upstream."""
    entrance: ServerTls | None
    """The TLS that clients have to speak; None where the server itself ends none."""

    @property
    def authority(self) -> bytes:
        """What Host says to the upstream where the client has said nothing."""
        return str(self.upstream).removesuffix(":80").encode("ascii")


class HttpRproxyServer(HttpServer):
    """g3's ``http_rproxy``."""

    type_name = "HttpRProxy"
    leniency = Leniency(raw_target=True)

    def __init__(self, context: ServerContext, config: "HttpRproxyConfig") -> None:
        """Raises ValueError for what the TLS library does not take."""
        super().__init__(context, config)
        self.config: HttpRproxyConfig = config
        self.sites = config.sites.map(self._site)
        self.forwarded = config.append_forwarded_for.value
        """The word for the field that tells upstreams for whom a request is."""
        self.via: tuple[Field, ...] = ()
        """What is added to requests, for HTTP/1.0 and HTTP/1.1."""
        if config.server_id is not None:
            self.chained_info = ChainedInfo(config.server_id, mark=False, echo=False)
            self.via = via(config.server_id)

    def first_stage(self, stream: Stream, peer: Peer) -> Stage:
        """Read requests."""
        return SiteClient(self, stream, peer)

    def _site(self, host: "HttpRproxyHost") -> Site:
        assert host.upstream is not None  # noqa: S101 - or the configuration was refused
        entrance = self._entrance_of(host)
        if host.tls_client is None:
            return Site(host.upstream, None, entrance)
        tls = ClientTls(replace(host.tls_client.settings, alpn=ALPN))
        return Site(SecureUpstream(host.upstream.host, host.upstream.port, host.tls_name), tls, entrance)

    def _entrance_of(self, host: "HttpRproxyHost") -> ServerTls | None:
        """The TLS that clients of these hosts have to speak."""
        return None


class SiteClient(HttpClient[Site]):
    """One client's connection: requests for one site or for several, one after the other."""

    __slots__ = ("_entrance", "_forwarded", "_scheme", "_site", "added")
    server: HttpRproxyServer
    added: tuple[Field, ...]
    """The fields that the present request gets."""
    _site: Site

    def __init__(self, server: HttpRproxyServer, stream: Stream, peer: Peer, entrance: ServerTls | None = None) -> None:
        """``entrance`` is the TLS that the server has ended for this client."""
        super().__init__(server, stream, peer)
        self._entrance = entrance
        self._scheme = b"http" if stream.bare else b"https"
        self._forwarded = forwarded_for(server.forwarded, stream.sock, peer)

    async def run(self) -> Stage | None:
        """Serve requests; a tunnel is the next stage."""
        context = self.context
        try:
            while (head := await self._next_request()) is not None:
                try:
                    site = self._site = self._route(head)
                except RequestError as fault:
                    await self._refuse_early(fault.status, fault.reply)
                    return None
                notes = context.begin_task(self.stream.sock, self.peer, site.upstream, self.waiting_since)
                if head.upgrade and offers_upgrade(head):
                    outcome = await SiteUpgrade(self, head, head.target, None, notes).serve()
                    if not isinstance(outcome, bool):
                        return outcome
                else:
                    outcome = await SiteForward(self, head, head.target, None, notes).run()
                if not outcome:
                    return None
                self.waiting_since = time.monotonic()
        except OSError:  # the client is gone, or too slow; TimeoutError is an OSError as well
            pass
        finally:
            self.drop_kept()
        return None

    def _route(self, head: RequestHead) -> Site:
        """Where the request goes; its head is as the upstream is to see it then. Raises RequestError."""
        target = head.target
        if target.form is AUTHORITY:
            raise RequestError("method", "CONNECT, which is for proxies", 501)
        if target.form is not ABSOLUTE:
            target.scheme = self._scheme  # RFC 9110 section 7.1: the target URI
        elif target.scheme != self._scheme:
            raise RequestError("target", "a scheme that is not that of the connection", 421)
        if head.max_forwards == 0:
            raise RequestError("max_forwards", "the last recipient is this proxy, which has nothing to say", 501)
        last = self._last
        if last is not None and last[0] == target.host:
            site = last[1]
        else:
            site = self._find(target.host)
            self._last = (target.host, site)
        if not target.authority:  # HTTP/1.0 without Host
            target.authority = site.authority
        self.added = () if self._forwarded is None else (behind_others(head, self._forwarded),)
        if self.server.via:
            self.added += (self.server.via[head.minor],)
        return site

    def _find(self, name: str) -> Site:
        """The site of a host, which may be empty. Raises RequestError."""
        server = self.server
        try:
            site = server.sites.find(parse_host(name)) if name else server.sites.default
        except HostError:
            raise RequestError("host", "not a host name or address") from None
        if site is None:
            server.stats.dest_denied += 1
            raise RequestError("host", "a host that is not served here", 404)
        if site.entrance is not self._entrance:
            # Others have other certificates, and perhaps ask clients for theirs: nobody gets past that by another name.
            server.stats.dest_denied += 1
            raise RequestError("host", "a host that is not served on this connection", 421)
        return site

    @property
    def upstream_tls(self) -> ClientTls:
        """See `HttpClient.upstream_tls`."""
        site = self._site
        assert site.tls is not None  # noqa: S101 - or its upstream is no SecureUpstream
        return site.tls

    def take_kept(self, upstream: Upstream) -> HttpUpstream | None:
        """See `HttpClient.take_kept`. Sites with equal upstreams may speak different TLS to them."""
        if self._kept is not None and self._kept.upstream is not upstream and not self._kept.any_upstream:
            self.drop_kept()
        return super().take_kept(upstream)

    def connected(self, upstream: Upstream, hop: HttpHop, connect: ConnectNotes) -> HttpUpstream:
        """See `HttpClient.connected`. Raises TaskError for a connection to the very address of the server."""
        there = connect.next_peer_addr
        if there is not None and there[:2] == self.stream.local_address()[:2]:
            hop.connection.close()  # it would come back here, and again
            raise TaskError(Reason.FORBIDDEN_BY_RULE, "the upstream is this server itself", 508)
        return super().connected(upstream, hop, connect)

    async def refuse(
        self, status: int, head: RequestHead, message: str, close: bool, fields: Iterable[Field] = ()
    ) -> bool:
        """See `HttpClient.refuse`. What stands behind the server is not for everybody to know: the log says it."""
        return await super().refuse(status, head, "", close, fields)


def via(server_id: str) -> tuple[Field, ...]:
    """The field line for each minor version; none where Via cannot carry the name."""
    try:
        return tuple(via_field(minor, server_id.encode("ascii")) for minor in (0, 1))
    except LocalProtocolError:
        return ()
