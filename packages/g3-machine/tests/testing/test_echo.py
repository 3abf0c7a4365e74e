"""The small protocol that other tests lean on."""

import pytest
from g3_machine import LocalProtocolError, RemoteProtocolError
from g3_machine.testing import assert_splits_agree
from g3_machine.testing._echo import MOST, EchoClient, EchoServer, Goodbye, Message


def accept(server: EchoServer, event: Message | Goodbye) -> bool:
    if isinstance(event, Goodbye):
        return True
    server.accept()
    return False


def test_a_conversation() -> None:
    stream = b"\x02hi\x09ninebytes\x00behind"
    story = assert_splits_agree(EchoServer, stream, accept)
    assert story.events == (Message(b"hi"), Message(b"ninebytes"), Goodbye())
    assert (story.output, story.fault, story.unread) == (b"okok", None, b"behind")


def test_a_message_that_is_too_long_is_refused() -> None:
    server = EchoServer()
    server.receive_data(bytes([MOST + 1]))
    with pytest.raises(RemoteProtocolError, match="10 bytes, at most 9 are allowed") as caught:
        server.next_event()
    assert caught.value.reply == server.data_to_send() == b"no"


def test_each_message_wants_its_answer() -> None:
    server = EchoServer()
    with pytest.raises(LocalProtocolError, match="nothing waits"):
        server.accept()
    server.receive_data(b"\x01a\x01b")
    server.next_event()
    with pytest.raises(LocalProtocolError, match=r"before accept\(\)"):
        server.next_event()
    server.accept()
    assert server.next_event() == Message(b"b")


def test_the_conversation_ends_once() -> None:
    server = EchoServer()
    server.receive_data(b"\x00")
    assert server.next_event() == Goodbye()
    with pytest.raises(LocalProtocolError, match="after the conversation"):
        server.next_event()


def test_a_client_says_and_reads() -> None:
    client = EchoClient()
    client.say(b"hi")
    assert client.data_to_send() == b"\x02hi"
    client.receive_data(b"o")
    assert client.next_event() is None
    client.receive_data(b"kno")
    assert [client.next_event(), client.next_event(), client.next_event()] == [Message(b"ok"), Message(b"no"), None]


def test_a_client_may_be_left_between_answers_only() -> None:
    client = EchoClient()
    client.receive_data(b"o")
    client.receive_eof()
    with pytest.raises(RemoteProtocolError, match="half an answer"):
        client.next_event()
    client = EchoClient()
    client.receive_eof()
    assert client.next_event() is None
