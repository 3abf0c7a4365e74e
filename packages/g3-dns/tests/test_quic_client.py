"""DNS over QUIC, with aioquic as the server: what stands on a stream, and what is fatal."""

from collections.abc import Callable

import dns.edns
import dns.message
import pytest
from dns.rdatatype import A
from g3_dns import PADDING_BLOCK, Failure, Lost, Question, StreamSettings
from g3_dns.quic import QuicClient
from g3_machine import RemoteProtocolError
from quic_peer import ANSWER, RESPONDER, SERVER, Play, trusting

QUESTION = Question("a.example", A)
OTHER = Question("b.example", A)


def played(settings: StreamSettings | None = None) -> Play[QuicClient]:
    play = Play(QuicClient(trusting(), SERVER, 100.0, settings))
    play.exchange()
    return play


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


def answer_to(play: Play[QuicClient], stream: int = 0) -> bytes:
    return RESPONDER.respond_tcp(play.peer.streams[stream].data[2:]) or b""


def send(play: Play[QuicClient], stream: int, data: bytes, ended: bool = True) -> None:
    play.peer.quic.send_stream_data(stream, data, ended)


def assert_fatal(play: Play[QuicClient], message: str) -> None:
    play.exchange()
    with pytest.raises(RemoteProtocolError, match=f"^QUIC: {message}$"):
        play.client.next_event()
    play.exchange()
    assert play.peer.end is not None
    assert (play.peer.end.error_code, play.peer.end.frame_type) == (2, None)
    assert play.peer.end.reason_phrase == message


def test_the_name_of_the_protocol() -> None:
    assert QuicClient.ALPN == "doq"


def test_each_query_has_a_stream_and_no_id() -> None:
    play = played(StreamSettings(padding=PADDING_BLOCK))
    assert [play.ask(QUESTION), play.ask(OTHER)] == [0, 4]
    for stream in (0, 4):
        sent = play.peer.streams[stream]
        assert sent.data[:4] == b"\x00\x80\x00\x00"
        assert len(sent.data) == 130
        assert sent.ended
    send(play, 4, framed(answer_to(play, 4)))
    send(play, 0, framed(answer_to(play, 0)))
    assert {str(play.event()), str(play.event())} == {str((4, [], 0)), str((0, ANSWER, 0))}
    assert play.event() is None
    assert play.client._inboxes == {}  # nothing of a query is kept


def test_an_answer_in_pieces() -> None:
    play = played(StreamSettings(query_timeout=60))
    play.ask(QUESTION)
    data = framed(answer_to(play))
    for index in range(len(data)):
        send(play, 0, data[index : index + 1], ended=False)
        assert play.event() is None
    send(play, 0, b"")
    assert play.event() == (0, ANSWER, 0)


@pytest.mark.parametrize("stop", [0, 1, 2, -1])
def test_a_stream_that_ends_too_early(stop: int) -> None:
    play = played()
    play.ask(QUESTION)
    send(play, 0, framed(answer_to(play))[:stop])
    assert_fatal(play, "a stream ends in the middle of a message")
    assert play.client.unanswered == (0,)


def test_more_than_one_message() -> None:
    play = played()
    play.ask(QUESTION)
    send(play, 0, framed(answer_to(play)) + b"\x00", ended=False)
    assert_fatal(play, "more than one message on a stream")


def test_an_id() -> None:
    play = played()
    play.ask(QUESTION)
    send(play, 0, framed(b"\x00\x01" + answer_to(play)[2:]))
    assert_fatal(play, "a message with an id")


def test_the_keepalive_option() -> None:
    play = played()
    play.ask(QUESTION)
    message = dns.message.from_wire(answer_to(play))
    message.use_edns(0, options=[dns.edns.GenericOption(dns.edns.OptionType.NSID, b"x")])
    play.ask(OTHER)
    send(play, 0, framed(message.to_wire()))
    assert play.event() == (0, ANSWER, 0)
    message = dns.message.from_wire(answer_to(play, 4))
    message.use_edns(0, options=[dns.edns.GenericOption(dns.edns.OptionType.KEEPALIVE, b"\x00\x01")])
    send(play, 4, framed(message.to_wire()))
    assert_fatal(play, "a message with the keepalive option")


@pytest.mark.parametrize("stream", [1, 3])
def test_streams_of_the_server(stream: int) -> None:
    play = played()
    send(play, stream, b"", ended=True)
    assert_fatal(play, "the server opens a stream")


def test_the_server_stops_a_query() -> None:
    play = played()
    play.ask(QUESTION)
    play.ask(OTHER)
    play.peer.quic.stop_stream(4, 0)
    send(play, 4, framed(answer_to(play, 4)))
    play.exchange()
    with pytest.raises(RemoteProtocolError, match=r"^QUIC: the server stops a query$"):
        play.client.next_event()


def test_the_server_stops_what_is_answered() -> None:
    play = played()
    play.ask(QUESTION)
    data = framed(answer_to(play))
    play.client._forget(0)
    play.peer.quic.stop_stream(0, 0)
    play.peer.quic.reset_stream(0, 0)
    assert play.event() is None
    assert play.client.can_ask
    assert data


def test_the_server_resets_a_stream() -> None:
    play = played()
    play.ask(QUESTION)
    play.ask(OTHER)
    play.peer.quic.reset_stream(0, 1)
    assert play.event() == Lost(0, Failure.SERVER_FAILURE)
    send(play, 4, framed(answer_to(play, 4)))
    assert play.event() == (4, [], 0)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: data[:11],
        lambda data: data.replace(b"example", b"exbmple"),
        lambda data: data[:2] + b"\x01" + data[3:],
    ],
)
def test_malformed_answers_are_lost_and_the_connection_lives(spoil: Callable[[bytes], bytes]) -> None:
    play = played()
    play.ask(QUESTION)
    send(play, 0, framed(spoil(answer_to(play))))
    assert play.event() == Lost(0, Failure.MALFORMED)
    assert play.client.can_ask
    assert play.client._inboxes == {}


def test_answers_that_are_too_long_are_refused_by_their_length() -> None:
    play = played(StreamSettings(max_message_size=512))
    play.ask(QUESTION)
    play.ask(OTHER)
    send(play, 0, b"\x02\x00", ended=False)
    assert play.event() is None
    send(play, 4, b"\x02\x01", ended=False)
    assert play.event() == Lost(4, Failure.MALFORMED)
    assert play.peer.streams[4].stopped == 3
    assert play.client._inboxes.keys() == {0}


def test_what_comes_for_a_query_that_was_given_up() -> None:
    play = played(StreamSettings(query_timeout=5))
    play.ask(QUESTION)
    play.wait(1)
    play.ask(OTHER)
    send(play, 4, framed(answer_to(play, 4)))
    assert play.event() == (4, [], 0)
    send(play, 0, framed(answer_to(play)))
    late = [data for data, _ in play.peer.quic.datagrams_to_send(play.now)]
    play.client.handle_timeout(106)  # the server has not heard of it
    for data in late:
        play.client.receive_datagram(data, SERVER, 106)
    assert play.client.next_event() == Lost(0, Failure.TIMEOUT)
    assert play.client.next_event() is None
    assert play.client.can_ask


def test_the_longest_answer() -> None:
    play = played()
    play.ask(QUESTION)
    send(play, 0, framed(bytes(2) + bytes(65_533)))
    play.wait(5)
    assert play.event() == Lost(0, Failure.MALFORMED)
