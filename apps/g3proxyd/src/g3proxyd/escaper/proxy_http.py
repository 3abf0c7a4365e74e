"""The escapers that go through HTTP proxies: tunnels by CONNECT, requests in the absolute form."""

from dataclasses import replace
from typing import TYPE_CHECKING

from g3_http import Field, Limits, pack_basic

from ..io.stream import Stream
from ..tls.client import ClientTls
from ..upstream import SecureUpstream, Upstream
from .base import ConnectNotes, Escaper, HttpHop, TaskIdentity
from .http_connect import ask_for_tunnel
from .next_hop import NextHop
from .peer import PeerTls
from .proxy_header import make_header

if TYPE_CHECKING:
    from ..config.escaper.proxy_http import HttpProxyHopConfig, ProxyHttpConfig, ProxyHttpsConfig
    from . import Surroundings

ALPN = ("http/1.1",)
"""What is spoken to a proxy inside TLS (RFC 7301)."""


class HttpProxyEscaper(Escaper):
    """What both have in common."""

    wants_server_addr = True

    def __init__(self, config: "HttpProxyHopConfig", around: "Surroundings", tls: PeerTls | None = None) -> None:
        super().__init__(config.name)
        header = make_header(config.use_proxy_protocol)
        self._hop = NextHop(self, config, around, header=header, tls=tls)
        self._negotiation_timeout: float = config.peer_negotiation_timeout
        self._limits = Limits(head_size=config.http_connect_rsp_header_max_size)
        self._fields: tuple[Field, ...] = ()
        if config.proxy_username is not None:
            login = pack_basic(config.proxy_username, config.proxy_password or "")
            self._fields = ((b"Proxy-Authorization", login),)
        self._forwards_https: bool = config.http_forward_capability.forward_https
        self._ftp_methods = config.http_forward_capability.ftp_methods
        self.forwards_ftp = bool(self._ftp_methods)

    async def tcp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> Stream:
        """Ask the next proxy for a tunnel; names are its to resolve."""
        stream = await self._hop.connect(upstream, notes, task)
        with self._hop.negotiation(stream, self._negotiation_timeout, upstream, notes, task) as talk:
            await ask_for_tunnel(talk, upstream, self._fields, self._limits)
        return stream

    async def http_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> HttpHop:
        """Connect to a next proxy that takes requests; for https, unless it forwards that too, through a tunnel."""
        if isinstance(upstream, SecureUpstream) and not self._forwards_https:
            return HttpHop(await self.tcp_connect(upstream, notes, task))
        return await self._forwarding_hop(upstream, notes, task)

    async def ftp_connect(
        self, upstream: Upstream, method: bytes, notes: ConnectNotes, task: TaskIdentity
    ) -> HttpHop | None:
        """Connect to a next proxy, if it forwards requests with this method for ftp URIs."""
        return await self._forwarding_hop(upstream, notes, task) if method in self._ftp_methods else None

    async def _forwarding_hop(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> HttpHop:
        stream = await self._hop.connect(upstream, notes, task)
        return HttpHop(stream, proxy=True, fields=self._fields, any_upstream=self._hop.any_upstream)


class ProxyHttpEscaper(HttpProxyEscaper):
    """g3's ``proxy_http``."""

    type_name = "ProxyHttp"

    def __init__(self, config: "ProxyHttpConfig", around: "Surroundings") -> None:
        super().__init__(config, around)


class ProxyHttpsEscaper(HttpProxyEscaper):
    """g3's ``proxy_https``."""

    type_name = "ProxyHttps"

    def __init__(self, config: "ProxyHttpsConfig", around: "Surroundings") -> None:
        settings = replace(config.tls_client.settings, alpn=ALPN)
        super().__init__(config, around, PeerTls(ClientTls(settings), config.tls_name))
