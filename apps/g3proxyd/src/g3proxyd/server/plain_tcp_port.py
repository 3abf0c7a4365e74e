"""A port in front of another server (g3's ``plain_tcp_port``)."""

from typing import TYPE_CHECKING

from ..io.addresses import Peer
from ..io.stream import Stream
from .base import Server, Stage
from .context import ServerContext
from .port import PortServer

if TYPE_CHECKING:
    from ..config.server.plain_tcp_port import PlainTcpPortConfig


class PlainTcpPortServer(PortServer):
    """Hands every connection to one server."""

    type_name = "PlainTcpPort"

    def __init__(self, context: ServerContext, config: "PlainTcpPortConfig", following: Server) -> None:
        """``following`` gets the connections."""
        super().__init__(context, config)
        self._following = following

    def choose(self, stream: Stream, peer: Peer) -> Stage | None:
        """The other server's first stage."""
        return self._following.enter(stream, peer)
