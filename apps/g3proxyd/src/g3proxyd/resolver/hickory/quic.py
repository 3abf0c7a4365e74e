"""Questions over QUIC: plain DNS on its streams (RFC 9250), or HTTP/3 (RFC 8484)."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from g3_dns import Closed, Failure, Server
from g3_machine import RemoteProtocolError

from ...io.poller import Poller
from .kept import ConnectionOverError, KeptConnection, KeptTransport
from .quic_tls import check_server
from .sockets import ServerSockets
from .tls import encrypted_settings
from .transport import NoReplyError

if TYPE_CHECKING:
    from aioquic.quic.configuration import QuicConfiguration
    from g3_dns.http3 import Http3Client
    from g3_dns.quic import QuicClient

    Client = QuicClient | Http3Client
    Start = Callable[[Server, float], Client]
    """Makes the client of a connection to a server at a time."""

DATAGRAM_SIZE = 65_535
DATAGRAMS_PER_TURN = 64
"""Datagrams that are read before others have their turn: an answer has seldom more than a few."""

# It has an opinion about every fault of a peer, and says so where nobody has asked.
logging.getLogger("quic").disabled = True


class QuicTransport(KeptTransport):
    """One name server over QUIC: over one connection, as long as it has room."""

    def __init__(
        self,
        poller: Poller,
        server: Server,
        sockets: ServerSockets,
        start: "Start",
        connect_timeout: float,
    ) -> None:
        """``connect_timeout`` is in seconds."""
        super().__init__(connect_timeout)
        self._poller = poller
        self._server = server
        self._sockets = sockets
        self._start = start

    async def _connect(self) -> "QuicConnection":
        sock = self._sockets.open_udp(self._server)
        try:
            client = self._start(self._server, self._poller.loop.time())
            connection = QuicConnection(self._poller, sock, client, self._wake, self._forget)
        except BaseException:
            sock.close()
            raise
        await connection.shake_hands()
        return connection


def quic_start(configuration: "QuicConfiguration", request_timeout: float) -> "Start":
    """For DNS over QUIC; the time is in seconds."""
    from g3_dns.quic import QuicClient  # aioquic takes a third of a second to import, which nobody else pays

    settings = encrypted_settings(request_timeout)
    return lambda server, now: QuicClient(configuration, server, now, settings)


def http3_start(configuration: "QuicConfiguration", request_timeout: float, authority: str) -> "Start":
    """For HTTP/3; the time is in seconds."""
    from g3_dns.http3 import Http3Client

    settings = encrypted_settings(request_timeout)
    return lambda server, now: Http3Client(configuration, server, now, authority, settings=settings, post=True)


class QuicConnection(KeptConnection):
    """Drives the client of one connection by callbacks: there is no task that could be left behind."""

    _client: "Client"

    def __init__(
        self,
        poller: Poller,
        sock: socket.socket,
        client: "Client",
        on_room: Callable[[], None],
        on_end: Callable[[KeptConnection], None],
    ) -> None:
        """It owns the socket, which is connected. ``on_end`` is not called if the handshake has failed."""
        super().__init__(client, on_room, on_end)
        self._poller = poller
        self._sock = sock
        self._timer: asyncio.TimerHandle | None = None
        self._flushing = False
        self._shaken: asyncio.Future[None] | None = None
        self._is_kept = False

    async def shake_hands(self) -> None:
        """Raises OSError; it is over then, and when this is cancelled."""
        self._shaken = self._loop.create_future()
        self._poller.add_reader(self._sock.fileno(), self._receive)
        try:
            self._turn()
            await self._shaken
            check_server(self._client.peer_certificates)
        except BaseException:
            self._hang_up()
            raise
        if self._over:
            raise ConnectionAbortedError("the server has closed the connection")
        self._is_kept = True

    async def close(self) -> None:
        """See `KeptConnection.close`."""
        self._hang_up()

    def _asked(self) -> None:
        if not self._flushing:
            # With all that are asked in this turn of the loop: they share packets.
            self._flushing = True
            self._loop.call_soon(self._turn)

    def _hang_up(self) -> None:
        if not self._over:
            self._client.close()
            self._send()
            self._end(ConnectionOverError())

    def _turn(self) -> None:
        """Tell those who wait, send what is due, and see to it that time is told."""
        self._flushing = False
        if self._over:
            return
        error: Exception | None = None
        try:
            while (event := self._client.next_event()) is not None:
                if isinstance(event, Closed):
                    error = ConnectionOverError()
                    break
                self._settle(event)
        except RemoteProtocolError as fault:
            error = NoReplyError(Failure.MALFORMED, str(fault))
        if not self._send():
            return
        if error is not None:
            self._end(error)
            return
        if self._client.is_connected and self._shaken is not None and not self._shaken.done():
            self._shaken.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
        timeout = self._client.next_timeout()
        self._timer = None if timeout is None else self._loop.call_at(timeout, self._time, timeout)

    def _time(self, due: float) -> None:
        self._timer = None
        self._client.handle_timeout(max(self._loop.time(), due))  # loops are early by as much as a millisecond
        self._turn()

    def _receive(self) -> None:
        server, now = self._client.server, self._loop.time()
        try:
            for _ in range(DATAGRAMS_PER_TURN):
                self._client.receive_datagram(self._sock.recv(DATAGRAM_SIZE), server, now)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            self._end(NoReplyError(Failure.UNREACHABLE, str(error)))
            return
        self._turn()

    def _send(self) -> bool:
        """Whether the connection goes on."""
        try:
            for datagram in self._client.datagrams_to_send(self._loop.time()):
                with contextlib.suppress(BlockingIOError, InterruptedError):  # lost, and sent again
                    self._sock.send(datagram)
        except OSError as error:
            self._end(NoReplyError(Failure.UNREACHABLE, str(error)))
            return False
        return True

    def _end(self, error: Exception) -> None:
        if self._over:
            return
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        self._poller.forget(self._sock.fileno())
        self._sock.close()
        if self._shaken is not None and not self._shaken.done():
            detail = error.detail if isinstance(error, NoReplyError) else "the server is silent"
            self._shaken.set_exception(ConnectionAbortedError(detail))
        self._give_up(error)
        if self._is_kept:
            self._on_end(self)
