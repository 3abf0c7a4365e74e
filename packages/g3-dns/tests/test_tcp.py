"""Many questions on one stream: framing, order, limits, and what becomes of queries when it ends."""

import random
from collections.abc import Callable

import dns.message
import pytest
from dns.rdatatype import AAAA, A
from g3_dns import (
    PADDING_BLOCK,
    Closed,
    Failure,
    Lost,
    Mismatch,
    Question,
    Response,
    StreamEvent,
    StreamSettings,
    TcpClient,
)
from g3_dns._tcp import MAX_MISMATCHES
from g3_machine import LocalProtocolError, RemoteProtocolError
from g3_machine.testing import Clock, assert_splits_agree
from g3_machine.testing.strategies import cuts, mutations
from hypothesis import given
from hypothesis import strategies as st
from wires import respond

QUESTIONS = [Question("a.example", A), Question("a.example", AAAA), Question("b.example", A)]
ANSWER = ["a.example. 60 IN A 192.0.2.1"]


def client(settings: StreamSettings | None = None, seed: int = 1) -> TcpClient:
    return TcpClient(random.Random(seed).randrange, settings)


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


def queries(data: bytes) -> list[bytes]:
    found = []
    while data:
        size = int.from_bytes(data[:2], "big")
        found.append(data[2 : 2 + size])
        data = data[2 + size :]
    return found


def shown(event: StreamEvent | None) -> object:
    """An event that can be compared: messages as text."""
    if isinstance(event, Response):
        return event.query, [rrset.to_text() for rrset in event.message.answer]
    return event


def test_pipelined_queries_with_answers_in_another_order() -> None:
    machine = client()
    ids = [machine.ask(question, 100) for question in QUESTIONS]
    assert len(set(ids)) == 3
    sent = queries(machine.data_to_send())
    assert [dns.message.from_wire(query).id for query in sent] == ids
    assert [dns.message.from_wire(query).payload for query in sent] == [1232] * 3
    for index in (2, 0, 1):
        machine.receive_data(framed(respond(sent[index], ANSWER if index == 0 else ())))
    assert shown(machine.next_event()) == (ids[2], [])
    assert shown(machine.next_event()) == (ids[0], ANSWER)
    assert machine.unanswered == (ids[1],)
    assert shown(machine.next_event()) == (ids[1], [])
    assert machine.next_event() is None
    assert machine.can_ask


def test_ids_are_unique_while_queries_are_under_way() -> None:
    machine = TcpClient(lambda limit: limit - 1)
    assert [machine.ask(question, 0) for question in QUESTIONS] == [65535, 0, 1]


def test_no_more_queries_than_allowed() -> None:
    machine = client(StreamSettings(max_outstanding=2))
    for question in QUESTIONS[:2]:
        assert machine.can_ask
        machine.ask(question, 100)
    assert machine.can_ask is False
    with pytest.raises(LocalProtocolError, match="as many queries as may be"):
        machine.ask(QUESTIONS[2], 100)
    machine.receive_data(framed(respond(queries(machine.data_to_send())[0])))
    machine.next_event()
    assert machine.can_ask


def test_padding() -> None:
    machine = client(StreamSettings(padding=PADDING_BLOCK))
    machine.ask(QUESTIONS[0], 100)
    machine.ask(Question("a" * 60 + "." + "b" * 60, A), 100)
    assert [len(query) for query in queries(machine.data_to_send())] == [128, 256]


def test_a_quic_stream_has_one_query_with_id_zero() -> None:
    machine = TcpClient(random.Random(1).randrange, zero_id=True)
    assert machine.ask(QUESTIONS[0], 100) == 0
    assert not machine.can_ask
    (query,) = queries(machine.data_to_send())
    machine.receive_data(framed(respond(query, ANSWER)))
    machine.receive_eof()
    assert shown(machine.next_event()) == (0, ANSWER)
    assert not machine.can_ask
    assert machine.next_event() == Closed()


def test_the_server_closes() -> None:
    machine = client()
    ids = [machine.ask(question, 100) for question in QUESTIONS[:2]]
    machine.receive_eof()
    assert machine.can_ask is False
    assert machine.next_event() == Closed(tuple(ids))
    assert machine.next_timeout() is None
    with pytest.raises(LocalProtocolError, match="after Closed"):
        machine.next_event()


def test_the_server_closes_in_the_middle_of_a_message() -> None:
    machine = client()
    query = machine.ask(QUESTIONS[0], 100)
    machine.receive_data(b"\x00")
    machine.receive_eof()
    with pytest.raises(RemoteProtocolError, match="in the middle of a message"):
        machine.next_event()
    assert machine.unanswered == (query,)


def test_queries_that_are_over_time() -> None:
    machine = client(StreamSettings(query_timeout=5, idle_timeout=60))
    first = machine.ask(QUESTIONS[0], 100)
    second = machine.ask(QUESTIONS[1], 101)
    sent = queries(machine.data_to_send())
    machine.receive_data(framed(respond(sent[1])))
    assert shown(machine.next_event()) == (second, [])
    assert Clock(100).run_timers(machine, 110) == [105]
    assert not machine.can_ask  # not before the event is taken
    assert machine.next_event() == Lost(first, Failure.TIMEOUT)
    assert machine.can_ask
    # Its answer may still come; it is nobody's by now.
    machine.receive_data(framed(respond(sent[0])))
    assert machine.next_event() is None
    assert machine.ignored == {Mismatch.ID: 1}


def test_silence_ends_a_connection() -> None:
    machine = client(StreamSettings(query_timeout=5))
    first = machine.ask(QUESTIONS[0], 100)
    second = machine.ask(QUESTIONS[1], 101)
    machine.handle_timeout(105)
    assert machine.next_event() == Lost(first, Failure.TIMEOUT)
    assert machine.next_event() == Closed((second,))
    assert not machine.can_ask


def test_idleness_ends_a_connection() -> None:
    machine = client(StreamSettings(idle_timeout=10))
    machine.ask(QUESTIONS[0], 100)
    machine.receive_data(framed(respond(queries(machine.data_to_send())[0])))
    machine.next_event()
    assert Clock(100).run_timers(machine, 200) == [110]
    assert machine.next_event() == Closed()


def test_malformed_answers_are_lost_and_the_connection_lives() -> None:
    machine = client()
    query = machine.ask(QUESTIONS[0], 100)
    answer = respond(queries(machine.data_to_send())[0], ANSWER)
    machine.receive_data(framed(answer[:-1]))
    assert machine.next_event() == Lost(query, Failure.MALFORMED)
    assert machine.can_ask


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: b"", Mismatch.ID),
        (lambda data: data[:11], Mismatch.HEADER),
        (lambda data: bytes((data[0] ^ 1,)) + data[1:], Mismatch.ID),
        (lambda data: data.replace(b"example", b"exbmple"), Mismatch.QUESTION),
        (lambda data: data[:2] + b"\x01" + data[3:], Mismatch.HEADER),
    ],
)
def test_messages_that_nobody_asked_for(spoil: Callable[[bytes], bytes], reason: Mismatch) -> None:
    machine = client()
    query = machine.ask(QUESTIONS[0], 100)
    good = respond(queries(machine.data_to_send())[0], ANSWER)
    for _ in range(MAX_MISMATCHES - 1):
        machine.receive_data(framed(spoil(good)))
    machine.receive_data(framed(good))
    assert shown(machine.next_event()) == (query, ANSWER)
    assert machine.ignored == {reason: MAX_MISMATCHES - 1}
    machine.receive_data(framed(spoil(good)) * (MAX_MISMATCHES - 1))
    assert machine.next_event() is None
    machine.receive_data(framed(spoil(good)))
    with pytest.raises(RemoteProtocolError, match="16 messages in a row"):
        machine.next_event()
    assert not machine.can_ask


def test_a_stranger_more_than_enough_ends_a_fresh_connection() -> None:
    machine = client()
    machine.receive_data(b"\x00\x00" * (MAX_MISMATCHES - 1))
    assert machine.next_event() is None
    machine.receive_data(b"\x00\x00")
    with pytest.raises(RemoteProtocolError, match="16 messages in a row"):
        machine.next_event()


def test_messages_that_are_too_long_are_refused_by_their_length() -> None:
    machine = client(StreamSettings(max_message_size=512))
    machine.receive_data(b"\x02\x00")
    assert machine.next_event() is None
    machine = client(StreamSettings(max_message_size=512))
    machine.receive_data(b"\x02\x01")
    with pytest.raises(RemoteProtocolError, match="of 513 bytes, at most 512"):
        machine.next_event()


def made() -> TcpClient:
    machine = client()
    for question in QUESTIONS:
        machine.ask(question, 100)
    return machine


ANSWERS = [framed(respond(query, ANSWER)) for query in queries(made().data_to_send())]
STREAMS = st.lists(st.sampled_from([*ANSWERS, b"\x00\x00", b"\x00\x0c" + bytes(12)]), max_size=5).map(b"".join)


def merge(events: list[StreamEvent]) -> list[object]:
    return [shown(event) for event in events]


@given(mutations(STREAMS), cuts())
def test_any_stream_tells_one_story(stream: bytes, at: list[int]) -> None:
    assert_splits_agree(made, stream, lambda machine, event: isinstance(event, Closed), at, merge=merge)


@given(st.binary(max_size=100), cuts(100))
def test_any_bytes(stream: bytes, at: list[int]) -> None:
    assert_splits_agree(made, stream, lambda machine, event: isinstance(event, Closed), at, merge=merge)
