"""A QUIC stream as its users see it: waits, put-back, ends and errors, with a session that does as it is told."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any, cast

import pytest
from g3proxyd.io.poller import Poller
from g3proxyd.io.quic_session import QuicSession
from g3proxyd.io.quic_stream import QuicStream
from g3proxyd.io.relay import RelayHost
from g3proxyd.io.timers import Wheel
from loopback import run


class Session:
    """What a stream wants of its session, written down."""

    local = ("192.0.2.1", 443)

    def __init__(self, host: RelayHost, sock: socket.socket) -> None:
        self.host = host
        self.sock = sock
        self.room = True
        self.said: list[Any] = []
        self.taken_bytes = 0

    def send(self, stream: QuicStream, data: bytes, *, end: bool = False) -> None:
        self.said.append("end" if end else data)

    def has_room(self, stream: QuicStream) -> bool:
        return self.room

    def taken(self, stream: QuicStream, size: int) -> None:
        self.taken_bytes += size

    def reset(self, stream: QuicStream) -> None:
        self.said.append("reset")

    def leave(self, stream: QuicStream, unread: int) -> None:
        self.said.append(("leave", unread))


@contextlib.contextmanager
def stream() -> Iterator[tuple[QuicStream, Session]]:
    loop = asyncio.get_running_loop()
    poller = Poller(loop)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        session = Session(RelayHost(poller, Wheel(loop, 0.01)), sock)
        yield QuicStream(cast(QuicSession, session), 4), session
    poller.close()


def test_what_comes_is_read_once_and_counted() -> None:
    async def main() -> None:
        with stream() as (made, session):
            assert (made.bare, made.at_hand, made.local_address()) == (False, False, ("192.0.2.1", 443))
            assert made.read() is None
            waiting = asyncio.ensure_future(made.receive(5.0, 3))
            await asyncio.sleep(0)
            made.arrived(b"hello", False)
            assert await waiting == b"hel"
            made.unread(b"hel")
            assert await made.receive(5.0) == b"hel"
            assert (await made.receive(5.0), made.received, session.taken_bytes) == (b"lo", 5, 5)
            made.arrived(b"last", True)
            await made.readable(5.0)
            assert made.read() == b"last"
            assert made.read() == made.read() == b""

    run(main())


def test_a_wait_has_an_end() -> None:
    async def main() -> None:
        with stream() as (made, session):
            with pytest.raises(TimeoutError):
                await made.receive(0.02)
            session.room = False
            assert not made.write(b"much")
            with pytest.raises(TimeoutError):
                await made.drain(0.02)
            waiting = asyncio.ensure_future(made.drain(5.0))
            await asyncio.sleep(0)
            assert made.wants_room
            made.progress()  # of no use yet
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            session.room = True
            made.progress()
            await waiting
            assert not made.wants_room
            await made.send(b"more", 5.0)
            assert (session.said, made.sent) == ([b"much", b"more"], 8)

    run(main())


def test_what_comes_while_nobody_receives_is_a_surprise() -> None:
    async def main() -> None:
        with stream() as (made, _):
            made.arrived(b"before", False)
            assert not made.surprised
            made.watch()
            assert made.surprised
            assert made.read() == b"before"
            assert not made.surprised
            made.arrived(b"", True)
            assert made.surprised

    run(main())


def test_a_reset_of_the_peer_is_an_error_whatever_has_come() -> None:
    async def main() -> None:
        with stream() as (made, session):
            made.arrived(b"half", False)
            made.fail(ConnectionResetError())
            with pytest.raises(ConnectionResetError):
                await made.receive(5.0)
            assert made.write(b"our half goes on")
            made.stop(BrokenPipeError())
            for step in (lambda: made.write(b"x"), made.send_eof):
                with pytest.raises(BrokenPipeError):
                    step()
            with pytest.raises(BrokenPipeError):
                await made.drain(5.0)
            made.close()
            assert session.said == [b"our half goes on", ("leave", 0)]

    run(main())


@pytest.mark.parametrize("abort", [False, True])
def test_the_end(abort: bool) -> None:
    async def main() -> None:
        with stream() as (made, session):
            made.arrived(b"unread", False)
            session.room = False
            draining = asyncio.ensure_future(made.drain(5.0))
            await asyncio.sleep(0)
            for _ in range(2):
                made.abort() if abort else made.close()
            assert session.said == ["reset" if abort else "end", ("leave", 6)]
            with pytest.raises(ConnectionAbortedError):
                await draining
            with pytest.raises(ConnectionAbortedError):
                made.write(b"x")

    run(main())


def test_nothing_goes_behind_the_end() -> None:
    async def main() -> None:
        with stream() as (made, session):
            made.send_eof()
            made.send_eof()
            with pytest.raises(BrokenPipeError):
                made.write(b"x")
            made.close()
            assert session.said == ["end", ("leave", 0)]
            with pytest.raises(TypeError):
                made.detach()

    run(main())
