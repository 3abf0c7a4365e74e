"""TLS inside of TLS: bytes, and every way in which the inner or the outer connection ends."""

import asyncio
import contextlib
import random
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from certificates import authority
from g3proxyd.io import inner
from g3proxyd.io.inner import for_tls
from g3proxyd.io.poller import Poller
from g3proxyd.io.relay import RelayHost
from g3proxyd.io.stream import Stream
from g3proxyd.io.timers import Wheel
from g3proxyd.io.tls import TlsStream
from g3proxyd.io.tls_errors import TlsError, TlsFault
from loopback import run, tcp_pair
from tls.peer import NAME, Memory

RESET = struct.pack("ii", 1, 0)


class Layer(Memory):
    """The inner server, whose wire is the outer one's plain bytes."""

    def __init__(self, outer: Memory, context: ssl.SSLContext) -> None:
        super().__init__(outer.sock, context, server_side=True)
        self.outer = outer

    async def flush(self, step: int = 1 << 20) -> None:
        if data := self.out.read():
            await self.outer.write(data)

    async def feed(self) -> None:
        if data := await self.outer.read():
            self.inc.write(data)
        else:
            self.inc.write_eof()


@dataclass
class Scene:
    """Our inner connection, and both layers of the other end."""

    stream: TlsStream
    peer: Layer
    outer: Memory
    outer_stream: Stream


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return authority().issue(NAME).server(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inner, "LOOK_SECONDS", 0.02)


@contextlib.asynccontextmanager
async def scene(server: ssl.SSLContext) -> AsyncIterator[Scene]:
    """Both handshakes are done; at the end both layers have to be closed."""
    loop = asyncio.get_running_loop()
    host = RelayHost(Poller(loop), Wheel(loop, 0.01))
    theirs, ours = tcp_pair()
    outer_stream = TlsStream(host.stream(ours), authority().client(), name=NAME)
    outer = Memory(theirs, server, server_side=True)
    await asyncio.gather(outer_stream.handshake(5), outer.handshake())
    between = for_tls(host, outer_stream)
    assert not isinstance(between, TlsStream)
    stream = TlsStream(between, authority().client(), name=NAME)
    peer = Layer(outer, server)
    await asyncio.gather(stream.handshake(5), peer.handshake())
    yield Scene(stream, peer, outer, outer_stream)
    stream.close()
    theirs.close()
    while outer_stream.fd >= 0:
        await asyncio.sleep(0.005)


def test_a_stream_without_tls_stays_what_it_is() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        host = RelayHost(Poller(loop), Wheel(loop))
        one, other = tcp_pair()
        with other:
            stream = host.stream(one)
            assert for_tls(host, stream) is stream
            stream.close()

    run(main())


def test_bytes_both_ways(server: ssl.SSLContext) -> None:
    async def main() -> None:
        async with scene(server) as s:
            data = random.Random(1).randbytes(1_000_000)

            async def echo() -> None:
                left = len(data)
                while left:
                    piece = await s.peer.read()
                    left -= len(piece)
                    await s.peer.write(piece)

            async def hear() -> bytes:
                heard = b""
                while len(heard) < len(data):
                    heard += await s.stream.receive(5)
                return heard

            _, _, heard = await asyncio.gather(s.stream.send(data, 5), echo(), hear())
            assert heard == data
            s.stream.close()
            assert await s.peer.read_to_end() == b""

    run(main())


def test_the_inner_end_is_a_half_close(server: ssl.SSLContext) -> None:
    async def main() -> None:
        async with scene(server) as s:
            s.stream.send_eof()
            assert await s.peer.read_to_end() == b""
            assert await s.outer.read() == b""
            for _ in range(3):
                await asyncio.sleep(0.03)  # longer than between two looks
                await s.peer.write(b"more")
                assert await s.stream.receive(5) == b"more"
            await s.peer.end()
            await s.outer.end()
            assert await s.stream.receive(5) == b""
            s.stream.close()

    run(main())


def test_an_inner_connection_that_is_closed_takes_the_outer_one_along(server: ssl.SSLContext) -> None:
    """The other end says nothing, and closes nothing."""

    async def main() -> None:
        async with scene(server) as s:
            await s.stream.send(b"last words", 5)
            s.stream.close()
            assert await s.peer.read_to_end() == b"last words"
            assert await s.outer.read() == b""
            while s.outer_stream.fd >= 0:
                await asyncio.sleep(0.005)

    run(main())


def test_an_inner_connection_that_is_closed_before_a_peer_that_takes_nothing(server: ssl.SSLContext) -> None:
    async def main() -> None:
        async with scene(server) as s:
            while s.stream.write(bytes(1 << 16)):
                await asyncio.sleep(0)
            s.stream.abort()
            while s.outer_stream.fd >= 0:
                await asyncio.sleep(0.005)

    run(main())


def test_the_peers_end(server: ssl.SSLContext) -> None:
    async def main() -> None:
        async with scene(server) as s:
            await s.peer.write(b"all")
            await s.peer.end()
            await s.outer.end()
            assert await s.stream.receive(5) == b"all"
            assert await s.stream.receive(5) == b""
            await s.stream.send(b"and ours", 5)
            assert await s.peer.read() == b"and ours"
            s.stream.close()

    run(main())


@pytest.mark.parametrize("how", ["outer end", "fin", "reset", "garbage"])
def test_an_early_end_is_none(server: ssl.SSLContext, how: str) -> None:
    """Nobody but the inner server can say that all has come."""

    async def main() -> None:
        async with scene(server) as s:
            await s.peer.write(b"a part")
            assert await s.stream.receive(5) == b"a part"
            match how:
                case "outer end":
                    await s.outer.end()
                case "fin":
                    s.outer.sock.shutdown(socket.SHUT_WR)
                case "reset":
                    s.outer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    s.outer.sock.close()
                case _:
                    await asyncio.get_running_loop().sock_sendall(s.outer.sock, bytes(100))
            with pytest.raises(TlsError) as caught:
                await s.stream.receive(5)
            assert caught.value.fault is TlsFault.TRUNCATED
            s.stream.close()

    run(main())


def test_an_end_while_nobody_waits_is_a_surprise(server: ssl.SSLContext) -> None:
    """So that such a connection is not used for another request."""

    async def main() -> None:
        async with scene(server) as s:
            s.stream.watch()
            await asyncio.sleep(0.03)
            assert not s.stream.surprised
            await s.outer.end()
            while not s.stream.surprised:
                await asyncio.sleep(0)
            s.stream.close()

    run(main())
