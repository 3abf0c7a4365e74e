"""The QUIC library's connection with what a proxy needs: windows that open as bytes are taken, and limits.

The library raises its limits for data (RFC 9000 section 4.1) as soon as half has come, whether anybody has read it or
not: a client would fill our memory while its upstream is slow. Here the peer may send as much more as was taken. There
is no way to say so but through names that the library calls its own, so its version is pinned, and tests watch it.
"""

import logging
from typing import TYPE_CHECKING

from aioquic.quic.connection import QuicConnection, QuicConnectionError, QuicConnectionState
from aioquic.quic.packet import QuicErrorCode
from aioquic.tls import pull_client_hello

from ..tls.quic import QuicTls

if TYPE_CHECKING:
    from aioquic.buffer import Buffer  # type: ignore[attr-defined]  # documented, and not in its __all__
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.events import ConnectionTerminated
    from aioquic.quic.packet_builder import QuicPacketBuilder
    from aioquic.quic.recovery import QuicPacketSpace
    from aioquic.quic.stream import QuicStream as LibraryStream

IDLE_TIMEOUT = 60.0
"""Seconds without a packet after which a connection is given up, as g3's QUIC does."""

STREAMS = 100
"""Streams of one connection at a time, as in g3's library."""

STREAM_WINDOW = 1 << 18
"""Bytes of a stream that may wait for the server behind: 5 MB/s at 50 ms."""

CONNECTION_WINDOW = 1 << 22
"""The same for all streams of a connection, so that a few slow ones do not stop the others."""

GAPS = 512
"""Holes in what has come of a stream. A window is some 200 packets, and each hole costs time at each packet."""


# A warning for each wrong packet, with words of the peer: faults that matter are told by who uses the library.
logging.getLogger("quic").setLevel(logging.CRITICAL)


class Connection(QuicConnection):
    """A client's connection."""

    def __init__(
        self,
        configuration: "QuicConfiguration",
        tls: QuicTls,
        original_destination_connection_id: bytes,
        retry_source_connection_id: bytes | None = None,
    ) -> None:
        super().__init__(
            configuration=configuration,
            original_destination_connection_id=original_destination_connection_id,
            retry_source_connection_id=retry_source_connection_id,
        )
        self._quic_tls = tls
        self._taken = 0
        self._taken_of: dict[int, int] = {}
        for limit, most in ((self._local_max_streams_bidi, STREAMS), (self._local_max_streams_uni, 0)):
            limit.value = limit.sent = most

    @property
    def begun(self) -> bool:
        """Whether a packet has come that could be read."""
        return self._state is not QuicConnectionState.FIRSTFLIGHT

    @property
    def left(self) -> "ConnectionTerminated | None":
        """With what words the peer has closed the connection, if it has: the library tells it much later."""
        return self._close_event if self._state is QuicConnectionState.DRAINING else None

    # --- windows ---

    def take(self, stream_id: int, size: int) -> bool:
        """So many bytes of the stream have been taken: the peer may send as many more. True when it is to be told."""
        self._taken += size
        tell = False
        limit = self._taken + CONNECTION_WINDOW
        if limit - self._local_max_data.value >= CONNECTION_WINDOW // 2:
            self._local_max_data.value = limit
            tell = True
        of_stream = self._taken_of.get(stream_id, 0) + size
        stream = self._streams.get(stream_id)
        if stream is None or stream.receiver.is_finished:
            self._taken_of.pop(stream_id, None)
            return tell
        self._taken_of[stream_id] = of_stream
        limit = of_stream + STREAM_WINDOW
        if limit - stream.max_stream_data_local >= STREAM_WINDOW // 2:
            stream.max_stream_data_local = limit
            tell = True
        return tell

    def forget(self, stream_id: int) -> bool:
        """The peer has reset the stream, and nobody takes what came of it. True when the peer is to be told."""
        taken = self._taken_of.pop(stream_id, 0)
        stream = self._streams.get(stream_id)
        return stream is not None and self.take(stream_id, stream.receiver.highest_offset - taken)

    def waiting(self, stream_id: int) -> int:
        """Bytes of ours on this stream that the peer has not acknowledged yet."""
        stream = self._streams.get(stream_id)
        return 0 if stream is None else len(stream.sender._buffer)

    @property
    def delivered(self) -> bool:
        """Whether the peer has acknowledged all that was said on any stream, and the end of it."""
        return all(stream.sender.is_finished for stream in self._streams.values())

    def _write_connection_limits(self, builder: "QuicPacketBuilder", space: "QuicPacketSpace") -> None:
        limit = self._local_max_data
        used, limit.used = limit.used, 0  # or the limit would be raised here
        try:
            super()._write_connection_limits(builder, space)
        finally:
            limit.used = used

    def _write_stream_limits(
        self, builder: "QuicPacketBuilder", space: "QuicPacketSpace", stream: "LibraryStream"
    ) -> None:
        receiver = stream.receiver
        seen, receiver.highest_offset = receiver.highest_offset, 0
        try:
            super()._write_stream_limits(builder, space, stream)
        finally:
            receiver.highest_offset = seen

    def _get_or_create_stream(self, frame_type: int, stream_id: int) -> "LibraryStream":
        stream = super()._get_or_create_stream(frame_type, stream_id)
        if len(stream.receiver._ranges) > GAPS:
            raise QuicConnectionError(QuicErrorCode.INTERNAL_ERROR, frame_type, "Too many holes in a stream")
        return stream

    # --- TLS ---

    def check_client(self) -> None:
        """Raise TlsError if the client has not shown the certificate that it has to."""
        self._quic_tls.check_client(self.tls._peer_certificate, self.tls._peer_certificate_chain)

    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        self.tls._max_early_data = None  # what comes in 0-RTT can be replayed
        self.tls._request_client_certificate = self._quic_tls.asks_client
        if not self._quic_tls.one:
            # A method of this one object, because the library makes it: nothing else has the name that is asked for.
            self.tls._server_handle_hello = self._choose_and_answer  # type: ignore[method-assign]

    def _choose_and_answer(self, input_buf: "Buffer", initial_buf: "Buffer", handshake_buf: "Buffer") -> None:
        context = self.tls
        start = input_buf.tell()
        asked = pull_client_hello(input_buf)
        input_buf.seek(start)
        for identity in self._quic_tls.choose(asked.server_name):
            context.certificate = identity.certificate
            context.certificate_chain = identity.chain
            context.certificate_private_key = identity.key
            if set(context._signature_algorithms_for_private_key()) & set(asked.signature_algorithms or ()):
                break
        type(context)._server_handle_hello(context, input_buf, initial_buf, handshake_buf)
