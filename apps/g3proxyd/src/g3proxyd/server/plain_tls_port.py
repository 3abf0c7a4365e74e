"""A port that ends TLS in front of another server (g3's ``plain_tls_port`` and ``native_tls_port``)."""

from typing import TYPE_CHECKING

from ..io.addresses import Peer
from ..io.stream import Stream
from .base import Server, Stage
from .context import ServerContext
from .port import PortServer
from .tls_entrance import TlsEntrance, make_tls

if TYPE_CHECKING:
    from ..config.server.native_tls_port import NativeTlsPortConfig
    from ..config.server.plain_tls_port import PlainTlsPortConfig


class PlainTlsPortServer(PortServer):
    """Hands what is inside TLS to one server. A PROXY header comes before TLS."""

    type_name = "PlainTlsPort"

    def __init__(
        self, context: ServerContext, config: "PlainTlsPortConfig | NativeTlsPortConfig", following: Server
    ) -> None:
        """``following`` gets the connections. Raises ValueError for what the TLS library does not take."""
        super().__init__(context, config)
        self._tls = make_tls(config.name, config.tls_server, config.tls_ticketer)
        self._following = following

    def choose(self, stream: Stream, peer: Peer) -> Stage | None:
        """Shake hands; the other server's first stage comes then."""
        return TlsEntrance(self, self._tls, self.refusals, stream, peer, self._following.enter)


class NativeTlsPortServer(PlainTlsPortServer):
    """The same under the name of g3's port that uses OpenSSL."""

    type_name = "NativeTlsPort"
