"""A server that leads to fixed places, whatever its clients speak (g3's ``tcp_stream``)."""

import random
import time
from typing import TYPE_CHECKING

from g3_escape import Node, make_picker

from ..io.addresses import Peer, local_address, server_address
from ..io.stream import Stream
from ..task.tcp_stream import TcpStream
from .base import Server, Stage
from .context import ServerContext

if TYPE_CHECKING:
    from ..config.server.tcp_stream import TcpStreamConfig


class TcpStreamServer(Server):
    """g3's ``tcp_stream``."""

    type_name = "TcpStream"

    def __init__(self, context: ServerContext, config: "TcpStreamConfig") -> None:
        super().__init__(context, config.ingress_network_filter)
        nodes = [Node(each.upstream, str(each).encode(), each.weight) for each in config.upstream]
        self._picker = make_picker(config.upstream_pick_policy, nodes, random.random)

    def first_stage(self, stream: Stream, peer: Peer) -> Stage:
        """Connect to one of the upstreams."""
        key = f"{peer[0]} {server_address(stream.sock, peer)[0]}"
        upstream = self._picker.pick(key.encode())
        return TcpStream(self.context, stream, peer, upstream, time.monotonic(), local_address(stream.sock))
