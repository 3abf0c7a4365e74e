"""The first stage of a connection whose client speaks TLS."""

from collections.abc import Callable

from ..io.addresses import Peer
from ..io.stream import Stream
from ..tls.server import ServerTls
from .base import Server, Stage
from .refusals import Refusals


class TlsEntrance:
    """Shakes hands, then lives through the stages behind: it owns the stream that they use."""

    __slots__ = ("_following", "_peer", "_refusals", "_server", "_stream", "_tls")

    def __init__(
        self,
        server: Server,
        tls: ServerTls,
        refusals: Refusals,
        stream: Stream,
        peer: Peer,
        following: Callable[[Stream, Peer], Stage | None],
    ) -> None:
        """``following`` makes the first of those stages; ``refusals`` tells of handshakes that fail."""
        self._server = server
        self._tls = tls
        self._refusals = refusals
        self._stream = stream
        self._peer = peer
        self._following = following

    async def run(self) -> None:
        """The whole connection."""
        stream = self._tls.wrap(self._stream)
        try:
            try:
                await stream.handshake(self._tls.handshake_timeout)
            except TimeoutError:
                self._server.stats.listen_timeout += 1
                self._refusals.note(self._peer, "no TLS handshake in time")
                return
            except OSError as error:
                self._refusals.note(self._peer, f"the TLS handshake failed: {error}")
                return
            stage = self._following(stream, self._peer)
            while stage is not None:
                stage = await stage.run()
        finally:
            stream.close()
