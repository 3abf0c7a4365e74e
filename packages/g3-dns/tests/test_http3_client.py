"""DNS over HTTP/3, with aioquic as the server."""

import base64
from collections.abc import Callable
from typing import Any

import dns.edns
import dns.message
import pytest
from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import FrameType, H3Connection, Setting, encode_frame
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.events import StreamDataReceived
from dns.rdatatype import A
from g3_dns import PADDING_BLOCK, Failure, Lost, Question, StreamSettings
from g3_dns.http3 import Http3Client
from g3_dns.http3._client import MAX_CONTROL_SIZE, MAX_OVERHEAD_SIZE, PIECE_SIZE
from g3_machine import RemoteProtocolError
from quic_peer import ANSWER, RESPONDER, SERVER, Play, trusting

QUESTION = Question("a.example", A)
OTHER = Question("b.example", A)
HEADERS = [(b":status", b"200"), (b"content-type", b"application/dns-message")]
STATIC_LINE = b"\xe5"
"""A field by its number in the static table of QPACK: `cache-control: max-age=2592000`."""


class Http3Play(Play[Http3Client]):
    """A client and a server that speaks HTTP/3."""

    def __init__(self, settings: StreamSettings | None = None, **options: Any) -> None:
        super().__init__(Http3Client(trusting(), SERVER, 100.0, "dns.example", settings=settings, **options))
        self.http: H3Connection | None = None
        self.headers: dict[int, dict[bytes, bytes]] = {}
        self.bodies: dict[int, bytes] = {}
        self.exchange()

    @property
    def server(self) -> H3Connection:
        assert self.http is not None
        return self.http

    def look(self) -> None:
        for event in self.peer.look():
            if self.http is None:
                self.http = H3Connection(self.peer.quic)
            for part in self.http.handle_event(event):
                match part:
                    case HeadersReceived(headers=headers, stream_id=stream):
                        self.headers[stream] = dict(headers)
                    case DataReceived(data=data, stream_id=stream):
                        self.bodies[stream] = self.bodies.get(stream, b"") + data

    def query(self, stream: int = 0) -> bytes:
        if self.bodies.get(stream):
            return self.bodies[stream]
        text = self.headers[stream][b":path"].partition(b"dns=")[2]
        return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))

    def answer(self, stream: int = 0, body: bytes | None = None, headers: Any = HEADERS) -> None:
        if body is None:
            body = RESPONDER.respond_tcp(self.query(stream)) or b""
        self.server.send_headers(stream, headers)
        self.server.send_data(stream, body, end_stream=True)

    def send(self, stream: int, data: bytes, ended: bool = False) -> None:
        self.peer.quic.send_stream_data(stream, data, ended)

    def assert_fatal(self, message: str, code: int) -> None:
        self.exchange()
        with pytest.raises(RemoteProtocolError, match=f"^QUIC: {message}"):
            self.client.next_event()
        self.exchange()
        assert self.peer.end is not None
        assert (self.peer.end.error_code, self.peer.end.frame_type) == (code, None)


@pytest.mark.parametrize("post", [False, True])
def test_answers_in_another_order(post: bool) -> None:
    play = Http3Play(post=post)
    assert [play.ask(QUESTION), play.ask(OTHER)] == [0, 4]
    assert play.headers[0][b":method"] == (b"POST" if post else b"GET")
    assert play.headers[0][b":authority"] == b"dns.example"
    assert play.headers[0][b":path"].startswith(b"/dns-query")
    assert play.query(0)[:2] == b"\x00\x00"
    assert play.peer.streams[0].ended
    play.answer(4)
    assert play.event() == (4, [], 0)
    play.answer(0, headers=[*HEADERS, (b"age", b"200")])
    assert play.client.unanswered == (0,)
    assert play.event() == (0, ANSWER, 200)
    assert play.event() is None
    assert play.client._exchanges == {}  # nothing of a query is kept
    assert set(play.client._http._stream) == {3, 7, 11}


def test_the_name_of_the_protocol() -> None:
    assert Http3Client.ALPN == "h3"


def padded(answer: bytes, size: int) -> bytes:
    """The same answer with as many bytes as that."""
    message = dns.message.from_wire(answer)
    message.use_edns(0, options=[])
    spare = size - len(message.to_wire()) - 4
    message.use_edns(0, options=[dns.edns.GenericOption(dns.edns.OptionType.PADDING, bytes(spare))])
    return message.to_wire(max_size=65_535)


@pytest.mark.parametrize("size", [PIECE_SIZE - 3, PIECE_SIZE, 2 * PIECE_SIZE - 3, 2 * PIECE_SIZE - 2, 40_000])
def test_answers_in_more_than_one_piece(size: int) -> None:
    """One event of aioquic may hold all of a response; what is body counts for nothing else."""
    play = Http3Play()
    play.ask(QUESTION)
    play.server.send_headers(0, HEADERS)
    assert play.event() is None
    body = padded(RESPONDER.respond_tcp(play.query()) or b"", size)
    assert len(body) == size
    play.client._take(StreamDataReceived(encode_frame(FrameType.DATA, body), True, 0))
    assert play.event() == (0, ANSWER, 0)


def test_path_and_padding() -> None:
    play = Http3Play(StreamSettings(padding=PADDING_BLOCK), path="/other")
    play.ask(QUESTION)
    assert play.headers[0][b":path"].startswith(b"/other?dns=")
    assert len(play.query()) == 128


def test_our_settings() -> None:
    """Neither pushes nor a dynamic table: each byte of a response could stand for 4 KiB."""
    play = Http3Play()
    settings = play.server.received_settings
    assert settings is not None
    assert settings[Setting.QPACK_MAX_TABLE_CAPACITY] == 0
    assert settings[Setting.QPACK_BLOCKED_STREAMS] == 0
    assert play.server._max_push_id is None


def test_the_end_of_a_connection() -> None:
    play = Http3Play()
    play.client.close()
    play.exchange()
    assert play.peer.end is not None
    assert (play.peer.end.error_code, play.peer.end.frame_type) == (0x100, None)


@pytest.mark.parametrize(
    "headers",
    [
        [(b":status", b"404")],
        [(b":status", b"302"), HEADERS[1], (b"location", b"/")],
        [HEADERS[0], (b"content-type", b"text/html")],
        [HEADERS[0]],
    ],
)
def test_responses_without_a_message(headers: list[tuple[bytes, bytes]]) -> None:
    play = Http3Play()
    play.ask(QUESTION)
    play.answer(headers=headers)
    assert play.event() == Lost(0, Failure.HTTPS)
    assert play.client.can_ask


def test_a_response_without_a_body() -> None:
    play = Http3Play()
    play.ask(QUESTION)
    play.server.send_headers(0, [(b":status", b"500")], end_stream=True)
    assert play.event() == Lost(0, Failure.HTTPS)


def test_a_stream_without_a_response() -> None:
    play = Http3Play()
    play.ask(QUESTION)
    play.send(0, b"", ended=True)
    assert play.event() == Lost(0, Failure.HTTPS)


def test_interim_responses_and_trailers() -> None:
    play = Http3Play()
    play.ask(QUESTION)
    play.server.send_headers(0, [(b":status", b"103"), (b"content-type", b"text/html")])
    play.server.send_headers(0, HEADERS)
    play.server.send_data(0, RESPONDER.respond_tcp(play.query()) or b"", end_stream=False)
    assert play.event() is None
    play.server.send_headers(0, [(b"content-type", b"text/html")], end_stream=True)
    assert play.event() == (0, ANSWER, 0)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: b"\x00\x01" + data[2:],
        lambda data: data.replace(b"example", b"exbmple"),
    ],
)
def test_malformed_answers(spoil: Callable[[bytes], bytes]) -> None:
    play = Http3Play()
    play.ask(QUESTION)
    play.answer(body=spoil(RESPONDER.respond_tcp(play.query()) or b""))
    assert play.event() == Lost(0, Failure.MALFORMED)


def test_an_answer_that_is_too_long_is_cut_short() -> None:
    play = Http3Play(StreamSettings(max_message_size=512))
    play.ask(QUESTION)
    play.ask(OTHER)
    play.server.send_headers(0, HEADERS)
    play.server.send_data(0, bytes(512), end_stream=False)
    assert play.event() is None
    play.server.send_data(0, bytes(1), end_stream=False)
    assert play.event() == Lost(0, Failure.MALFORMED)
    assert play.peer.streams[0].stopped == 0x10C
    assert set(play.client._http._stream) == {3, 7, 11, 4}
    play.answer(4, bytes(600))
    assert play.event() == Lost(4, Failure.MALFORMED)
    assert play.event() is None
    assert play.client.can_ask


def test_the_longest_answer() -> None:
    play = Http3Play()
    play.ask(QUESTION)
    data = RESPONDER.respond_tcp(play.query()) or b""
    play.answer(0, data + bytes(65_535 - len(data)))
    play.wait(4)
    assert play.client.next_event() == Lost(0, Failure.MALFORMED)  # for what is behind its records


def test_what_comes_for_a_query_that_was_given_up() -> None:
    play = Http3Play(StreamSettings(query_timeout=5))
    play.ask(QUESTION)
    play.wait(1)
    play.ask(OTHER)
    play.answer(4)
    assert play.event() == (4, [], 0)
    play.answer(0)
    late = [data for data, _ in play.peer.quic.datagrams_to_send(play.now)]
    play.client.handle_timeout(106)  # the server has not heard of it
    for data in late:
        play.client.receive_datagram(data, SERVER, 106)
    assert play.client.next_event() == Lost(0, Failure.TIMEOUT)
    assert play.client.next_event() is None
    assert set(play.client._http._stream) == {3, 7, 11}
    assert play.client.can_ask


def test_the_server_resets_a_stream() -> None:
    play = Http3Play()
    play.ask(QUESTION)
    play.ask(OTHER)
    play.peer.quic.reset_stream(0, 0x10B)
    assert play.event() == Lost(0, Failure.HTTPS)
    play.answer(4)
    assert play.event() == (4, [], 0)


def test_the_server_stops_a_request() -> None:
    play = Http3Play()
    play.ask(QUESTION)
    play.peer.quic.stop_stream(0, 0x100)
    assert play.event() is None
    play.answer(0)
    assert play.event() == (0, ANSWER, 0)


def test_headers_without_end() -> None:
    """Each byte is a whole field, and each one costs."""
    play = Http3Play()
    play.ask(QUESTION)
    play.ask(OTHER)
    block = b"\0\0" + STATIC_LINE * (MAX_OVERHEAD_SIZE + PIECE_SIZE)
    play.send(0, encode_frame(FrameType.HEADERS, block))
    play.answer(4)
    events = []
    while (event := play.event()) is not None:
        events.append(event)
    assert Lost(0, Failure.MALFORMED) in events
    assert (4, [], 0) in events
    assert play.peer.streams[0].stopped == 0x10C


def test_what_may_come_beside_the_body() -> None:
    play = Http3Play()
    play.ask(QUESTION)
    size = MAX_OVERHEAD_SIZE - 3  # the frame's head
    frame = encode_frame(0x21, bytes(size))
    assert len(frame) == MAX_OVERHEAD_SIZE
    play.send(0, frame)
    play.wait(1)
    assert play.event() is None
    play.send(0, b"\x21")
    assert play.event() == Lost(0, Failure.MALFORMED)


def test_the_server_resets_its_control_stream() -> None:
    play = Http3Play()
    control = play.server._local_control_stream_id
    assert control is not None
    play.peer.quic.reset_stream(control, 0x100)
    play.assert_fatal("Resetting a critical stream is not allowed", 0x104)


def test_frames_of_no_meaning_without_end() -> None:
    play = Http3Play()
    play.ask(QUESTION)
    play.server.send_headers(0, HEADERS)
    play.send(0, encode_frame(0x21, bytes(MAX_OVERHEAD_SIZE - 200)))
    assert play.event() is None
    play.send(0, encode_frame(0x21, bytes(200)))
    assert play.event() == Lost(0, Failure.MALFORMED)


def test_a_body_does_not_make_up_for_what_else_has_come() -> None:
    play = Http3Play()
    play.ask(QUESTION)
    play.server.send_headers(0, HEADERS)
    play.send(0, encode_frame(0x21, bytes(MAX_OVERHEAD_SIZE - 200)) + encode_frame(0, b"x"))
    assert play.event() is None
    play.send(0, encode_frame(0x21, bytes(200)))
    assert play.event() == Lost(0, Failure.MALFORMED)


def test_an_answer_in_the_same_piece_as_too_much_else() -> None:
    play = Http3Play()
    play.ask(QUESTION)
    body = RESPONDER.respond_tcp(play.query()) or b""
    play.send(0, encode_frame(0x21, bytes(MAX_OVERHEAD_SIZE - 200)))
    play.server.send_headers(0, HEADERS)
    assert play.event() is None
    late = StreamDataReceived(encode_frame(0x21, bytes(200)) + encode_frame(0, body), True, 0)
    play.client._take(late)
    assert play.event() == (0, ANSWER, 0)
    assert play.event() is None


def test_control_without_end() -> None:
    play = Http3Play()
    play.ask(QUESTION)
    control = play.server._local_control_stream_id
    assert control is not None
    play.send(control, encode_frame(0x21, bytes(MAX_CONTROL_SIZE - 100)))
    play.wait(1)
    assert play.event() is None
    play.answer(0)
    assert play.event() == (0, ANSWER, 0)
    play.send(control, encode_frame(0x21, bytes(MAX_CONTROL_SIZE - 100)))
    play.wait(1)
    assert play.event() is None
    play.send(control, encode_frame(0x21, bytes(100)))
    play.assert_fatal("more than 65536 bytes of control", 0x107)


def test_control_up_to_its_limit() -> None:
    play = Http3Play()
    play.ask(QUESTION)
    play.answer(0)
    assert play.event() == (0, ANSWER, 0)
    control = play.server._local_control_stream_id
    assert control is not None
    frame = encode_frame(0x21, bytes(MAX_CONTROL_SIZE - 5))
    assert len(frame) == MAX_CONTROL_SIZE
    play.client._take(StreamDataReceived(frame, False, control))
    assert play.event() is None
    play.client._take(StreamDataReceived(b"\x21", False, control))
    play.assert_fatal("more than 65536 bytes of control", 0x107)


def test_streams_for_requests_of_the_server() -> None:
    play = Http3Play()
    play.send(1, b"x")
    play.assert_fatal("the server opens a stream for a request", 0x103)


def test_pushes() -> None:
    play = Http3Play()
    play.ask(QUESTION)
    play.send(0, encode_frame(FrameType.PUSH_PROMISE, encode_uint_var(0) + b"\0\0"))
    play.assert_fatal(r"Push ID exceeds the maximum push ID \(code 0x108\)", 0x108)


def test_the_dynamic_table() -> None:
    play = Http3Play()
    encoder = play.server._local_encoder_stream_id
    assert encoder is not None
    play.send(encoder, b"\x3f\xe1\x1f")  # Set Dynamic Table Capacity to 4096
    play.assert_fatal("", 0x201)


def test_faults_are_told_after_the_events_before_them() -> None:
    play = Http3Play()
    play.ask(QUESTION)
    play.ask(OTHER)
    play.answer(4)
    play.exchange()
    play.send(0, encode_frame(FrameType.DATA, b"x"))
    play.exchange()
    assert play.client.next_event() is not None
    play.assert_fatal(r"DATA frame is not allowed in this state \(code 0x105\)", 0x105)
    assert play.client.unanswered == (0,)


def test_aioquic_speaks_of_something_else() -> None:
    play = Http3Play()
    play.ask(QUESTION)
    play.client._look_at(0, play.client._exchanges[0], object())  # type: ignore[arg-type]
    assert play.event() is None
