"""Stories and splits."""

import pytest
from g3_machine import RemoteProtocolError
from g3_machine.testing import Story, assert_splits_agree, cut, play
from g3_machine.testing._echo import EchoClient, EchoServer, Goodbye, Message
from g3_machine.testing.strategies import cuts
from hypothesis import given, settings
from hypothesis import strategies as st


def accept(machine: EchoServer, event: object) -> bool:
    if isinstance(event, Goodbye):
        return True
    machine.accept()
    return False


def test_a_story_has_events_output_and_unread_bytes() -> None:
    story = play(EchoServer(), [b"\x01a\x00", b"rest"], accept)
    assert story == Story((Message(b"a"), Goodbye()), b"ok", None, b"rest")


def test_a_story_may_end_in_a_fault() -> None:
    story = play(EchoServer(), [b"\x01a\x0bxyz"], accept)
    fault = (RemoteProtocolError, "a message of 11 bytes, at most 9 are allowed", b"no")
    assert story == Story((Message(b"a"),), b"okno", fault, b"\x0bxyz")


def test_what_a_machine_says_unasked_is_part_of_its_story() -> None:
    client = EchoClient()
    client.say(b"hi")
    assert play(client, [b"o", b"k"]) == Story((Message(b"ok"),), b"\x02hi", None, b"")


def test_the_end_of_the_stream_belongs_to_the_story() -> None:
    fault = (RemoteProtocolError, "the peer closed in the middle of a message", b"")
    assert play(EchoServer(), [b"\x02a"], accept) == Story((), b"", fault, b"\x02a")


def test_neighbouring_events_may_be_merged() -> None:
    story = play(EchoServer(), [b"\x01a\x01b\x00"], accept, merge=lambda events: events[:1])
    assert story.events == (Message(b"a"),)


def test_cut() -> None:
    assert cut(b"abcd", []) == [b"abcd"]
    assert cut(b"abcd", [3, 1, 1, 9, 0, -1, 4]) == [b"a", b"bc", b"d"]
    assert cut(b"", [1]) == []
    assert cut(b"ab", range(2)) == [b"a", b"b"]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=20), cuts(20))
def test_splits_of_an_honest_machine_agree(stream: bytes, where: list[int]) -> None:
    assert assert_splits_agree(EchoServer, stream, accept, where) == play(EchoServer(), [stream], accept)


class Careless(EchoClient):
    """Takes whatever one read brought for one answer, as too many programs do."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        self._state = Careless._read_anything

    def _read_anything(self) -> Message | None:
        return Message(self.take_unread()) if self._inbox else None


def test_splits_of_a_careless_machine_do_not_agree() -> None:
    with pytest.raises(AssertionError, match=r"split as \[b'o', b'k'\]"):
        assert_splits_agree(Careless, b"ok")
    with pytest.raises(AssertionError, match=r"split as \[b'o', b'kok'\]"):
        assert_splits_agree(Careless, b"okok", cuts=[1])
    merged = assert_splits_agree(
        Careless, b"okok", cuts=[1], merge=lambda events: [Message(b"".join(event.text for event in events))]
    )
    assert merged.events == (Message(b"okok"),)
