"""The first stage of a connection whose client speaks TLS."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..io.addresses import Peer
from ..io.stream import Stream
from ..io.tls_errors import TlsError
from ..tls.server import ServerTls
from .base import Server, Stage
from .refusals import Refusals

if TYPE_CHECKING:
    from ..config.values.tls_server import TlsServerBase, TlsTicketer


def make_tls(
    name: str, tls_server: "TlsServerBase", ticketer: "TlsTicketer | None", alpn: tuple[str, ...] = ()
) -> ServerTls:
    """The TLS of the server of this name, which speaks ``alpn`` inside. Raises ValueError for wrong certificates."""
    tickets = None if ticketer is None else ticketer.settings
    try:
        return ServerTls(tls_server.settings, alpn, tickets)
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(f"server {name}: the TLS library does not take its certificates: {error}") from None


SLOW = "no TLS handshake in time"
FAILED = "the TLS handshake failed: "
"""What the process log says of clients; a stable word stands behind the latter."""

TLS_IN_TLS = "TLS inside TLS: the port in front of this server has ended it already"


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
        if not self._stream.bare:
            # Configurations that lead here are refused. Without TLS of its own the server might let in too many.
            self._refusals.note(self._peer, TLS_IN_TLS)
            return
        stream = self._tls.wrap(self._stream)
        try:
            try:
                await stream.handshake(self._tls.handshake_timeout)
                self._tls.check_client(stream.tls)
            except TimeoutError:
                self._server.stats.listen_timeout += 1
                self._refusals.note(self._peer, SLOW)
                return
            except TlsError as error:
                self._refusals.note(self._peer, f"{FAILED}{error}")
                return
            except OSError as error:
                self._refusals.note(self._peer, f"closed: {error}")
                return
            stage = self._following(stream, self._peer)
            while stage is not None:
                stage = await stage.run()
        finally:
            stream.close()
