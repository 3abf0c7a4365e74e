"""Handshakes over asyncio streams."""

import asyncio
import socket
from typing import cast

import pytest
from g3_machine import RemoteProtocolError
from g3_machine.drivers import handshake_async
from g3_machine.testing._echo import EchoServer, Goodbye, Message


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, bytes]:
    machine = EchoServer()

    async def answer(event: Message | Goodbye) -> str | None:
        await asyncio.sleep(0)
        if isinstance(event, Goodbye):
            return "over"
        if event.text == b"boom":
            raise ZeroDivisionError
        machine.accept()
        return None

    return await handshake_async(machine, reader, writer, answer)


async def server(sock: socket.socket) -> tuple[str, bytes]:
    reader, writer = await asyncio.open_connection(sock=sock)
    try:
        return await serve(reader, writer)
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


class Writer:
    """Stands for a StreamWriter; notes what is written, and None where the peer's pace is waited for."""

    def __init__(self) -> None:
        self.said: list[bytes | None] = []

    def write(self, data: bytes) -> None:
        self.said.append(data)

    async def drain(self) -> None:
        self.said.append(None)


def test_the_peers_pace_is_waited_for() -> None:
    writer = Writer()

    async def run() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(b"\x01a\xff")
        with pytest.raises(RemoteProtocolError):
            await serve(reader, cast("asyncio.StreamWriter", writer))

    asyncio.run(run())
    assert writer.said == [b"ok", None, b"no", None]


def test_a_read_takes_64_kib() -> None:
    async def run() -> tuple[bytes, bytes]:
        reader = asyncio.StreamReader()
        reader.feed_data(b"\x00" + b"a" * 65535 + b"b")
        _, early = await serve(reader, cast("asyncio.StreamWriter", Writer()))
        return early, await reader.read(2)

    assert asyncio.run(run()) == (b"a" * 65535, b"b")
