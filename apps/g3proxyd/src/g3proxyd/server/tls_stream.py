"""A server that leads to fixed places and ends TLS before (g3's ``tls_stream``)."""

from typing import TYPE_CHECKING

from ..io.addresses import Peer
from ..io.stream import Stream
from .base import Stage
from .context import ServerContext
from .refusals import Refusals
from .tcp_stream import TcpStreamServer
from .tls_entrance import TlsEntrance, make_tls

if TYPE_CHECKING:
    from ..config.server.tcp_stream import TlsStreamConfig


class TlsStreamServer(TcpStreamServer):
    """g3's ``tls_stream``: what is inside TLS goes to one of the upstreams."""

    type_name = "TlsStream"

    def __init__(self, context: ServerContext, config: "TlsStreamConfig") -> None:
        """Raises ValueError for what the TLS library does not take."""
        super().__init__(context, config)
        self._entrance = make_tls(config.name, config.tls_server, config.tls_ticketer)
        self._refusals = Refusals(config.name, context.loop.time)

    def first_stage(self, stream: Stream, peer: Peer) -> Stage:
        """Shake hands, then connect to one of the upstreams."""
        return TlsEntrance(self, self._entrance, self._refusals, stream, peer, super().first_stage)
