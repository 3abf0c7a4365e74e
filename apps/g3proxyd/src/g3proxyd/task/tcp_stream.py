"""The tunnel of a client who never says where it wants to go, because the server knows."""

from typing import TYPE_CHECKING

from ..escaper.base import Connection, ConnectNotes
from ..escaper.errors import TcpConnectError
from ..io.addresses import Peer
from ..io.stream import Stream
from ..tls.client import ClientTls
from ..upstream import Upstream
from .errors import Reason, TaskError, from_connect_error
from .notes import Event, Stage, TaskNotes
from .tunnel import TASK_TYPE, Tunnel, send_ahead
from .upstream_tls import shake_hands

if TYPE_CHECKING:
    from ..server.context import ServerContext


class TcpStream:
    """From the connected client to the tunnel; a client that cannot be connected is closed without a word."""

    __slots__ = ("_context", "_own", "_peer", "_since", "_stream", "_tls", "_upstream")

    def __init__(
        self,
        context: "ServerContext",
        stream: Stream,
        peer: Peer,
        upstream: Upstream,
        waiting_since: float,
        own: Peer | None = None,
        tls: ClientTls | None = None,
    ) -> None:
        """What ``stream`` has unread goes ahead; ``waiting_since`` is when the client came, in monotonic seconds.

        ``own`` is the server's address, if it has one: a connection to there would come back here, and again.
        ``tls`` is what the upstream is spoken to by.
        """
        self._own = own
        self._tls = tls
        self._context = context
        self._stream = stream
        self._peer = peer
        self._upstream = upstream
        self._since = waiting_since

    async def run(self) -> Tunnel | None:
        """Return the tunnel."""
        context, stream = self._context, self._stream
        notes = context.begin_task(stream.sock, self._peer, self._upstream, self._since)
        if context.log_created:
            notes.log(context.task_log, TASK_TYPE, Event.CREATED)
        try:
            upstream = await self._connect(notes)
            try:
                if self._tls is not None:
                    bare = context.relays.stream(upstream)
                    upstream = await shake_hands(context, bare, self._tls, notes, "TcpStream", None)
                if early := stream.take_unread():
                    await send_ahead(context, upstream, early, notes)
            except BaseException:
                upstream.close()
                raise
        except TaskError as error:
            context.end_task(notes, TASK_TYPE, error.reason, error.detail)
            return None
        except BaseException:
            context.end_task(notes, TASK_TYPE, Reason.CANCELED_AS_SERVER_QUIT)
            raise
        return Tunnel(context, stream, upstream, notes)

    async def _connect(self, notes: TaskNotes) -> Connection:
        """Raises TaskError."""
        context = self._context
        notes.stage = Stage.CONNECTING
        notes.connect = ConnectNotes()
        try:
            connection = await context.escaper.tcp_connect(notes.upstream, notes.connect, notes)
        except TcpConnectError as error:
            raise from_connect_error(error) from None
        there, own = notes.connect.next_peer_addr, self._own
        if there is not None and own is not None and there[:2] == own[:2]:
            connection.close()
            raise TaskError(Reason.FORBIDDEN_BY_RULE, "the upstream is this server itself", None)
        notes.stage = Stage.CONNECTED
        if context.log_connected:
            notes.log(context.task_log, TASK_TYPE, Event.CONNECTED)
        return connection
