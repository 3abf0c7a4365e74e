"""DNS over HTTPS on one HTTP/3 connection (RFC 8484, RFC 9114), with the framing of aioquic."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import pylsqpack
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent, StreamDataReceived, StreamReset

from .._errors import HttpsError, MessageError
from .._events import Failure, Response, Server
from .._https import PATH, https_answer, https_request
from .._pending import StreamSettings
from ..quic._connection import Connection

MAX_OVERHEAD_SIZE = 16_384
"""Bytes of a response that are not its body: fields, frames, and what is no response yet. A dozen short fields are
usual."""
MAX_CONTROL_SIZE = 65_536
"""Bytes between two answers on the streams that the server opens: they hold settings, and little else."""
PIECE_SIZE = 4_096
"""Bytes that are looked at before they are counted: fields take aioquic several us each."""
STREAM_CREATION_ERROR = 0x103


class _Http3(H3Connection):
    """No pushes; and no dynamic table, whose entries of 4 KiB a response could repeat by a byte each."""

    def _init_connection(self) -> None:
        self._max_push_id = None
        self._max_table_capacity = self._blocked_streams = 0
        self._decoder = pylsqpack.Decoder(0, 0)
        super()._init_connection()


@dataclass(slots=True)
class _Exchange:
    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    overhead: int = 0


class Http3Client(Connection):
    """The client's side of one connection. A query's number is that of its stream."""

    __slots__ = ("_authority", "_control_size", "_exchanges", "_http", "_path", "_post")

    # RFC 9114 section 8.1.
    ALPN: ClassVar[str] = "h3"
    NO_ERROR: ClassVar[int] = 0x100
    EXCESSIVE_LOAD: ClassVar[int] = 0x107
    CANCELLED: ClassVar[int] = 0x10C

    def __init__(
        self,
        configuration: QuicConfiguration,
        server: Server,
        now: float,
        authority: str,
        path: str = PATH,
        settings: StreamSettings | None = None,
        *,
        post: bool = False,
    ) -> None:
        """Begin the handshake: see `Connection`.

        ``authority`` and ``path`` are those of the server's URI; ``post`` asks by POST instead of GET.
        """
        self._authority = authority
        self._path = path
        self._post = post
        self._exchanges: dict[int, _Exchange] = {}
        self._control_size = 0
        self._http: H3Connection
        super().__init__(configuration, server, now, settings)

    def _start(self) -> None:
        self._http = _Http3(self._quic)

    def _send(self, stream: int, message: bytes) -> None:
        request = https_request(message, self._authority, self._path, post=self._post)
        fields = [(name.encode(), value.encode()) for name, value in request.headers]
        self._http.send_headers(stream, fields, end_stream=not request.body)
        if request.body:
            self._http.send_data(stream, request.body, end_stream=True)
        self._exchanges[stream] = _Exchange()

    def _take(self, event: QuicEvent) -> None:
        if type(event) is StreamDataReceived:
            self._read(event)
            return
        self._http.handle_event(event)
        if type(event) is StreamReset and event.stream_id in self._exchanges:
            self._lose(event.stream_id, Failure.HTTPS)

    def _forget(self, stream: int) -> None:
        self._exchanges.pop(stream, None)

    def _give_up(self, stream: int) -> None:
        super()._give_up(stream)
        # For aioquic's framing it is over: else it would keep what has come until the connection ends.
        self._http.handle_event(StreamReset(self.CANCELLED, stream))

    def _read(self, event: StreamDataReceived) -> None:
        match event.stream_id % 4:
            case 0:
                self._read_response(event)
            case 3:
                self._control_size += len(event.data)
                if self._control_size > MAX_CONTROL_SIZE:
                    self._fail(self.EXCESSIVE_LOAD, f"more than {MAX_CONTROL_SIZE} bytes of control")
                else:
                    self._http.handle_event(event)
            case _:  # section 6.1
                self._fail(STREAM_CREATION_ERROR, "the server opens a stream for a request")

    def _read_response(self, event: StreamDataReceived) -> None:
        stream, data = event.stream_id, event.data
        for start in range(0, len(data) or 1, PIECE_SIZE):
            exchange = self._exchanges.get(stream)
            if exchange is None:
                return
            piece, end = data[start : start + PIECE_SIZE], start + PIECE_SIZE
            exchange.overhead += len(piece)
            last = event.end_stream and end >= len(data)
            for part in self._http.handle_event(replace(event, data=piece, end_stream=last)):
                self._look_at(stream, exchange, part)
            if stream in self._exchanges and self._is_too_long(exchange):
                self._give_up(stream)
                self._lose(stream, Failure.MALFORMED)

    def _is_too_long(self, exchange: _Exchange) -> bool:
        return exchange.overhead > MAX_OVERHEAD_SIZE or len(exchange.body) > self._settings.max_message_size

    def _look_at(self, stream: int, exchange: _Exchange, part: H3Event) -> None:
        match part:
            case HeadersReceived(headers=headers, stream_ended=ended):
                status = dict(headers).get(b":status")
                if status is not None:  # trailers have none; an interim response's is replaced by the next one's
                    exchange.status, exchange.headers = int(status), headers
            case DataReceived(data=data, stream_ended=ended):
                exchange.overhead -= len(data)
                exchange.body += data
            case _:
                return
        if ended:
            self._answer(stream, exchange)

    def _answer(self, stream: int, exchange: _Exchange) -> None:
        """The response is complete."""
        self._control_size = 0
        try:
            wire, age = https_answer(exchange.status, exchange.headers, bytes(exchange.body))
            message = self._message(stream, wire)
        except HttpsError:
            self._lose(stream, Failure.HTTPS)
        except MessageError:
            self._lose(stream, Failure.MALFORMED)
        else:
            self._settle(Response(stream, message, age))
