"""Two machines in memory."""

import pytest
from g3_machine.testing import Pair
from g3_machine.testing._echo import EchoClient, EchoServer, Goodbye, Message


def accept(server: EchoServer, event: object) -> bool:
    if isinstance(event, Goodbye):
        return True
    server.accept()
    return False


@pytest.mark.parametrize("split", [None, 1, 3])
def test_a_conversation(split: int | None) -> None:
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


class Recorder(EchoServer):
    """Notes in which pieces its bytes came."""

    __slots__ = ("pieces",)

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        self.pieces.append(bytes(data))
        super().receive_data(data)


@pytest.mark.parametrize(("split", "pieces"), [(None, [b"\x03one"]), (3, [b"\x03on", b"e"])])
def test_the_pieces_have_the_size_that_was_asked_for(split: int | None, pieces: list[bytes]) -> None:
    pair = Pair(EchoClient(), Recorder(), split=split)
    pair.client.say(b"one")
    pair.run(on_server=accept)
    assert pair.server.pieces == pieces


def test_only_the_server_may_have_something_to_say() -> None:
    pair = Pair(EchoClient(), EchoServer())
    pair.server.receive_data(b"\x01a")
    pair.run(on_server=accept)
    assert pair.client_events == [Message(b"ok")]
