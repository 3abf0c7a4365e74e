"""Ports: servers that take connections, perhaps read a PROXY header, and hand them to another server."""

import time
from abc import abstractmethod
from typing import TYPE_CHECKING

from g3_acl import unmap
from g3_proxyproto import Header, HeaderError, HeaderReader, Inet, Transport

from ..io.addresses import Peer, ToldPeer
from ..io.stream import Stream
from .base import Server, Stage
from .context import ServerContext
from .refusals import Refusals

if TYPE_CHECKING:
    from ..config.server.port import PortConfig


class PortServer(Server):
    """What every port does. A connection stays the port's own, whatever stages it goes through."""

    def __init__(self, context: ServerContext, config: "PortConfig") -> None:
        super().__init__(context, config.ingress_network_filter)
        self._version = config.proxy_protocol
        self.header_patience = config.proxy_protocol_read_timeout
        self.refusals = Refusals(config.name, context.loop.time)

    def first_stage(self, stream: Stream, peer: Peer) -> Stage | None:
        """Read the PROXY header, or see at once which server comes next."""
        if self._version is None:
            return self.choose(stream, peer)
        return ProxyHeader(self, stream, peer, self._version)

    @abstractmethod
    def choose(self, stream: Stream, peer: Peer) -> Stage | None:
        """What comes next for a connection whose true addresses are known; None closes it."""

    def refuse(self, peer: Peer, reason: str) -> None:
        """Count a connection that is about to be closed, and say why in the process log."""
        self.stats.listen_dropped += 1
        self.refusals.note(peer, reason)


class ProxyHeader:
    """From the first byte to the end of a PROXY header; nothing else is accepted, and nobody is answered."""

    __slots__ = ("_peer", "_reader", "_server", "_stream")

    def __init__(self, server: PortServer, stream: Stream, peer: Peer, version: int) -> None:
        self._server = server
        self._stream = stream
        self._peer = peer
        self._reader = HeaderReader(versions=(version,))

    async def run(self) -> Stage | None:
        """Read it; what comes next has its addresses, and what lies behind it is unread."""
        server = self._server
        try:
            header = await self._read(time.monotonic() + server.header_patience)
            peer = told_peer(header, self._peer)
        except HeaderError as fault:
            server.refuse(self._peer, f"{fault.reason}: {fault}")
        except TimeoutError:
            server.refuse(self._peer, "timeout: the PROXY header did not come in time")
        except OSError as error:
            server.refuse(self._peer, f"closed: {error}")
        else:
            self._stream.unread(self._reader.take_unread())
            return server.choose(self._stream, peer)
        return None

    async def _read(self, deadline: float) -> Header:
        """Raises HeaderError and OSError, TimeoutError among them."""
        reader = self._reader
        while (header := reader.next_event()) is None:
            if data := await self._stream.receive(max(deadline - time.monotonic(), 0.0)):
                reader.receive_data(data)
            else:
                reader.receive_eof()
        return header


def told_peer(header: Header, peer: Peer) -> Peer:
    """The client's address, with that of the server, by the header; the connection's own where it tells none.

    Raises HeaderError for addresses that no client of a TCP server has.
    """
    source, destination = header.source, header.destination
    if source is None or destination is None:
        return peer
    if header.transport is not Transport.STREAM:
        raise HeaderError("transport", "a client of a TCP port that came by datagrams")
    if not isinstance(source, Inet) or not isinstance(destination, Inet):
        raise HeaderError("family", "a client of a TCP port that came through a Unix socket")
    return ToldPeer((str(unmap(source.host)), source.port), (str(unmap(destination.host)), destination.port))
