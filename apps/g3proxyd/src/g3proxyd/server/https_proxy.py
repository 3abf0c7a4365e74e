"""The HTTP proxy behind TLS (``tls_server`` of g3's ``http_proxy``)."""

from typing import TYPE_CHECKING

from ..io.addresses import Peer
from ..io.stream import Stream
from .base import Stage
from .context import ServerContext
from .http_proxy import HttpProxyServer
from .http_server import ALPN
from .refusals import Refusals
from .tls_entrance import TlsEntrance, make_tls

if TYPE_CHECKING:
    from ..config.server.http_proxy import HttpProxyConfig


class HttpsProxyServer(HttpProxyServer):
    """The same for clients that speak TLS to the proxy."""

    def __init__(self, context: ServerContext, config: "HttpProxyConfig") -> None:
        """``config`` has a ``tls_server``. Raises ValueError for what the TLS library does not take."""
        super().__init__(context, config)
        assert config.tls_server is not None  # noqa: S101 - or this class is the wrong one
        self._entrance = make_tls(config.name, config.tls_server, config.tls_ticketer, ALPN)
        self._refusals = Refusals(config.name, context.loop.time)

    def first_stage(self, stream: Stream, peer: Peer) -> Stage:
        """Shake hands, then read requests."""
        return TlsEntrance(self, self._entrance, self._refusals, stream, peer, super().first_stage)
