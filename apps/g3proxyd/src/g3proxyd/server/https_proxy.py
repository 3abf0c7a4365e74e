"""The HTTP proxy behind TLS (``tls_server`` of g3's ``http_proxy``)."""

from typing import TYPE_CHECKING

from ..io.addresses import Peer
from ..io.stream import Stream
from ..tls.server import ServerTls
from .base import Stage
from .context import ServerContext
from .http_proxy import ALPN, HttpProxyServer
from .refusals import Refusals
from .tls_entrance import TlsEntrance

if TYPE_CHECKING:
    from ..config.server.http_proxy import HttpProxyConfig


class HttpsProxyServer(HttpProxyServer):
    """The same for clients that speak TLS to the proxy."""

    def __init__(self, context: ServerContext, config: "HttpProxyConfig") -> None:
        """``config`` has a ``tls_server``. Raises ValueError for what the TLS library does not take."""
        super().__init__(context, config)
        assert config.tls_server is not None  # noqa: S101 - or this class is the wrong one
        tickets = None if config.tls_ticketer is None else config.tls_ticketer.settings
        try:
            self._entrance = ServerTls(config.tls_server.settings, ALPN, tickets)
        except OSError as error:  # ssl.SSLError is one
            raise ValueError(f"server {config.name}: the TLS library does not take its certificates: {error}") from None
        self._refusals = Refusals(config.name, context.loop.time)

    def first_stage(self, stream: Stream, peer: Peer) -> Stage:
        """Shake hands, then read requests."""
        return TlsEntrance(self, self._entrance, self._refusals, stream, peer, super().first_stage)
