"""DNS over HTTPS on one HTTP/2 connection (RFC 8484, RFC 9113), with the framing of h2.

h2 reads all that it is handed, and what came before a fault is lost with it. So it is handed one frame at a time, and
any split of the stream tells the same story.
"""

import contextlib
import re
from collections import deque
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
from g3_machine import LocalProtocolError, Machine, RemoteProtocolError

from .._errors import HttpsError, MessageError
from .._events import Closed, Failure, Lost, Response, StreamEvent
from .._https import PATH, https_answer, https_request
from .._message import mismatch_of, pack_query, parse_message
from .._pending import Pending, StreamSettings
from .._question import Question, pack_question

FRAME_HEADER_SIZE = 9
MAX_FRAME_SIZE = 16_384
"""Bytes: what every peer may send (RFC 9113 section 4.2); we allow no more."""
MAX_FRAMES = 1_000
"""Frames between two answers before the connection is given up: pings and settings cost their sender nothing."""
MAX_HEADER_LIST_SIZE = 16_384
"""Bytes of the header fields of a response; a dozen short ones are usual."""
MAX_QUERIES = 100_000
"""Queries on one connection, which h2 keeps a little of each for; a new one costs a handshake."""
MAX_QUERY_SIZE = 1_024
"""Bytes: a padded query has 128 or 256 of them."""


_without_addresses = re.compile(r"(?:: | from )<memory at [^>]*>").sub


@dataclass(slots=True)
class _Exchange:
    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)


class Http2Client(Machine[StreamEvent]):
    """The client's side of one connection, on which TLS has agreed on ``h2``.

    Arm a timer for `next_timeout`. After a fault, and after `Closed`, close the connection.
    """

    __slots__ = ("_authority", "_exchanges", "_frames", "_h2", "_path", "_pending", "_post", "_queue", "_settings")

    def __init__(
        self, authority: str, path: str = PATH, settings: StreamSettings | None = None, *, post: bool = False
    ) -> None:
        """``authority`` and ``path`` are those of the server's URI; ``post`` asks by POST instead of GET."""
        super().__init__(Http2Client._read_frames)
        self._authority = authority
        self._path = path
        self._post = post
        self._settings = settings or StreamSettings()
        self._pending = Pending(self._settings)
        self._exchanges: dict[int, _Exchange] = {}
        self._queue: deque[StreamEvent] = deque()
        self._frames = 0
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding=None))
        codes = h2.settings.SettingCodes
        ours = {codes.ENABLE_PUSH: 0, codes.MAX_HEADER_LIST_SIZE: MAX_HEADER_LIST_SIZE}
        self._h2.local_settings = h2.settings.Settings(client=True, initial_values=ours)
        self._h2.decoder.max_header_list_size = MAX_HEADER_LIST_SIZE
        self._h2.initiate_connection()
        self._outbox += self._h2.data_to_send()

    @property
    def can_ask(self) -> bool:
        """Whether one more question may be asked now; not before all events of timers are taken."""
        if self._eof or self._queue or self._fault is not None or self._state is not Http2Client._read_frames:
            return False
        theirs = self._h2.remote_settings
        if self._post and min(self._h2.outbound_flow_control_window, theirs.initial_window_size) < MAX_QUERY_SIZE:
            return False
        most = min(self._settings.max_outstanding, theirs.max_concurrent_streams)
        return self._h2.open_outbound_streams < most and self._h2.get_next_available_stream_id() < 2 * MAX_QUERIES

    @property
    def unanswered(self) -> tuple[int, ...]:
        """The queries that wait: after a fault they may be repeated over another connection."""
        return self._pending.unanswered()

    def ask(self, question: Question, now: float) -> int:
        """Send a query and return its number. Raises LocalProtocolError unless `can_ask`."""
        if not self.can_ask:
            raise LocalProtocolError("the connection is over, or as many queries as may be are under way")
        message = pack_query(question, 0, padding=self._settings.padding)
        request = https_request(message, self._authority, self._path, post=self._post)
        stream = self._h2.get_next_available_stream_id()
        self._h2.send_headers(stream, request.headers, end_stream=not request.body)
        if request.body:
            self._h2.send_data(stream, request.body, end_stream=True)
        self._outbox += self._h2.data_to_send()
        self._pending.add(stream, pack_question(question.name, question.type), now)
        self._exchanges[stream] = _Exchange()
        return stream

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called, or None."""
        return self._pending.next_timeout()

    def handle_timeout(self, now: float) -> None:
        """Give up what is over time; the events say what that was."""
        for event in self._pending.expire(now):
            if type(event) is Lost:
                self._cancel(event.query)
            self._queue.append(event)

    def _read_frames(self) -> StreamEvent | None:
        """RFC 9113 section 4.1: Length, Type, Flags, Stream Identifier, and a payload of so many bytes."""
        box = self._inbox
        while not self._queue:
            if len(box) < FRAME_HEADER_SIZE:
                return None
            size = int.from_bytes(box[:3], "big")
            if size > MAX_FRAME_SIZE:
                raise RemoteProtocolError(f"a frame of {size} bytes, at most {MAX_FRAME_SIZE}")
            if len(box) < FRAME_HEADER_SIZE + size:
                return None
            self._frames += 1
            if self._frames > MAX_FRAMES:
                raise RemoteProtocolError(f"{MAX_FRAMES} frames without an answer")
            self._read_frame(self._take(FRAME_HEADER_SIZE + size))
        event = self._queue.popleft()
        if type(event) is Closed:
            self._state = Http2Client._over
        return event

    def _read_frame(self, frame: bytes) -> None:
        try:
            events = self._h2.receive_data(frame)
            for event in events:
                self._look_at(event)
        except h2.exceptions.H2Error as error:
            reply = self._h2.data_to_send()  # GOAWAY says why
            # Of what cannot be decoded hpack tells the address in our memory, which is no two times the same.
            text = _without_addresses("", str(error))
            raise RemoteProtocolError(f"HTTP/2: {text or type(error).__name__}", reply) from None
        self._outbox += self._h2.data_to_send()

    def _look_at(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived(stream_id=stream, headers=headers):
                exchange = self._exchanges.get(stream)
                if exchange is not None:
                    exchange.status = _status(headers)
                    exchange.headers = headers
            case h2.events.DataReceived(stream_id=stream, data=data, flow_controlled_length=size):
                self._h2.acknowledge_received_data(size, stream)
                self._take_body(stream, data)
            case h2.events.StreamEnded(stream_id=stream):
                self._end(stream)
            case h2.events.StreamReset(stream_id=stream):
                self._lose(stream, Failure.HTTPS)
            case h2.events.ConnectionTerminated():
                self._queue.append(self._pending.end())

    def _take_body(self, stream: int, data: bytes) -> None:
        exchange = self._exchanges.get(stream)
        if exchange is None:
            return
        exchange.body += data
        if len(exchange.body) > self._settings.max_message_size:
            self._cancel(stream)
            self._lose(stream, Failure.MALFORMED)

    def _end(self, stream: int) -> None:
        """The response is complete."""
        exchange = self._exchanges.get(stream)
        if exchange is None:
            return
        try:
            wire, age = https_answer(exchange.status, exchange.headers, bytes(exchange.body))
            if mismatch_of(wire, 0, self._pending.asked(stream)) is not None:
                raise MessageError("the answer to another question")
            message = parse_message(wire)
        except HttpsError:
            self._lose(stream, Failure.HTTPS)
        except MessageError:
            self._lose(stream, Failure.MALFORMED)
        else:
            self._settle(stream, Response(stream, message, age))

    def _lose(self, stream: int, failure: Failure) -> None:
        if stream in self._pending:
            self._settle(stream, Lost(stream, failure))

    def _settle(self, stream: int, event: Response | Lost) -> None:
        self._frames = 0
        self._pending.answered(stream)
        self._exchanges.pop(stream, None)
        self._queue.append(event)

    def _cancel(self, stream: int) -> None:
        """Tell the server to spare itself the trouble."""
        self._exchanges.pop(stream, None)
        with contextlib.suppress(h2.exceptions.H2Error):  # the server was quicker to end it, or the connection is over
            self._h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        self._outbox += self._h2.data_to_send()

    def _read_eof(self) -> StreamEvent:
        if self._inbox:
            raise RemoteProtocolError("the server closed in the middle of a frame")
        self._state = Http2Client._over
        return self._pending.end()

    def _over(self) -> None:
        raise LocalProtocolError("next_event() after Closed")


def _status(headers: list[tuple[bytes, bytes]]) -> int:
    """RFC 9113 section 8.3.2; 0 for what is no number."""
    value = dict(headers).get(b":status", b"")
    return int(value) if len(value) == 3 and value.isdigit() else 0
