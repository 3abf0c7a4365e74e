"""Queries on a QUIC connection, each on a stream of its own: what DNS over QUIC and over HTTP/3 have in common.

QUIC is that of aioquic (RFC 9000, RFC 9001, RFC 9002). It draws its keys itself and holds certificates against the
system's clock; everything else happens at the times that it is told. It reads what a peer sends whether anybody asks
for it or not, and lets every window grow: so what comes is counted here.
"""

import contextlib
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import replace
from typing import ClassVar

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, QuicEvent
from aioquic.quic.packet import QuicErrorCode
from cryptography.x509 import Certificate
from dns.message import Message
from g3_machine import LocalProtocolError, RemoteProtocolError

from .._errors import MessageError
from .._events import Closed, Failure, Lost, Response, Server, StreamEvent
from .._message import mismatch_of, pack_query, parse_message
from .._pending import Pending, StreamSettings
from .._question import Question, pack_question

MAX_QUERIES = 100_000
"""Queries on one connection: their packets are far fewer than one key may protect (RFC 9001 section 6.6)."""
MAX_BYTES = 8 * 1024 * 1024
"""Bytes between two answers before the connection is given up, those of datagrams and those that flow control knows
of: a frame of one byte at the end of a window makes aioquic fill the whole window, and double it."""
STREAM_WINDOW = 131_072
"""Bytes of one stream that a server may send at once: the longest answer is half of that."""
MAX_REASON = 200
"""Characters of a peer's reason that are shown."""

_STREAM_IDS = 4
"""A fourth of all numbers is for streams that a client opens in both directions (RFC 9000 section 2.1)."""


class Connection(ABC):
    """The client's side of one connection.

    The driver hands in what comes, takes the events, sends `datagrams_to_send` to ``server``, and arms a timer for
    `next_timeout`, in this order. After a fault, and after `Closed`, it sends once more and closes its socket.
    """

    __slots__ = ("_bytes", "_fault", "_is_connected", "_is_over", "_pending", "_queue", "_quic", "_settings", "server")

    ALPN: ClassVar[str]
    NO_ERROR: ClassVar[int]
    """What the application's protocol calls an end in peace; below, what it calls the rest."""
    EXCESSIVE_LOAD: ClassVar[int]
    CANCELLED: ClassVar[int]

    def __init__(
        self, configuration: QuicConfiguration, server: Server, now: float, settings: StreamSettings | None = None
    ) -> None:
        """Begin the handshake.

        ``configuration`` says who the server has to be and whom to trust; protocols, windows and timeouts are set
        here. No session is resumed, and nothing is asked before the end of the handshake, since it could be replayed.
        """
        self.server = server
        self._settings = settings or StreamSettings()
        self._pending = Pending(self._settings)
        self._queue: deque[StreamEvent] = deque()
        self._fault: RemoteProtocolError | None = None
        self._is_connected = False
        self._is_over = False
        self._bytes = 0
        ours = replace(
            configuration,
            is_client=True,
            alpn_protocols=[self.ALPN],
            session_ticket=None,
            token=b"",
            # Longer than our own timers, which tell a dead server from one that nobody needs.
            idle_timeout=self._settings.query_timeout + self._settings.idle_timeout,
            max_stream_data=STREAM_WINDOW,
        )
        self._quic = QuicConnection(configuration=ours)
        self._quic.connect((str(server.host), server.port), now)

    @property
    def is_connected(self) -> bool:
        """Whether the handshake is over, and the connection is not."""
        return self._is_connected and not self._is_over

    @property
    def peer_certificates(self) -> tuple[Certificate, ...]:
        """The server's certificate and the rest of its chain; empty before it has shown them.

        Once `is_connected` its name, its issuer and its dates are as they should be. Uses and weak keys are for the
        caller to judge.
        """
        tls = self._quic.tls
        return () if tls._peer_certificate is None else (tls._peer_certificate, *tls._peer_certificate_chain)

    @property
    def can_ask(self) -> bool:
        """Whether one more question may be asked now; not before all events of timers are taken."""
        if not self.is_connected or self._queue or self._next_stream >= MAX_QUERIES * _STREAM_IDS:
            return False
        return len(self._pending) < self._settings.max_outstanding

    @property
    def unanswered(self) -> tuple[int, ...]:
        """The queries that wait: after a fault they may be repeated over another connection."""
        return self._pending.unanswered()

    def ask(self, question: Question, now: float) -> int:
        """Send a query and return its number. Raises LocalProtocolError unless `can_ask`."""
        if not self.can_ask:
            raise LocalProtocolError("there is no connection, or as many queries as may be are under way")
        stream = self._next_stream
        self._send(stream, pack_query(question, 0, padding=self._settings.padding))
        self._pending.add(stream, pack_question(question.name, question.type), now)
        return stream

    def close(self) -> None:
        """Ask nothing more, and tell the server so; `Closed` says what has no answer."""
        if not self._is_over:
            self._finish(self._pending.end())

    def receive_datagram(self, data: bytes, source: Server, now: float) -> None:
        """Look at a datagram; those of others than the server are ignored."""
        if self._is_over or source != self.server:
            return
        # The one count of what has been buffered for streams; aioquic does not offer it.
        flow = self._quic._local_max_data
        before = flow.used
        self._quic.receive_datagram(data, (str(source.host), source.port), now)
        self._bytes += len(data) + flow.used - before
        if self._bytes > MAX_BYTES:
            self._fail(self.EXCESSIVE_LOAD, f"more than {MAX_BYTES} bytes without an answer")
        while not self._is_over and (event := self._quic.next_event()) is not None:
            if type(event) is HandshakeCompleted:
                self._is_connected = True
                self._start()
            elif self._is_connected:
                self._take(event)
        # aioquic tells of an end only after three probe timeouts, in which nobody should wait for answers.
        end = self._quic._close_event
        if end is not None and not self._is_over:
            self._end(end)

    def datagrams_to_send(self, now: float) -> list[bytes]:
        """Return, once, what is due to the server."""
        return [data for data, _ in self._quic.datagrams_to_send(now)]

    def next_event(self) -> StreamEvent | None:
        """Return the next event, or None when only more datagrams, or time, can help.

        Raises RemoteProtocolError after every event that came before the fault, and again on every later call; and
        LocalProtocolError after `Closed`.
        """
        if self._queue:
            return self._queue.popleft()
        if self._fault is not None:
            raise self._fault.with_traceback(None)
        if self._is_over:
            raise LocalProtocolError("next_event() after Closed")
        return None

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called, or None when the connection is over."""
        if self._is_over:
            return None
        times = (self._quic.get_timer(), self._pending.next_timeout())
        return min((time for time in times if time is not None), default=None)

    def handle_timeout(self, now: float) -> None:
        """Give up what is over time, and send again what was lost."""
        if self._is_over:
            return
        for event in self._pending.expire(now):
            if isinstance(event, Closed):
                self._finish(event)
                return
            self._give_up(event.query)
            self._queue.append(event)
        self._quic.handle_timer(now)  # which looks at the time itself
        if self._quic._close_event is not None:  # nothing has been heard for too long
            self._finish(self._pending.end())

    @abstractmethod
    def _start(self) -> None:
        """The handshake is over."""

    @abstractmethod
    def _send(self, stream: int, message: bytes) -> None:
        """Open the stream and send the query."""

    @abstractmethod
    def _take(self, event: QuicEvent) -> None:
        """Look at what came."""

    @abstractmethod
    def _forget(self, stream: int) -> None:
        """Nothing that comes on the stream is of interest any more."""

    @property
    def _next_stream(self) -> int:
        return self._quic.get_next_available_stream_id()

    def _message(self, stream: int, wire: bytes) -> Message:
        """The answer to the stream's query. Raises MessageError when it is none."""
        if mismatch_of(wire, 0, self._pending.asked(stream)) is not None:
            raise MessageError("the answer to another question")
        return parse_message(wire)

    def _lose(self, stream: int, failure: Failure) -> None:
        self._settle(Lost(stream, failure))

    def _settle(self, event: Response | Lost) -> None:
        self._bytes = 0
        self._pending.answered(event.query)
        self._forget(event.query)
        self._queue.append(event)

    def _give_up(self, stream: int) -> None:
        """Tell the server to spare itself the trouble (RFC 9000 section 2.4)."""
        self._forget(stream)
        with contextlib.suppress(ValueError):  # the server was quicker to end it
            self._quic.stop_stream(stream, self.CANCELLED)
            self._quic.reset_stream(stream, self.CANCELLED)

    def _fail(self, code: int, reason: str) -> None:
        """The server broke the rules: close the connection with a code of the application's."""
        self._quic.close(code, reason_phrase=reason)
        self._is_over = True
        self._fault = RemoteProtocolError(f"QUIC: {reason}")

    def _finish(self, event: Closed) -> None:
        self._quic.close(self.NO_ERROR)
        self._is_over = True
        self._queue.append(event)

    def _end(self, end: ConnectionTerminated) -> None:
        """The server has closed the connection, or aioquic for a fault of its."""
        self._is_over = True
        if end.error_code == (self.NO_ERROR if end.frame_type is None else QuicErrorCode.NO_ERROR):
            self._queue.append(self._pending.end())
        else:
            reason = end.reason_phrase[:MAX_REASON] or "closed"
            self._fault = RemoteProtocolError(f"QUIC: {reason} (code {end.error_code:#x})")
