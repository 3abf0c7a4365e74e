"""A server for connections to other machines, which rules of the firewall lead here (g3's ``tcp_tproxy``)."""

import time
from ipaddress import ip_address
from typing import TYPE_CHECKING

from g3_acl import unmap

from ..io.addresses import Peer, is_local, server_address
from ..io.stream import Stream
from ..task.tcp_stream import TcpStream
from ..upstream import Upstream
from .base import Server, Stage
from .context import ServerContext
from .refusals import Refusals

if TYPE_CHECKING:
    from ..config.server.tcp_tproxy import TcpTproxyConfig


class TcpTproxyServer(Server):
    """g3's ``tcp_tproxy``: Linux, Documentation/networking/tproxy.rst."""

    type_name = "TcpTProxy"

    def __init__(self, context: ServerContext, config: "TcpTproxyConfig") -> None:
        super().__init__(context, config.ingress_network_filter)
        self._port = config.listen.address.port
        self._refusals = Refusals(config.name, context.loop.time)

    def first_stage(self, stream: Stream, peer: Peer) -> Stage | None:
        """Connect to where the client wanted to go: the address of our end of its connection."""
        address = server_address(stream.sock, peer)
        host, port = unmap(ip_address(address[0].partition("%")[0])), address[1]
        if port == self._port and is_local(host):
            # Whoever speaks to the listening socket itself would be connected to it again, and again.
            self.stats.listen_dropped += 1
            self._refusals.note(
                peer, "it was for this server's own address; no TPROXY rule of the firewall led it here"
            )
            return None
        return TcpStream(self.context, stream, peer, Upstream(host, port), time.monotonic())
