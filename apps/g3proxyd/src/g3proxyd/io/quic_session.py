"""One QUIC connection of a client: its timers, its datagrams, and the streams that it opens."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from typing import Protocol

from aioquic.quic import events
from aioquic.quic.packet import QuicErrorCode

from ..tls.quic import QuicTls
from .addresses import Peer
from .quic_connection import STREAMS, Connection
from .quic_stream import ABORTED, NOT_WANTED, QuicStream
from .relay import RelayHost
from .tls_errors import TlsError, TlsFault

log = logging.getLogger(__name__)

SEND_BUFFER = 1 << 22
"""Bytes that may wait for the acknowledgements of one client, in all of its streams."""

SEND_BUFFER_OF_STREAM = 1 << 19
"""The same for one stream: 10 MB/s at 50 ms."""

KEEP_ALIVE = 20.0
"""Seconds between two pings while there are streams: a tunnel may be silent for longer than a connection lives."""

FAREWELL = 2.0
"""Seconds that a client has, when its connection is to end, to acknowledge what was said on the last stream."""

FLOOD = 2
"""The code with which a connection ends that opens and resets streams without end: a stream that its client has reset
may be replaced at once, while its task still has to end. Applications choose these codes."""

TLS_ALERT = QuicErrorCode.CRYPTO_ERROR
"""What alerts are added to (RFC 9001 section 4.8)."""

BAD_CERTIFICATE = 42
ALERTS = {
    TlsFault.NO_CERTIFICATE: 116,
    TlsFault.CERTIFICATE_EXPIRED: 45,
    TlsFault.CERTIFICATE_ISSUER: 48,
    TlsFault.CERTIFICATE_PURPOSE: 43,
}
"""The alerts for faults of a client's certificate that have one of their own (RFC 8446 section 6)."""


class Owner(Protocol):
    """The server whose client it is."""

    tls: QuicTls

    def begun(self, session: "QuicSession") -> None:
        """A client wants to shake hands; the owner sees to the end of the session."""

    def established(self, session: "QuicSession") -> None:
        """The handshake is done."""

    def opened(self, session: "QuicSession", stream: QuicStream) -> None:
        """The client has opened a stream; the owner closes it."""

    def refuse(self, peer: Peer, reason: str, *, late: bool = False) -> None:
        """The connection is ended; ``late`` if it took too long to begin."""


class Ways(Protocol):
    """Where datagrams come from and go to: see `io.quic_listener`."""

    def add(self, connection_id: bytes, session: "QuicSession") -> None:
        """What comes for this connection id is the session's."""

    def remove(self, connection_id: bytes) -> None:
        """It is no longer."""

    def forget(self, session: "QuicSession") -> None:
        """The session is over."""

    def send(self, data: bytes, peer: Peer, local: Peer) -> None:
        """Send a datagram, if there is a way."""


class QuicSession:
    """A connection from its first datagram to its end."""

    def __init__(
        self,
        host: RelayHost,
        connection: Connection,
        owner: Owner,
        ways: Ways,
        sock: socket.socket,
        peer: Peer,
        local: Peer,
    ) -> None:
        """``sock`` is the listening one, ``local`` the address that the client sent its first datagram to."""
        self.host = host
        self.sock = sock
        self.peer = peer
        self.local = local
        self.streams: dict[int, QuicStream] = {}
        """Those that are open on our side, and those of which something may come yet."""
        self.ended: asyncio.Future[None] = host.loop.create_future()
        self.established = False
        self.deadline: float | None = None
        self.bucket: int | None = None
        self._connection = connection
        self._owner = owner
        self._ways = ways
        self._own: socket.socket | None = None
        self._own_peer = peer
        self._ids = {connection.host_cid, connection.original_destination_connection_id}
        self._flushing: asyncio.Handle | None = None
        self._leaving = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        for connection_id in self._ids:
            ways.add(connection_id, self)
        host.wheel.start(self, owner.tls.handshake_timeout)
        owner.begun(self)

    @property
    def settled(self) -> bool:
        """Whether the handshake is over, this way or that."""
        return self.established or self.ended.done()

    # --- datagrams ---

    def receive(self, data: bytes, peer: Peer) -> None:
        """A datagram has come; `flush` is to be called once all that came have been."""
        self._do(lambda: self._connection.receive_datagram(data, peer, self.host.loop.time()))
        if not self._connection.begun:
            self._end(ConnectionAbortedError("the first datagram was none of QUIC's"))

    def flush(self) -> None:
        """Send what is to be sent."""
        self._flushing = None
        self._do(self._send_all)
        for stream in self.streams.values():
            if stream.wants_room and self.has_room(stream):
                stream.progress()
        if self._leaving:
            self._leave_if_done()

    @property
    def present_peer(self) -> Peer:
        """Where the client is now: its address may have changed since it came (RFC 9000 section 9)."""
        return self._connection.get_peer_address() or self.peer

    def use(self, own: socket.socket, peer: Peer) -> None:
        """Send with a socket of our own from now on, which is connected to the peer. The session owns it."""
        self._own = self.sock = own
        self._own_peer = peer

    def _soon(self) -> None:
        if self._flushing is None and not self.ended.done():
            self._flushing = self.host.loop.call_soon(self.flush)

    def _send_all(self) -> None:
        now = self.host.loop.time()
        for data, address in self._connection.datagrams_to_send(now):
            if self._own is not None and address == self._own_peer:
                with contextlib.suppress(OSError):  # lost, as datagrams are
                    self._own.send(data)
            else:
                self._ways.send(data, address, self.local)
        self._set_timer()

    def _set_timer(self) -> None:
        at = self._connection.get_timer()
        if at is None or self.ended.done():
            return
        if self._timer is not None:
            if self._timer_at <= at:
                return  # it will look at the time again
            self._timer.cancel()
        self._timer_at = at
        self._timer = self.host.loop.call_at(at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        at = self._connection.get_timer()
        if at is not None and at <= self._timer_at:
            self._do(lambda: self._connection.handle_timer(max(self.host.loop.time(), self._timer_at)))
            self.flush()
        else:
            self._set_timer()

    def _do(self, step: Callable[[], None]) -> None:
        """Let the library do something, and see what comes of it."""
        if self.ended.done():
            return
        try:
            step()
            while (event := self._connection.next_event()) is not None:
                self._heed(event)
            if (last := self._connection.left) is not None:
                self._terminated(last)
        except Exception:
            # The last resort: a datagram that the library, or we, cannot stand ends its own connection alone.
            log.exception("a QUIC connection from %s failed", self.peer[0])
            self._end(ConnectionAbortedError("failed"))

    # --- events ---

    def _heed(self, event: events.QuicEvent) -> None:
        match event:
            case events.StreamDataReceived():
                self._data(event.stream_id, event.data, event.end_stream)
            case events.StreamReset():
                self._reset_by_peer(event.stream_id)
            case events.StopSendingReceived() if event.stream_id in self.streams:
                self.streams[event.stream_id].stop(BrokenPipeError("the client wants no more of the stream"))
            case events.ConnectionIdIssued():
                self._ids.add(event.connection_id)
                self._ways.add(event.connection_id, self)
            case events.ConnectionIdRetired():
                self._ids.discard(event.connection_id)
                self._ways.remove(event.connection_id)
            case events.HandshakeCompleted():
                self._begin()
            case events.ConnectionTerminated():
                self._terminated(event)

    def _begin(self) -> None:
        try:
            self._connection.check_client()
        except TlsError as error:
            self._owner.refuse(self.peer, f"the TLS handshake failed: {error}")
            self._close(TLS_ALERT + ALERTS.get(error.fault, BAD_CERTIFICATE))
            return
        self.established = True
        self.host.wheel.start(self, KEEP_ALIVE)
        self._owner.established(self)

    def _terminated(self, event: events.ConnectionTerminated) -> None:
        if not self.established and not self.ended.done():
            # The peer's own words are not repeated.
            self._owner.refuse(self.peer, f"the QUIC handshake failed with code {event.error_code:#x}")
        self._end(ConnectionResetError("the QUIC connection is over"))

    def _data(self, stream_id: int, data: bytes, end: bool) -> None:
        if self.ended.done():
            return
        stream = self.streams.get(stream_id)
        fresh = stream is None
        if stream is None:
            if len(self.streams) >= 2 * STREAMS:
                self._owner.refuse(self.peer, "flood: streams are opened and reset faster than their tasks can end")
                self._close(FLOOD)
                return
            stream = self.streams[stream_id] = QuicStream(self, stream_id)
        if stream.fd < 0:  # closed on our side
            if self._connection.take(stream_id, len(data)):
                self._soon()
            if end:
                del self.streams[stream_id]
            return
        stream.arrived(data, end)
        if fresh:
            self._owner.opened(self, stream)

    def _reset_by_peer(self, stream_id: int) -> None:
        if self.ended.done():
            return
        if self._connection.forget(stream_id):
            self._soon()
        stream = self.streams.get(stream_id)
        if stream is None:  # nothing of it has come before, and nobody else would end our half
            self._connection.reset_stream(stream_id, ABORTED)
            self._soon()
        else:
            stream.fail(ConnectionResetError("the client reset the stream"))
            self._drop(stream)

    # --- what streams ask for ---

    def send(self, stream: QuicStream, data: bytes, *, end: bool = False) -> None:
        """Send bytes, or the end. Raises OSError."""
        if self.ended.done():
            raise ConnectionResetError("the QUIC connection is over")
        try:
            self._connection.send_stream_data(stream.id, data, end)
        except (ValueError, RuntimeError):  # the peer wants nothing any more
            raise BrokenPipeError("the client wants no more of the stream") from None
        self._soon()

    def has_room(self, stream: QuicStream) -> bool:
        """Whether more should be written: what waits for acknowledgements is not too much."""
        most = min(SEND_BUFFER_OF_STREAM, SEND_BUFFER // len(self.streams)) if self.streams else SEND_BUFFER_OF_STREAM
        return self._connection.waiting(stream.id) < most

    def taken(self, stream: QuicStream, size: int) -> None:
        """The owner of the stream has read so many bytes."""
        if not self.ended.done() and self._connection.take(stream.id, size):
            self._soon()

    def reset(self, stream: QuicStream) -> None:
        """Tell the peer that what it got is not all."""
        if not self.ended.done():
            self._connection.reset_stream(stream.id, ABORTED)
            self._soon()

    def leave(self, stream: QuicStream, unread: int) -> None:
        """The stream is closed on our side, with so many bytes that nobody has read."""
        if self.ended.done():
            return
        self.taken(stream, unread)
        if not stream.over:
            with contextlib.suppress(ValueError):
                self._connection.stop_stream(stream.id, NOT_WANTED)
        self._drop(stream)
        self._soon()

    def _drop(self, stream: QuicStream) -> None:
        if stream.over and stream.fd < 0:
            self.streams.pop(stream.id, None)

    # --- the end ---

    def wind_down(self) -> None:
        """End once the streams that are open have ended; no more are taken."""
        if not self._leaving and not self.ended.done():
            self._leaving = True
            self._soon()

    def close(self) -> None:
        """End now."""
        self._close(QuicErrorCode.NO_ERROR)

    def timed_out(self) -> None:
        """The wheel's call: the handshake takes too long, a ping is due, or a farewell is over."""
        if not self.established:
            self._owner.refuse(self.peer, "no QUIC handshake in time", late=True)
            self.close()
        elif self._leaving and not self._open():
            self.close()
        else:
            self.host.wheel.start(self, KEEP_ALIVE)
            if self._open():
                self._connection.send_ping(0)
                self._soon()

    def _open(self) -> bool:
        return any(stream.fd >= 0 for stream in self.streams.values())

    def _leave_if_done(self) -> None:
        if not self.ended.done() and not self._open():
            if self._connection.delivered:
                self.close()
            elif self.deadline is None or self.deadline > self.host.loop.time() + FAREWELL:
                self.host.wheel.start(self, FAREWELL)

    def _close(self, code: int) -> None:
        if not self.ended.done():
            self._connection.close(code)
            try:
                self._send_all()
            finally:
                self._end(ConnectionAbortedError("the QUIC connection is closed"))

    def _end(self, error: OSError) -> None:
        """Forget everything; the library has said its last word."""
        if self.ended.done():
            return
        self.ended.set_result(None)
        for handle in (self._timer, self._flushing):
            if handle is not None:
                handle.cancel()
        self.host.wheel.forget(self)
        for connection_id in self._ids:
            self._ways.remove(connection_id)
        self._ways.forget(self)
        for stream in list(self.streams.values()):
            stream.stop(error)
            if not stream.over:
                stream.fail(error)
        self.streams.clear()
        if self._own is not None:
            self.host.poller.remove_reader(self._own.fileno())
            self._own.close()
