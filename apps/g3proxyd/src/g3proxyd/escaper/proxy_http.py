"""The escapers that go through HTTP proxies: tunnels by CONNECT, requests in the absolute form."""

from dataclasses import replace
from typing import TYPE_CHECKING

from g3_http import Field, Limits, pack_basic

from ..io.stream import Stream
from ..tls.client import ClientTls
from ..upstream import Upstream
from .base import ConnectNotes, Escaper, HttpHop, TaskIdentity
from .http_proxy import HttpProxy, HttpProxyOptions
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
        fields: tuple[Field, ...] = ()
        if config.proxy_username is not None:
            login = pack_basic(config.proxy_username, config.proxy_password or "")
            fields = ((b"Proxy-Authorization", login),)
        capability = config.http_forward_capability
        self.forwards_ftp = bool(capability.ftp_methods)
        hop = NextHop(self, config, around, header=header, tls=tls)
        options = HttpProxyOptions(
            timeout=config.peer_negotiation_timeout,
            limits=Limits(head_size=config.http_connect_rsp_header_max_size),
            fields=fields,
            passes_userid=config.pass_proxy_userid,
            forwards_https=capability.forward_https,
            ftp_methods=capability.ftp_methods,
            any_upstream=hop.any_upstream,
        )
        self._proxy = HttpProxy(hop, options)

    async def tcp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> Stream:
        """Ask the next proxy for a tunnel."""
        return await self._proxy.tcp_connect(upstream, notes, task)

    async def http_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> HttpHop:
        """See `HttpProxy.http_connect`."""
        return await self._proxy.http_connect(upstream, notes, task)

    async def ftp_connect(
        self, upstream: Upstream, method: bytes, notes: ConnectNotes, task: TaskIdentity
    ) -> HttpHop | None:
        """See `HttpProxy.ftp_connect`."""
        return await self._proxy.ftp_connect(upstream, method, notes, task)


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
