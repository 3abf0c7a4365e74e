"""A server that leads to fixed places, whatever its clients speak (g3's ``tcp_stream``)."""

import random
import time
from typing import TYPE_CHECKING

from g3_escape import Node, make_picker

from ..io.addresses import Peer, server_address
from ..io.stream import Stream
from ..task.tcp_stream import TcpStream
from ..tls.client import ClientTls
from ..upstream import SecureUpstream, Upstream
from .base import Server, Stage
from .context import ServerContext

if TYPE_CHECKING:
    from ..config.server.tcp_stream import StreamConfig


class TcpStreamServer(Server):
    """g3's ``tcp_stream``."""

    type_name = "TcpStream"

    def __init__(self, context: ServerContext, config: "StreamConfig") -> None:
        super().__init__(context, config.ingress_network_filter)
        self._tls = None if config.tls_client is None else ClientTls(config.tls_client.settings)
        self._tls_name = config.upstream_tls_name or config.upstream[0].upstream.host
        nodes = [Node(self._told(each.upstream), str(each).encode(), each.weight) for each in config.upstream]
        self._picker = make_picker(config.upstream_pick_policy, nodes, random.random)

    def first_stage(self, stream: Stream, peer: Peer) -> Stage:
        """Connect to one of the upstreams."""
        key = f"{peer[0]} {server_address(stream.sock, peer)[0]}"
        upstream = self._picker.pick(key.encode())
        own = stream.local_address()
        return TcpStream(self.context, stream, peer, upstream, time.monotonic(), own, self._tls)

    def _told(self, upstream: Upstream) -> Upstream:
        """An upstream as escapers are told of it."""
        return upstream if self._tls is None else SecureUpstream(upstream.host, upstream.port, self._tls_name)
