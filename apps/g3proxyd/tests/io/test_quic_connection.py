"""The QUIC library's connection with windows of ours: a client and a server in memory, without a network."""

import pytest
from aioquic.buffer import Buffer  # type: ignore[attr-defined]
from aioquic.quic.connection import QuicConnection, QuicConnectionError
from aioquic.quic.events import QuicEvent, StreamDataReceived, StreamReset
from aioquic.quic.packet import QuicErrorCode
from certificates import authority
from g3proxyd.io.quic_connection import CONNECTION_WINDOW, GAPS, IDLE_TIMEOUT, STREAM_WINDOW, STREAMS, Connection
from g3proxyd.tls.pem import Certificates, PrivateKey
from g3proxyd.tls.quic import QuicTls
from g3proxyd.tls.settings import Pair, ServerSettings
from quic import client_configuration
from tls.secure import NAME

HERE, THERE = ("192.0.2.1", 1), ("192.0.2.2", 2)


class Wire:
    """Both ends, and the datagrams between them."""

    def __init__(self) -> None:
        leaf = authority().issue(NAME)
        tls = QuicTls(ServerSettings((Pair(Certificates(leaf.certificate), PrivateKey(leaf.key)),)))
        self.now = 0.0
        self.client = QuicConnection(configuration=client_configuration())
        self.client.connect(THERE, self.now)
        configuration = tls.configuration(IDLE_TIMEOUT, CONNECTION_WINDOW, STREAM_WINDOW)
        self.server = Connection(configuration, tls, self.client.original_destination_connection_id)
        self.events: list[QuicEvent] = []
        self.turn()

    def turn(self) -> list[QuicEvent]:
        """Carry datagrams to and fro until there are none; return what the server hears."""
        for _ in range(2000):
            self.now += 0.01
            there = self.client.datagrams_to_send(self.now)
            for data, _ in there:
                self.server.receive_datagram(data, HERE, self.now)
            back = self.server.datagrams_to_send(self.now) if self.server.begun else []
            for data, _ in back:
                self.client.receive_datagram(data, THERE, self.now)
            for end in (self.client, self.server):
                at = end.get_timer()
                if at is not None and at <= self.now:
                    end.handle_timer(self.now)
            if not there and not back:
                break
        heard = list(iter(self.server.next_event, None))
        self.events += heard
        return heard

    def received(self) -> int:
        """Bytes of streams that the server has got."""
        return sum(len(event.data) for event in self.events if isinstance(event, StreamDataReceived))


def test_what_a_client_is_told() -> None:
    wire = Wire()
    assert wire.server.begun
    assert wire.client._remote_max_streams_bidi == STREAMS
    assert wire.client._remote_max_streams_uni == 0
    assert wire.client._remote_max_data == CONNECTION_WINDOW
    assert wire.client._remote_max_stream_data_bidi_remote == STREAM_WINDOW
    assert wire.client.tls.alpn_negotiated is None
    assert not wire.client.tls.early_data_accepted


def test_a_stream_has_its_window_and_no_more() -> None:
    wire = Wire()
    wire.client.send_stream_data(0, bytes(3 * STREAM_WINDOW))
    wire.turn()
    assert wire.received() == STREAM_WINDOW
    assert not wire.server.take(0, STREAM_WINDOW // 2 - 1)
    wire.turn()
    assert wire.received() == STREAM_WINDOW
    assert wire.server.take(0, 1)
    wire.turn()
    assert wire.received() == STREAM_WINDOW * 3 // 2
    assert wire.server.take(0, STREAM_WINDOW)
    wire.turn()
    assert wire.received() == STREAM_WINDOW * 5 // 2


def test_all_streams_together_have_the_window_of_the_connection() -> None:
    wire = Wire()
    full = CONNECTION_WINDOW // STREAM_WINDOW
    for number in range(full + 1):
        wire.client.send_stream_data(4 * number, bytes(STREAM_WINDOW), end_stream=True)
    wire.turn()
    assert wire.received() == CONNECTION_WINDOW
    for number in range(full // 2 - 1):
        wire.server.take(4 * number, STREAM_WINDOW)
    wire.turn()
    assert wire.received() == CONNECTION_WINDOW
    assert wire.server.take(4 * full - 4, STREAM_WINDOW)
    wire.turn()
    assert wire.received() == CONNECTION_WINDOW + STREAM_WINDOW


def test_what_came_of_a_stream_that_was_reset_counts_as_taken() -> None:
    wire = Wire()
    for number in range(CONNECTION_WINDOW // STREAM_WINDOW):
        wire.client.send_stream_data(4 * number, bytes(STREAM_WINDOW))
    wire.turn()
    wire.server.take(0, 100)
    for number in range(CONNECTION_WINDOW // STREAM_WINDOW):
        wire.client.reset_stream(4 * number, 1)
    resets = [event.stream_id for event in wire.turn() if isinstance(event, StreamReset)]
    assert [wire.server.forget(number) for number in resets].count(True) == 2
    assert wire.server._taken == CONNECTION_WINDOW
    assert wire.server._taken_of == {}
    assert not wire.server.forget(4 * STREAMS)


def test_what_waits_for_acknowledgements() -> None:
    wire = Wire()
    wire.client.send_stream_data(0, b"x", end_stream=True)
    wire.turn()
    assert wire.server.waiting(0) == 0
    wire.server.send_stream_data(0, bytes(1000), end_stream=True)
    assert wire.server.waiting(0) == 1000
    assert not wire.server.delivered
    wire.turn()
    assert wire.server.waiting(0) == 0
    assert wire.server.delivered


def frame(offset: int) -> Buffer:
    """The inside of a STREAM frame with one byte."""
    made = Buffer(capacity=32)
    for number in (0, offset, 1):
        made.push_uint_var(number)
    made.push_bytes(b"x")
    return Buffer(data=made.data)


def test_a_stream_with_too_many_holes() -> None:
    wire = Wire()
    for hole in range(GAPS + 1):
        wire.server._handle_stream_frame(None, 0x0E, frame(2 * hole + 1))  # type: ignore[arg-type]
    with pytest.raises(QuicConnectionError, match="Too many holes") as caught:
        wire.server._handle_stream_frame(None, 0x0E, frame(1))  # type: ignore[arg-type]
    assert caught.value.error_code == QuicErrorCode.INTERNAL_ERROR
