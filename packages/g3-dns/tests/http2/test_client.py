"""DNS over HTTP/2, with h2 as the server."""

import base64
from collections.abc import Callable
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
import pytest
from dns.rdatatype import A
from g3_dns import Closed, Failure, Lost, Question, Responder, Response, StreamEvent, StreamSettings
from g3_dns.http2 import Http2Client
from g3_dns.http2._client import MAX_FRAMES
from g3_machine import LocalProtocolError, RemoteProtocolError
from g3_machine.testing import Clock, assert_splits_agree
from g3_machine.testing.strategies import cuts, mutations
from hypothesis import given
from hypothesis import strategies as st

RESPONDER = Responder({"example": {"SOA": ["ns host 1 2 3 4 5"]}, "a.example": {"A": ["192.0.2.1"]}})
QUESTION = Question("a.example", A)
OTHER = Question("b.example", A)
HEADERS = [(":status", "200"), ("content-type", "application/dns-message")]
SHOWN = (1, ["a.example. 300 IN A 192.0.2.1"], 0)

Settings = dict[h2.settings.SettingCodes, int]


class Peer:
    """A server, and what it was asked."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="ascii"))
        if settings:
            self.h2.local_settings = h2.settings.Settings(client=False, initial_values=settings)
        self.h2.initiate_connection()
        self.headers: dict[int, dict[str, str]] = {}
        self.bodies: dict[int, bytes] = {}
        self.resets: list[int] = []
        self.ended: list[int] = []

    def read(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            match event:
                case h2.events.RequestReceived(stream_id=stream, headers=headers):
                    self.headers[stream] = {str(name): str(value) for name, value in headers}
                case h2.events.DataReceived(stream_id=stream, data=body):
                    self.bodies[stream] = self.bodies.get(stream, b"") + body
                case h2.events.StreamReset(stream_id=stream):
                    self.resets.append(stream)
                case h2.events.StreamEnded(stream_id=stream):
                    self.ended.append(stream)

    def query(self, stream: int = 1) -> bytes:
        if stream in self.bodies:
            return self.bodies[stream]
        text = self.headers[stream][":path"].partition("dns=")[2]
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    def answer(self, stream: int = 1, body: bytes | None = None, headers: Any = HEADERS) -> None:
        if body is None:
            body = RESPONDER.respond_tcp(self.query(stream))
            assert body is not None
        self.h2.send_headers(stream, headers)
        self.h2.send_data(stream, body, end_stream=True)


class Play:
    """A client and its server."""

    def __init__(self, settings: StreamSettings | None = None, theirs: Settings | None = None, **options: Any) -> None:
        self.client = Http2Client("dns.example", settings=settings, **options)
        self.peer = Peer(theirs)
        self.exchange()

    def exchange(self) -> None:
        """Carry what both have to say, and take no events."""
        self.peer.read(self.client.data_to_send())
        self.client.receive_data(self.peer.h2.data_to_send())

    def event(self) -> object:
        self.exchange()
        event = shown(self.client.next_event())
        self.exchange()
        return event

    def ask(self, question: Question = QUESTION) -> int:
        stream = self.client.ask(question, 100)
        self.exchange()
        return stream


def shown(event: StreamEvent | None) -> object:
    if isinstance(event, Response):
        return event.query, [rrset.to_text() for rrset in event.message.answer], event.age
    return event


@pytest.mark.parametrize("post", [False, True])
def test_answers_in_another_order(post: bool) -> None:
    play = Play(post=post)
    assert [play.ask(QUESTION), play.ask(OTHER)] == [1, 3]
    assert play.peer.headers[1][":method"] == ("POST" if post else "GET")
    assert play.peer.headers[1][":authority"] == "dns.example"
    assert play.peer.headers[1][":path"].startswith("/dns-query")
    assert play.peer.query(1)[:2] == b"\x00\x00"
    play.peer.answer(3)
    play.peer.answer(1, headers=[*HEADERS, ("age", "200")])
    assert play.event() == (3, [], 0)
    assert play.client.unanswered == (1,)
    assert play.event() == (1, SHOWN[1], 200)
    assert play.event() is None
    assert play.peer.ended == [1, 3]
    assert play.client._exchanges == {}  # nothing of a query is kept


def test_path_and_padding() -> None:
    play = Play(StreamSettings(padding=128), path="/other")
    play.ask()
    assert play.peer.headers[1][":path"].startswith("/other?dns=")
    assert len(play.peer.query()) == 128


def test_our_settings() -> None:
    play = Play()
    theirs = play.peer.h2.remote_settings
    assert (theirs.enable_push, theirs.max_header_list_size, theirs.max_frame_size) == (0, 16384, 16384)


@pytest.mark.parametrize(
    ("headers", "failure"),
    [
        ([(":status", "404")], Failure.HTTPS),
        ([(":status", "abc"), HEADERS[1]], Failure.HTTPS),
        ([(":status", "0200"), HEADERS[1]], Failure.HTTPS),
        ([(":status", "200"), ("content-type", "text/html")], Failure.HTTPS),
    ],
)
def test_responses_without_a_message(headers: list[tuple[str, str]], failure: Failure) -> None:
    play = Play()
    play.ask()
    play.peer.answer(headers=headers)
    assert play.event() == Lost(1, failure)
    assert play.client.can_ask


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
    play = Play()
    play.ask()
    play.peer.answer(body=spoil(RESPONDER.respond_tcp(play.peer.query()) or b""))
    assert play.event() == Lost(1, Failure.MALFORMED)


def test_an_answer_that_is_too_long_is_cut_short() -> None:
    play = Play(StreamSettings(max_message_size=512))
    play.ask()
    play.ask()
    play.peer.h2.send_headers(1, HEADERS)
    play.peer.h2.send_data(1, bytes(512))
    assert play.event() is None
    play.peer.h2.send_data(1, bytes(1))
    assert play.event() == Lost(1, Failure.MALFORMED)
    assert play.peer.resets == [1]
    play.peer.answer(3, bytes(600))
    assert play.event() == Lost(3, Failure.MALFORMED)
    assert play.event() is None
    play.ask()
    play.peer.answer(5)
    assert play.event() == (5, SHOWN[1], 0)


def test_what_comes_for_a_query_that_was_given_up() -> None:
    play = Play(StreamSettings(query_timeout=5))
    play.ask()
    play.ask()
    play.peer.h2.send_headers(3, HEADERS)
    play.peer.answer(1, bytes(9))
    assert play.event() == Lost(1, Failure.MALFORMED)
    # The server has not heard of the reset yet.
    play.client.handle_timeout(105)
    play.peer.h2.send_data(3, b"late", end_stream=True)
    assert play.client.next_event() == Lost(3, Failure.TIMEOUT)
    assert play.event() is None


def test_answers_in_spite_of_resets() -> None:
    play = Play()
    play.ask()
    play.ask()
    play.peer.h2.reset_stream(1, h2.errors.ErrorCodes.REFUSED_STREAM)
    play.peer.answer(3)
    assert play.event() == Lost(1, Failure.HTTPS)
    assert play.event() == (3, SHOWN[1], 0)


def test_late_answers_after_a_reset_by_us() -> None:
    play = Play()
    client, stream = play.client, play.ask()
    client._cancel(stream)  # as a timeout does
    play.peer.answer(stream)
    assert play.event() is None
    client._cancel(stream)


def test_events_of_streams_that_are_nobodys() -> None:
    play = Play()
    play.ask()
    play.client._exchanges.clear()
    play.peer.h2.send_headers(1, HEADERS)
    play.peer.h2.send_data(1, b"12", end_stream=True)
    assert play.event() is None


def test_the_server_goes_away() -> None:
    play = Play()
    play.ask()
    assert play.event() is None
    play.peer.h2.close_connection()
    play.client.receive_data(play.peer.h2.data_to_send())
    assert play.client.next_event() == Closed((1,))
    assert play.client.can_ask is False
    with pytest.raises(LocalProtocolError, match="after Closed"):
        play.client.next_event()


def test_the_server_closes() -> None:
    play = Play()
    play.ask()
    assert play.event() is None
    play.client.receive_eof()
    assert not play.client.can_ask
    assert play.client.next_event() == Closed((1,))
    with pytest.raises(LocalProtocolError, match="after Closed"):
        play.client.next_event()


def test_the_server_closes_in_the_middle_of_a_frame() -> None:
    client = Http2Client("dns.example")
    client.receive_data(b"\x00")
    client.receive_eof()
    with pytest.raises(RemoteProtocolError, match="in the middle of a frame"):
        client.next_event()


def test_queries_that_are_over_time() -> None:
    play = Play(StreamSettings(query_timeout=5, idle_timeout=20))
    play.ask()
    assert play.client.ask(OTHER, 101) == 3
    play.exchange()
    play.peer.answer(3)
    assert play.event() == (3, [], 0)
    assert Clock(100).run_timers(play.client, 106) == [105]
    assert not play.client.can_ask
    assert play.event() == Lost(1, Failure.TIMEOUT)
    assert play.peer.resets == [1]
    assert Clock(106).run_timers(play.client, 200) == [121]
    assert play.event() == Closed()


def test_no_more_queries_than_we_want() -> None:
    play = Play(StreamSettings(max_outstanding=1))
    play.ask()
    with pytest.raises(LocalProtocolError, match="as many queries as may be"):
        play.client.ask(QUESTION, 100)
    play.peer.answer()
    play.event()
    assert play.client.can_ask


def test_no_more_queries_than_the_server_wants() -> None:
    play = Play(theirs={h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 1})
    assert play.event() is None
    play.ask()
    assert not play.client.can_ask


@pytest.mark.parametrize("post", [False, True])
def test_no_post_where_the_server_takes_no_body(post: bool) -> None:
    play = Play(theirs={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1023}, post=post)
    assert play.event() is None
    assert play.client.can_ask is (not post)
    play = Play(theirs={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1024}, post=post)
    assert play.event() is None
    assert play.client.can_ask


def test_a_connection_is_not_used_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("g3_dns.http2._client.MAX_QUERIES", 2)
    play = Play()
    play.ask()
    assert play.client.can_ask
    play.ask()
    assert not play.client.can_ask


def test_frames_that_are_too_long_are_refused_by_their_length() -> None:
    client = Http2Client("dns.example")
    client.receive_data(b"\x00\x40\x00" + bytes(6))
    assert client.next_event() is None
    client = Http2Client("dns.example")
    client.receive_data(b"\x00\x40\x01" + bytes(6))
    with pytest.raises(RemoteProtocolError, match="of 16385 bytes, at most 16384"):
        client.next_event()


PING = b"\x00\x00\x08\x06\x00\x00\x00\x00\x00" + bytes(8)


def test_frames_are_counted_from_the_first_one() -> None:
    client = Http2Client("dns.example")
    client.receive_data(PING * MAX_FRAMES)
    assert client.next_event() is None
    client.receive_data(PING)
    with pytest.raises(RemoteProtocolError, match="1000 frames without an answer"):
        client.next_event()


def test_frames_without_end() -> None:
    play = Play()
    play.ask()
    play.peer.answer()
    play.client.receive_data(PING * (MAX_FRAMES - 10))
    assert play.event() == SHOWN
    play.client.receive_data(PING * MAX_FRAMES)
    assert play.client.next_event() is None
    play.client.receive_data(PING)
    with pytest.raises(RemoteProtocolError, match="1000 frames without an answer"):
        play.client.next_event()


def test_faults_are_answered_after_the_events_before_them() -> None:
    play = Play()
    play.ask()
    play.peer.answer()
    play.exchange()
    play.client.receive_data(b"\x00\x00\x01\x06\x00\x00\x00\x00\x00\x00")  # a PING of one byte
    assert shown(play.client.next_event()) == SHOWN
    play.client.data_to_send()
    with pytest.raises(RemoteProtocolError, match="HTTP/2: "):
        play.client.next_event()
    assert play.client.data_to_send()[3:4] == b"\x07"  # GOAWAY
    assert not play.client.can_ask
    play.client.handle_timeout(1000)


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (b"\xff" * 40, "Variable integer representation is too long"),
        (b"\xff", "Unable to decode HPACK integer representation"),
    ],
)
def test_headers_that_cannot_be_decoded_are_told_without_our_addresses(block: bytes, why: str) -> None:
    client = Http2Client("dns.example")
    client.ask(QUESTION, 0.0)
    settings, headers = b"\x00\x00\x00\x04" + bytes(5), b"\x00\x00%c\x01\x04\x00\x00\x00\x01" % len(block)
    client.receive_data(settings + headers + block)
    with pytest.raises(RemoteProtocolError) as caught:
        client.next_event()
    assert str(caught.value) == f"HTTP/2: Error decoding header block: {why}"


def test_headers_without_end() -> None:
    play = Play()
    play.ask()
    play.peer.h2.remote_settings[h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE] = 1 << 20
    play.peer.h2.send_headers(1, [*HEADERS, *((f"x{number}", "y" * 1000) for number in range(17))])
    play.exchange()
    with pytest.raises(RemoteProtocolError, match="HTTP/2: "):
        play.client.next_event()


def recorded() -> bytes:
    """What a server says to two queries."""
    peer = Peer()
    client = made()
    peer.read(client.data_to_send())
    peer.h2.ping(b"12345678")
    peer.answer(3)
    peer.answer(1)
    peer.h2.close_connection()
    return peer.h2.data_to_send()


def made() -> Http2Client:
    client = Http2Client("dns.example")
    client.ask(QUESTION, 100)
    client.ask(OTHER, 100)
    return client


RECORDED = recorded()


def merge(events: list[StreamEvent]) -> list[object]:
    return [shown(event) for event in events]


def is_over(client: Http2Client, event: StreamEvent) -> bool:
    return isinstance(event, Closed)


def test_the_recorded_stream() -> None:
    story = assert_splits_agree(made, RECORDED, is_over, merge=merge)
    assert story.events == ((3, [], 0), SHOWN, Closed())


@given(mutations(st.just(RECORDED)), cuts(len(RECORDED)))
def test_any_stream_tells_one_story(stream: bytes, at: list[int]) -> None:
    assert_splits_agree(made, stream, is_over, at, merge=merge)


@pytest.mark.parametrize("answered", [False, True])
def test_a_reset_of_a_query_that_does_not_wait(answered: bool) -> None:
    play = Play()
    play.ask()
    if answered:
        play.peer.answer()
        assert play.event() == SHOWN
    else:
        play.client.handle_timeout(1000)
        assert play.client.next_event() == Lost(1, Failure.TIMEOUT)
    play.client.receive_data(b"\x00\x00\x04\x03\x00\x00\x00\x00\x01" + bytes(4))
    assert play.client.next_event() == (None if answered else Closed())


def test_h2_speaks_of_a_stream_that_is_nobodys() -> None:
    client = Http2Client("dns.example")
    client._look_at(h2.events.StreamReset(stream_id=9))
    assert client.next_event() is None


def test_the_windows_are_opened_again() -> None:
    play = Play()
    for stream in range(1, 21, 2):
        assert play.ask() == stream
        play.peer.answer(stream, bytes(10_000))
        assert play.event() == Lost(stream, Failure.MALFORMED)
    assert play.client._exchanges == {}


def test_nothing_is_kept_of_a_query_that_is_given_up() -> None:
    play = Play(StreamSettings(query_timeout=5))
    play.ask()
    play.client.handle_timeout(105)
    assert play.client._exchanges == {}
