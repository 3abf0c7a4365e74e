"""A port in front of another server whose clients come over QUIC (g3's ``plain_quic_port``)."""

import asyncio
import logging
import socket
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from ..io.addresses import Peer, ToldPeer
from ..io.listener import AnyListener
from ..io.quic_connection import CONNECTION_WINDOW, IDLE_TIMEOUT, STREAM_WINDOW
from ..io.quic_listener import QuicListener
from ..io.quic_session import QuicSession
from ..io.quic_stream import QuicStream
from ..io.stream import Stream
from ..tls.quic import QuicTls
from .base import Server, Stage
from .context import ServerContext
from .refusals import Refusals

if TYPE_CHECKING:
    from ..config.server.plain_quic_port import PlainQuicPortConfig

log = logging.getLogger(__name__)


class PlainQuicPortServer(Server):
    """Hands each stream that a client opens to one server, as if it were a connection.

    Both count: `connections` are the streams that are open and the QUIC connections that they belong to.
    """

    type_name = "PlainQuicPort"

    def __init__(self, context: ServerContext, config: "PlainQuicPortConfig", following: Server) -> None:
        """``following`` gets the streams. Raises ValueError for what the TLS library does not take."""
        super().__init__(context, config.ingress_network_filter)
        self.tls = QuicTls(config.quic_server.settings)
        self.configuration = self.tls.configuration(IDLE_TIMEOUT, CONNECTION_WINDOW, STREAM_WINDOW)
        self._listen = config.listen
        self._following = following
        self._refusals = Refusals(config.name, context.loop.time)
        self._sessions: set[QuicSession] = set()
        self._leaving = False

    def first_stage(self, stream: Stream, peer: Peer) -> Stage | None:
        """Refuse a connection that another port has taken: it is no QUIC."""
        self.refuse(peer, "a connection over TCP that another port hands on")
        return None

    # --- listening ---

    def listener(self, sock: socket.socket) -> AnyListener:
        """See `Server.listener`: for a UDP socket."""
        return QuicListener(self.context.relays, sock, self._listen, self)

    def adopt(self, listener: AnyListener) -> None:
        """See `Server.adopt`. The connections that the listener has already stay with those who have them."""
        assert isinstance(listener, QuicListener)  # noqa: S101 - UDP sockets go from one of us to another
        listener.hand_to(self)
        listener.start()
        self._listeners.append(listener)

    def go_offline(self) -> set[asyncio.Task[None]]:
        """See `Server.go_offline`. Connections end with their last stream."""
        late = super().go_offline()
        self.retire()
        return late

    def retire(self) -> None:
        """See `Server.retire`."""
        super().retire()
        self._leaving = True
        for session in self._sessions:
            session.wind_down()

    # --- what the listener and its connections call ---

    def admits(self, peer: Peer) -> bool:
        """Whether the ingress filter lets a client begin."""
        if self._ingress is None or self._admits(self._ingress, peer):
            return True
        self.stats.listen_dropped += 1
        return False

    def refuse(self, peer: Peer, reason: str, *, late: bool = False) -> None:
        """Say in the process log why a connection ends before it has begun; ``late`` if the time was over."""
        if late:
            self.stats.listen_timeout += 1
        self._refusals.note(peer, reason)

    def begun(self, session: QuicSession) -> None:
        """A client wants to shake hands."""
        self._sessions.add(session)
        self._begin(self._keep(session))

    def established(self, session: QuicSession) -> None:
        """It has."""
        self.stats.connection_total += 1

    def opened(self, session: QuicSession, stream: QuicStream) -> None:
        """A client has opened a stream."""
        if self._leaving:
            stream.abort()
        else:
            peer = ToldPeer(session.peer[:2], session.local[:2])
            self._begin(self._serve(stream, peer))

    def _begin(self, life: Coroutine[Any, Any, None]) -> None:
        task = self.context.loop.create_task(life, name="connection")
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _keep(self, session: QuicSession) -> None:
        try:
            await asyncio.wait((session.ended,))  # to cancel this does not cancel the future
        finally:
            self._sessions.discard(session)
            session.close()

    async def _serve(self, stream: QuicStream, peer: Peer) -> None:
        try:
            stage = self._following.enter(stream, peer)
            while stage is not None:
                stage = await stage.run()
        except Exception:
            # The last resort: one stream may fail for a reason of ours, and no other may notice.
            log.exception("server %s: a stream from %s failed", self.name, peer[0])
        finally:
            stream.close()
