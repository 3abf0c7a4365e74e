"""Two machines in memory."""

import pytest
from g3_machine.testing import Pair
from g3_machine.testing._echo import EchoClient, EchoServer, Goodbye, Message


def accept(server: EchoServer, event: object) -> bool:
    if isinstance(event, Goodbye):
        return True
    server.accept()
    return False


@pytest.mark.parametrize("split", [0, 1, 3])
def test_a_conversation(split: int) -> None:
    pair = Pair(EchoClient(), EchoServer(), split=split)
    pair.client.say(b"one")
    pair.client.say(b"two")
    pair.client.say(b"")
    pair.client.say(b"late")
    pair.run(on_server=accept)
    assert pair.server_events == [Message(b"one"), Message(b"two"), Goodbye()]
    assert pair.client_events == [Message(b"ok"), Message(b"ok")]
    assert pair.server.take_unread() == b"\x04late"


def test_a_conversation_that_never_ends() -> None:
    pair = Pair(EchoClient(), EchoServer())
    pair.client.say(b"x")
    with pytest.raises(AssertionError, match="still talking after 1000 turns"):
        pair.run(on_client=lambda client, event: client.say(b"x"), on_server=accept)
