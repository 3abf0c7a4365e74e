"""Connections to name servers over TCP."""

import asyncio
import secrets
from functools import partial

from g3_dns import Server, StreamSettings, TcpClient

from ...io.poller import Poller
from ...io.stream import Stream
from ...io.timers import Wheel
from .sockets import ServerSockets
from .stream import StreamTransport


class TcpConnector:
    """Opens connections to one name server."""

    def __init__(self, poller: Poller, wheel: Wheel, server: Server, sockets: ServerSockets) -> None:
        self._poller = poller
        self._wheel = wheel
        self._sockets = sockets
        self.server = server

    async def connect(self) -> Stream:
        """A connection. Raises OSError; how long it may take is the caller's business."""
        sock = self._sockets.open_tcp(self.server)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (str(self.server.host), self.server.port))
        except BaseException:
            sock.close()
            raise
        return Stream(self._poller, sock, self._wheel)


def tcp_transport(connector: TcpConnector, connect_timeout: float, request_timeout: float) -> StreamTransport:
    """Questions over TCP; times are in seconds."""
    settings = StreamSettings(query_timeout=request_timeout)
    return StreamTransport(connector.connect, partial(TcpClient, secrets.randbelow, settings), connect_timeout)
