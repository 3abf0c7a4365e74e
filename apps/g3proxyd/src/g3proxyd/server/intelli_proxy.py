"""A port that tells HTTP from SOCKS by the first byte (g3's ``intelli_proxy``)."""

import string
from typing import TYPE_CHECKING

from ..io.addresses import Peer
from ..io.stream import Stream
from .base import Server, Stage
from .context import ServerContext
from .port import PortServer

if TYPE_CHECKING:
    from ..config.server.intelli_proxy import IntelliProxyConfig

SOCKS = frozenset((4, 5))
"""The versions, which come first (RFC 1928 section 3)."""

HTTP = frozenset(b"\r!#$%&'*+-.^_`|~" + string.digits.encode() + string.ascii_letters.encode())
"""What a method begins with (RFC 9110 section 5.6.2), or the empty line before it (RFC 9112 section 2.2)."""


class IntelliProxyServer(PortServer):
    """g3's ``intelli_proxy``."""

    type_name = "IntelliProxy"

    def __init__(self, context: ServerContext, config: "IntelliProxyConfig", http: Server, socks: Server) -> None:
        super().__init__(context, config)
        self.http = http
        self.socks = socks
        self.patience = config.protocol_detection_timeout

    def choose(self, stream: Stream, peer: Peer) -> Stage | None:
        """Wait for the first byte."""
        return Detection(self, stream, peer)


class Detection:
    """The wait for the first byte, which stays unread."""

    __slots__ = ("_peer", "_server", "_stream")

    def __init__(self, server: IntelliProxyServer, stream: Stream, peer: Peer) -> None:
        self._server = server
        self._stream = stream
        self._peer = peer

    async def run(self) -> Stage | None:
        """The first stage of the server whose protocol it is."""
        server, stream = self._server, self._stream
        try:
            data = await stream.receive(server.patience)
        except TimeoutError:
            server.refuse(self._peer, "timeout: the client said nothing")
            return None
        except OSError as error:
            server.refuse(self._peer, f"closed: {error}")
            return None
        if not data:
            server.refuse(self._peer, "closed: the client left without a word")
            return None
        stream.unread(data)
        if data[0] in SOCKS:
            return server.socks.enter(stream, self._peer)
        if data[0] in HTTP:
            return server.http.enter(stream, self._peer)
        server.refuse(self._peer, f"protocol: neither HTTP nor SOCKS begins with the byte {data[0]:#04x}")
        return None
