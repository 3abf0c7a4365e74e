"""Handing the listening sockets over: both sides, and the faults of each."""

import asyncio
import json
import os
import socket
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from g3proxyd.supervisor import descriptors, handover
from g3proxyd.supervisor.handover import HandoverError, Predecessor, give, tell
from g3proxyd.supervisor.sockets import Key

PATIENCE = 10.0


def run(main: Coroutine[Any, Any, None]) -> None:
    """On the kind of event loop that a supervisor has."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(main)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The old daemon's end, non-blocking, and the successor's."""
    old, new = socket.socketpair()
    with old, new:
        old.setblocking(False)
        new.settimeout(PATIENCE)
        yield old, new


def listening(count: int) -> dict[Key, socket.socket]:
    return {Key("127.0.0.1:1 {}", index): socket.create_server(("127.0.0.1", 0)) for index in range(count)}


def close_all(sockets: dict[Key, socket.socket]) -> None:
    for sock in sockets.values():
        sock.close()


def test_many_sockets_change_hands(ends: tuple[socket.socket, socket.socket]) -> None:
    old, new = ends
    sockets = listening(450)
    predecessor = Predecessor(new)

    def succeed() -> list[Key]:
        predecessor.take()
        kept = sorted(predecessor.sockets)[:3]
        predecessor.release(kept)
        return kept

    async def main() -> None:
        with ThreadPoolExecutor(1) as pool:
            successor = asyncio.get_running_loop().run_in_executor(pool, succeed)
            kept = await give(old, b"", sockets)
            await tell(old, {"op": "going"})
            assert await successor == kept
        assert predecessor.pid == os.getpid()
        addresses = {key: sock.getsockname() for key, sock in predecessor.sockets.items()}
        assert addresses == {key: sock.getsockname() for key, sock in sockets.items()}

    try:
        run(main())
    finally:
        close_all(sockets)
        predecessor.close()


def test_a_successor_may_close_as_soon_as_it_has_heard_the_last_word(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = ends
    send = descriptors.send

    def send_and_lose(*arguments: Any) -> int:
        sent = send(*arguments)
        new.close()
        return sent

    monkeypatch.setattr(descriptors, "send", send_and_lose)
    run(tell(old, {"op": "going"}))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", "the successor has given up"),
        (b'{"op": "take"}\n', "the successor has given up"),
        (b'{"op": "give"}\n', "does not begin as it should"),
        (b'{"op": "take"}\n{"op": "go"}\n', "says what nobody understands"),
        (b'{"op": "take"}\n{"op": "ready", "kept": 1}\n', "says what nobody understands"),
        (b'{"op": "take"}\n{"op": "ready", "kept": [1]}\n', "says what nobody understands"),
        (b'{"op": "take"}\nready\n', "says what nobody understands"),
        (b"x" * 100, "has no end"),
    ],
)
def test_a_strange_successor(
    said: bytes, reason: str, ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = ends
    monkeypatch.setattr(handover, "MAX_LINE", 90)
    new.sendall(said)
    new.shutdown(socket.SHUT_WR)
    sockets = listening(1)

    async def main() -> None:
        with pytest.raises(HandoverError, match=reason):
            await give(old, b"", sockets)

    try:
        run(main())
    finally:
        close_all(sockets)


def test_a_silent_successor(ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "PATIENCE", 0.01)

    async def main() -> None:
        with pytest.raises(HandoverError, match="was not ready within"):
            await give(ends[0], b'{"op": "take"}\n', {})

    run(main())


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", "it closed the connection"),
        (b'{"op": "refused", "reason": "not now"}\n', "does not hand over: not now"),
        (b'{"op": "sockets", "keys": [["x", 1]]}\n', "says what nobody understands"),
        (b"[]\n", "says what nobody understands"),
        (b"{\n", "did not hand its sockets over"),
    ],
)
def test_a_strange_predecessor(said: bytes, reason: str, ends: tuple[socket.socket, socket.socket]) -> None:
    old, new = ends
    old.send(said)
    old.shutdown(socket.SHUT_WR)
    with pytest.raises(HandoverError, match=reason):
        Predecessor(new).take()
    assert new.fileno() < 0


@pytest.mark.parametrize("answer", [None, {"op": "staying"}])
def test_a_predecessor_that_stays(answer: object, ends: tuple[socket.socket, socket.socket]) -> None:
    old, new = ends
    if answer is not None:
        old.send(json.dumps(answer).encode() + b"\n")
    old.shutdown(socket.SHUT_WR)
    with pytest.raises(HandoverError, match=r"stays|gave no answer"):
        Predecessor(new).release([])
