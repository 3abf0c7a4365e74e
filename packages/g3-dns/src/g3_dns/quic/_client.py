"""DNS over QUIC (RFC 9250): on each stream a query, its length before it, and an answer of the same form."""

from typing import ClassVar

import dns.edns
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent, StopSendingReceived, StreamDataReceived, StreamReset

from .._errors import MessageError
from .._events import Failure, Response, Server
from .._pending import StreamSettings
from .._tcp import LENGTH_SIZE
from ._connection import Connection


class QuicClient(Connection):
    """The client's side of one connection. A query's number is that of its stream."""

    __slots__ = ("_inboxes",)

    # Section 4.3.
    ALPN: ClassVar[str] = "doq"
    NO_ERROR: ClassVar[int] = 0x0
    PROTOCOL_ERROR: ClassVar[int] = 0x2
    CANCELLED: ClassVar[int] = 0x3
    EXCESSIVE_LOAD: ClassVar[int] = 0x4

    def __init__(
        self, configuration: QuicConfiguration, server: Server, now: float, settings: StreamSettings | None = None
    ) -> None:
        """Begin the handshake: see `Connection`."""
        self._inboxes: dict[int, bytearray] = {}
        super().__init__(configuration, server, now, settings)

    def _start(self) -> None:
        pass

    def _send(self, stream: int, message: bytes) -> None:
        self._inboxes[stream] = bytearray()
        self._quic.send_stream_data(stream, len(message).to_bytes(LENGTH_SIZE, "big") + message, end_stream=True)

    def _take(self, event: QuicEvent) -> None:
        match event:
            case StreamDataReceived(data=data, end_stream=ended, stream_id=stream):
                self._read(stream, data, ended)
            case StreamReset(stream_id=stream) if stream in self._inboxes:
                self._lose(stream, Failure.SERVER_FAILURE)
            case StopSendingReceived(stream_id=stream) if stream in self._inboxes:
                self._fail(self.PROTOCOL_ERROR, "the server stops a query")

    def _forget(self, stream: int) -> None:
        self._inboxes.pop(stream, None)

    def _read(self, stream: int, data: bytes, ended: bool) -> None:
        """Section 4.2: LENGTH, a message of so many bytes, and the end; section 4.3.3 says what is fatal."""
        if stream % 4:
            self._fail(self.PROTOCOL_ERROR, "the server opens a stream")
            return
        box = self._inboxes.get(stream)
        if box is None:
            return
        box += data
        size = int.from_bytes(box[:LENGTH_SIZE], "big") if len(box) >= LENGTH_SIZE else 0
        missing = LENGTH_SIZE + size - len(box)
        if size > self._settings.max_message_size:
            self._give_up(stream)
            self._lose(stream, Failure.MALFORMED)
        elif missing < 0:
            self._fail(self.PROTOCOL_ERROR, "more than one message on a stream")
        elif ended and missing:
            self._fail(self.PROTOCOL_ERROR, "a stream ends in the middle of a message")
        elif ended:
            self._answer(stream, bytes(box[LENGTH_SIZE:]))

    def _answer(self, stream: int, wire: bytes) -> None:
        if wire[:2] != b"\x00\x00":
            self._fail(self.PROTOCOL_ERROR, "a message with an id")
            return
        try:
            message = self._message(stream, wire)
        except MessageError:
            self._lose(stream, Failure.MALFORMED)
            return
        if any(option.otype == dns.edns.OptionType.KEEPALIVE for option in message.options):
            self._fail(self.PROTOCOL_ERROR, "a message with the keepalive option")  # section 5.5.2
            return
        self._settle(Response(stream, message))
