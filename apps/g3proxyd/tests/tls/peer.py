"""A TLS stream and its peer, whose every byte on the wire is ours to choose."""

import asyncio
import contextlib
import socket
import ssl
from typing import Any

from certificates import authority
from g3proxyd.io.poller import Poller
from g3proxyd.io.stream import Stream
from g3proxyd.io.timers import Wheel
from g3proxyd.io.tls import TlsStream
from loopback import tcp_pair

NAME = "origin.test"


class Memory:
    """A TLS peer in memory over a raw socket: every byte that goes to the wire is ours to choose."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, *, server_side: bool = False) -> None:
        self.sock = sock
        self.inc, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.inc, self.out, server_side, None if server_side else NAME)

    async def flush(self, step: int = 1 << 20) -> None:
        data = self.out.read()
        for start in range(0, len(data), step):
            await asyncio.get_running_loop().sock_sendall(self.sock, data[start : start + step])
            if step < len(data):
                await asyncio.sleep(0)

    async def feed(self) -> None:
        data = await asyncio.get_running_loop().sock_recv(self.sock, 65536)
        if data:
            self.inc.write(data)
        else:
            self.inc.write_eof()

    async def handshake(self, step: int = 1 << 20) -> None:
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await self.flush(step)
                await self.feed()
            else:
                await self.flush(step)
                return

    async def read(self) -> bytes:
        """Some bytes, or b"" at TLS's end."""
        while True:
            try:
                return self.tls.read(65536)
            except ssl.SSLWantReadError:
                await self.feed()
            except ssl.SSLZeroReturnError:
                return b""

    async def read_to_end(self) -> bytes:
        data = b""
        while piece := await self.read():
            data += piece
        return data

    async def write(self, data: bytes) -> None:
        self.tls.write(data)
        await self.flush()

    async def end(self) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        await self.flush()


def make(
    context: ssl.SSLContext, *, server_side: bool = True, tick: float = 0.01, early: bytes = b"", **more: Any
) -> tuple[TlsStream, socket.socket, Wheel]:
    """A TLS stream, the socket of its peer, and the wheel."""
    loop = asyncio.get_running_loop()
    peer, sock = tcp_pair()
    wheel = Wheel(loop, tick)
    stream = Stream(Poller(loop), sock, wheel)
    stream.unread(early)
    if not server_side:
        more.setdefault("name", NAME)
    return TlsStream(stream, context, server_side=server_side, **more), peer, wheel


async def connected(server: ssl.SSLContext, client: ssl.SSLContext | None = None) -> tuple[TlsStream, Memory]:
    """A TLS stream as the server, and its peer, after the handshake."""
    stream, sock, _ = make(server)
    peer = Memory(sock, client or authority().client())
    await asyncio.gather(stream.handshake(5), peer.handshake())
    return stream, peer
