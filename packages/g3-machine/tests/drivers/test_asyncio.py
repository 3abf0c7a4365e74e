"""Handshakes over asyncio streams."""

import asyncio
import socket

from g3_machine import RemoteProtocolError
from g3_machine.drivers import handshake_async
from g3_machine.testing._echo import EchoServer, Goodbye, Message


async def server(sock: socket.socket) -> tuple[str, bytes]:
    reader, writer = await asyncio.open_connection(sock=sock)
    machine = EchoServer()

    async def answer(event: Message | Goodbye) -> str | None:
        await asyncio.sleep(0)
        if isinstance(event, Goodbye):
            return "over"
        if event.text == b"boom":
            raise ZeroDivisionError
        machine.accept()
        return None

    try:
        return await handshake_async(machine, reader, writer, answer)
    finally:
        writer.close()


def play(said: bytes, *, end: bool = False) -> tuple[tuple[str, bytes] | BaseException, bytes]:
    here, there = socket.socketpair()
    with there:
        there.settimeout(5)
        there.sendall(said)
        if end:
            there.shutdown(socket.SHUT_WR)
        try:
            result: tuple[str, bytes] | BaseException = asyncio.run(server(here))
        except (RemoteProtocolError, ZeroDivisionError) as error:
            result = error
        return result, there.recv(99)


def test_the_result_comes_with_the_bytes_behind_the_handshake() -> None:
    assert play(b"\x01a\x00early") == (("over", b"early"), b"ok")


def test_a_fault_reaches_the_peer() -> None:
    error, answer = play(b"\xff")
    assert isinstance(error, RemoteProtocolError)
    assert answer == b"no"


def test_the_end_of_the_stream_is_told_to_the_machine() -> None:
    error, answer = play(b"\x02a", end=True)
    assert isinstance(error, RemoteProtocolError)
    assert "middle" in str(error)
    assert answer == b""


def test_an_answer_that_fails_is_raised() -> None:
    error, answer = play(b"\x01a\x04boom")
    assert isinstance(error, ZeroDivisionError)
    assert answer == b"ok"
