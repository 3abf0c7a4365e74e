"""One QUIC connection: its handshake, limits, timers and ends, whatever is asked on it."""

import random
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest
from aioquic.quic.packet import QuicProtocolVersion
from dns.rdatatype import A
from g3_dns import Closed, Failure, Lost, Question, Server, StreamSettings
from g3_dns.http3 import Http3Client
from g3_dns.quic import QuicClient
from g3_dns.quic._connection import MAX_BYTES, MAX_QUERIES, STREAM_WINDOW
from g3_machine import LocalProtocolError, RemoteProtocolError
from quic_peer import ANSWER, CLIENT, RESPONDER, SERVER, Play, trusting

QUESTION = Question("a.example", A)
OTHER = Question("b.example", A)


def played(settings: StreamSettings | None = None, name: str = "dns.example", **options: Any) -> Play[QuicClient]:
    play = Play(QuicClient(trusting(name), SERVER, 100.0, settings), **options)
    play.exchange()
    return play


def answer(play: Play[QuicClient], stream: int = 0, body: bytes | None = None) -> None:
    if body is None:
        body = RESPONDER.respond_tcp(play.peer.streams[stream].data[2:]) or b""
    play.peer.quic.send_stream_data(stream, len(body).to_bytes(2, "big") + body, True)


def test_nothing_is_asked_before_the_handshake_is_over() -> None:
    play = Play(QuicClient(trusting(), SERVER, 100.0))
    assert not play.client.is_connected
    with pytest.raises(LocalProtocolError, match="no connection"):
        play.client.ask(QUESTION, 100.0)
    play.exchange()
    assert play.client.is_connected
    assert play.client.can_ask
    assert play.ask(QUESTION) == 0


def test_the_certificates_of_the_server() -> None:
    play = Play(QuicClient(trusting(), SERVER, 100.0))
    assert not play.client.peer_certificates
    play.exchange()
    shown = list(play.client.peer_certificates)
    assert shown == [play.peer.quic.configuration.certificate]


def test_nothing_links_one_connection_to_the_next() -> None:
    """A session's ticket, or an address's token, would also let a server recognise its client."""
    ticket: Any = object()
    configuration = replace(trusting(), token=b"token", session_ticket=ticket)
    client = QuicClient(configuration, SERVER, 100.0)
    assert (client._quic.configuration.token, client._quic.configuration.session_ticket) == (b"", None)


def test_the_configuration_is_left_as_it_is() -> None:
    configuration = trusting()
    QuicClient(configuration, SERVER, 100.0)
    assert configuration == trusting()


def test_what_has_been_asked_for_may_not_be_many() -> None:
    play = played(StreamSettings(max_outstanding=2))
    assert [play.ask(QUESTION), play.ask(OTHER)] == [0, 4]
    assert not play.client.can_ask
    answer(play, 4)
    assert play.event() == (4, [], 0)
    assert play.client.can_ask
    assert play.client.unanswered == (0,)


def test_more_queries_than_the_server_wants_at_once_wait() -> None:
    play = played()
    play.peer.quic._remote_max_streams_bidi = 1
    play.client._quic._remote_max_streams_bidi = 1
    assert [play.ask(QUESTION), play.ask(OTHER)] == [0, 4]
    assert 4 not in play.peer.streams
    play.client._quic._remote_max_streams_bidi = 2
    play.client._quic._unblock_streams(is_unidirectional=False)
    play.exchange()
    assert play.peer.streams[4].ended


def test_a_query_that_the_server_has_never_wanted() -> None:
    play = played(StreamSettings(query_timeout=5))
    play.client._quic._remote_max_streams_bidi = 1
    play.ask(QUESTION)
    play.wait(1)
    assert play.ask(OTHER) == 4
    answer(play, 0)
    assert play.event() == (0, ANSWER, 0)
    play.wait(5)
    assert play.client.next_event() == Lost(4, Failure.TIMEOUT)
    play.client._quic._remote_max_streams_bidi = 2
    play.client._quic._unblock_streams(is_unidirectional=False)
    play.exchange()
    assert (play.peer.streams[4].data, play.peer.streams[4].reset) == (b"", 3)


def test_a_connection_is_not_used_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("g3_dns.quic._connection.MAX_QUERIES", 5)
    play = played()
    for _ in range(5):
        assert play.client.can_ask
        play.ask(QUESTION)
    assert play.client.can_ask is False


def test_datagrams_of_others_are_ignored() -> None:
    play = Play(QuicClient(trusting(), SERVER, 100.0))
    (hello,) = play.client.datagrams_to_send(100.0)[:1]
    play.peer.quic.receive_datagram(hello, CLIENT, 100.0)
    play.peer.is_begun = True
    for data, _ in play.peer.quic.datagrams_to_send(100.0):
        for source in (Server(SERVER.host, 854), Server(IPv4Address("192.0.2.54"), 853)):
            play.client.receive_datagram(data, source, 100.0)
    assert play.client.datagrams_to_send(100.0) == []
    play.exchange()
    assert not play.client.is_connected
    play.wait(2)  # both send once more what was lost
    assert play.client.is_connected


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("other.example", {}, r"hostname 'other.example' doesn't match .* \(code 0x12a\)"),
        ("dns.example", {"alpn_protocols": ["h3"]}, r"No common ALPN protocols \(code 0x178\)"),
    ],
)
def test_handshakes_that_fail(name: str, options: dict[str, Any], message: str) -> None:
    play = played(name=name, **options)
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match=f"^QUIC: {message}"):
            play.client.next_event()
    assert not play.client.is_connected
    assert not play.client.can_ask
    assert play.client.next_timeout() is None
    assert play.peer.end is not None  # and it knows


def test_another_version() -> None:
    client = QuicClient(trusting(), SERVER, 100.0)
    (hello,) = client.datagrams_to_send(100.0)[:1]
    theirs, ours = hello[6 : 6 + hello[5]], client._quic.host_cid
    unknown = b"\x1a\x2a\x3a\x4a"
    packet = b"\x80\0\0\0\0" + bytes([len(ours)]) + ours + bytes([len(theirs)]) + theirs
    client.receive_datagram(packet + unknown, SERVER, 100.0)
    with pytest.raises(RemoteProtocolError, match="Could not find a common protocol version"):
        client.next_event()
    assert QuicProtocolVersion.VERSION_1 in trusting().supported_versions


def test_a_server_that_is_silent() -> None:
    play = Play(QuicClient(trusting(), SERVER, 100.0, StreamSettings(query_timeout=5, idle_timeout=10)))
    play.lost = 1000
    play.wait(14.9)
    assert play.client.next_event() is None
    play.wait(0.2)
    assert play.client.next_event() == Closed()
    assert not play.client.can_ask
    with pytest.raises(LocalProtocolError, match="after Closed"):
        play.client.next_event()


def test_a_server_that_falls_silent() -> None:
    play = played(StreamSettings(query_timeout=5))
    play.ask(QUESTION)
    play.lost = 1000
    play.ask(OTHER)
    play.wait(5)
    assert play.client.next_event() == Lost(0, Failure.TIMEOUT)
    assert not play.client.can_ask
    assert play.client.next_event() == Closed((4,))


def test_a_query_that_is_over_time() -> None:
    play = played(StreamSettings(query_timeout=5, idle_timeout=20))
    play.ask(QUESTION)
    play.wait(1)
    play.ask(OTHER)
    answer(play, 4)
    assert play.event() == (4, [], 0)
    play.wait(3.9)
    assert not play.client.can_ask
    assert play.client.next_event() == Lost(0, Failure.TIMEOUT)
    assert play.client.can_ask
    play.exchange()
    assert play.peer.streams[0].stopped == 3
    assert play.client.can_ask
    play.wait(30)
    assert play.client.next_event() == Closed()
    play.exchange()
    assert play.peer.end is not None
    assert (play.peer.end.error_code, play.peer.end.frame_type) == (0, None)


def test_a_query_over_time_whose_stream_is_gone() -> None:
    play = played()
    play.ask(QUESTION)
    answer(play, 0)
    assert play.event() == (0, ANSWER, 0)
    play.client._give_up(0)
    play.exchange()
    assert play.client.can_ask


@pytest.mark.parametrize("seed", range(8))
def test_half_of_all_datagrams_are_lost(seed: int) -> None:
    chance = random.Random(seed)
    play = Play(QuicClient(trusting(), SERVER, 100.0, StreamSettings(query_timeout=60, idle_timeout=60)))
    play._is_lost = lambda: chance.random() < 0.5  # type: ignore[method-assign]
    while not play.client.is_connected:
        play.wait(0.5)
    play.client.ask(QUESTION, play.now)
    while not (play.peer.streams.get(0) and play.peer.streams[0].ended):
        play.wait(0.5)
    answer(play)
    while (event := play.client.next_event()) is None:
        play.wait(0.5)
    assert getattr(event, "query", None) == 0


def test_we_close() -> None:
    play = played()
    play.ask(QUESTION)
    play.client.close()
    play.client.close()
    assert play.client.next_event() == Closed((0,))
    assert play.client.next_timeout() is None
    play.exchange()
    assert play.peer.end is not None
    assert (play.peer.end.error_code, play.peer.end.frame_type) == (0, None)
    play.client.handle_timeout(1000)
    with pytest.raises(LocalProtocolError, match="after Closed"):
        play.client.next_event()


@pytest.mark.parametrize("frame_type", [None, 0])
def test_the_server_closes_in_peace(frame_type: int | None) -> None:
    play = played()
    play.ask(QUESTION)
    play.peer.quic.close(0, frame_type)
    play.exchange()
    assert not play.client.can_ask
    assert play.client.next_event() == Closed((0,))


@pytest.mark.parametrize(("frame_type", "reason", "shown"), [(None, "x" * 300, "x" * 200), (7, "", "closed")])
def test_the_server_closes_for_a_reason(frame_type: int | None, reason: str, shown: str) -> None:
    play = played()
    play.ask(QUESTION)
    play.ask(OTHER)
    answer(play, 4)
    play.exchange()
    play.peer.quic.close(4, frame_type, reason)
    play.exchange()
    assert play.client.next_event() is not None  # the answer that came before
    with pytest.raises(RemoteProtocolError, match=rf"^QUIC: {shown} \(code 0x4\)$"):
        play.client.next_event()
    assert play.client.unanswered == (0,)


def test_the_answer_to_another_question() -> None:
    play = played()
    play.ask(QUESTION)
    play.ask(OTHER)
    answer(play, 0, RESPONDER.respond_tcp(play.peer.streams[4].data[2:]))
    assert play.event() == Lost(0, Failure.MALFORMED)
    assert play.client.unanswered == (4,)


@pytest.mark.parametrize(
    ("code", "frame_type", "in_peace"), [(0x100, None, True), (0, 0, True), (0x100, 0, False), (0, None, False)]
)
def test_each_layer_has_its_code_for_peace(code: int, frame_type: int | None, in_peace: bool) -> None:
    play = Play(Http3Client(trusting(), SERVER, 100.0, "dns.example"))
    play.exchange()
    play.peer.quic.close(code, frame_type)
    play.exchange()
    if in_peace:
        assert play.client.next_event() == Closed()
    else:
        with pytest.raises(RemoteProtocolError, match="QUIC: closed"):
            play.client.next_event()


def test_the_bytes_that_may_come() -> None:
    client = QuicClient(trusting(), SERVER, 100.0)
    mebibyte, others = bytes(1 << 20), Server(SERVER.host, 854)
    for _ in range(MAX_BYTES >> 20):
        client.receive_datagram(mebibyte, SERVER, 100.0)
        client.receive_datagram(mebibyte, others, 100.0)
    assert client.next_event() is None
    client.receive_datagram(b"x", SERVER, 100.0)
    with pytest.raises(RemoteProtocolError, match="bytes without an answer"):
        client.next_event()


def test_the_bytes_that_may_come_behind_an_answer() -> None:
    play = played()
    play.ask(QUESTION)
    answer(play)
    for data, _ in play.peer.quic.datagrams_to_send(play.now):
        play.client.receive_datagram(data, SERVER, play.now)
        if play.client._queue:
            break
    assert play.client._bytes == 0


def test_what_comes_behind_the_end() -> None:
    play = played()
    play.client.close()
    for _ in range((MAX_BYTES >> 20) + 1):
        play.client.receive_datagram(bytes(1 << 20), SERVER, play.now)
    assert play.client.next_event() == Closed()
    with pytest.raises(LocalProtocolError, match="after Closed"):
        play.client.next_event()


def test_figures() -> None:
    assert (MAX_QUERIES, STREAM_WINDOW) == (100_000, 128 << 10)


def test_bytes_without_end() -> None:
    play = played()
    play.ask(QUESTION)
    play.ask(OTHER)
    answer(play, 4)
    assert play.event() == (4, [], 0)
    garbage = bytes(MAX_BYTES // 10)
    for _ in range(9):
        play.client.receive_datagram(garbage, SERVER, play.now)
    answer(play, 0)
    assert play.event() == (0, ANSWER, 0)
    play.ask(QUESTION)
    for _ in range(9):
        play.client.receive_datagram(garbage, SERVER, play.now)
        assert play.client.next_event() is None
    play.client.receive_datagram(garbage, SERVER, play.now)
    play.client.receive_datagram(garbage, SERVER, play.now)
    with pytest.raises(RemoteProtocolError, match=f"^QUIC: more than {MAX_BYTES} bytes without an answer"):
        play.client.next_event()
    play.exchange()
    assert play.peer.end is not None
    assert play.peer.end.error_code == 4


def test_windows_do_not_grow_without_end() -> None:
    """A byte at the end of each window, and never one at its beginning."""
    play = played()
    play.ask(QUESTION)
    stream = play.peer.quic._streams[0]
    windows = []
    while not play.client._is_over:
        windows.append(stream.max_stream_data_remote)
        sender = stream.sender
        sender._buffer_start = sender._buffer_stop = windows[-1] - 1
        play.peer.quic.send_stream_data(0, b"x")
        play.exchange()
    assert windows[0] == STREAM_WINDOW
    assert windows[-1] <= MAX_BYTES
    with pytest.raises(RemoteProtocolError, match="bytes without an answer"):
        play.client.next_event()
