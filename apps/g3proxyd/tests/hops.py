"""A daemon in front of a next proxy, and next proxies whose every word is the test's."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from proxy import Address, Proxy, origin
from serving import serving

GRANTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Say = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves a connection to a next proxy, of which the first head has been read."""


def through(port: int, **keys: Any) -> dict[str, Any]:
    """An escaper ``out`` that goes through an HTTP proxy at this port."""
    return {"name": "out", "type": "proxy_http", "proxy_addr": f"127.0.0.1:{port}", **keys}


@contextlib.asynccontextmanager
async def chained(port: int, http: dict[str, Any] | None = None, /, **keys: Any) -> AsyncIterator[Proxy]:
    """A daemon with servers ``http`` and ``socks`` in front of the next proxy at this port.

    ``http`` has further keys of the HTTP proxy, ``keys`` are those of the escaper.
    """
    servers = (
        {"name": "http", "type": "http_proxy", "escaper": "out", **(http or {})},
        {"name": "socks", "type": "socks_proxy", "escaper": "out"},
    )
    async with serving(*servers, routes=[through(port, **keys)]) as running:
        yield running


class NextProxy:
    """A next proxy that notes the heads which it gets."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.connections = 0
        self.port = 0

    async def head(self, reader: asyncio.StreamReader) -> bytes:
        """The next head of a connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        return head


@contextlib.asynccontextmanager
async def next_proxy(say: Say) -> AsyncIterator[NextProxy]:
    """Run one."""
    made = NextProxy()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.connections += 1
        await say(await made.head(reader), reader, writer)

    async with origin(serve) as address:
        made.port = address[1]
        yield made


def saying(*words: bytes) -> Say:
    """Answer a head in these pieces, then close."""

    async def say(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for word in words:
            writer.write(word)
            await writer.drain()

    return say


async def echo_tunnel(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Grant the tunnel and be its other end, which begins with a banner and then says what it hears."""
    writer.write(GRANTED + b"SSH-2.0-banner\r\n")
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


async def real_tunnel(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Grant the tunnel and lead it where it is wanted."""
    host, _, port = head.split()[1].decode().rpartition(":")
    to_reader, to_writer = await asyncio.open_connection("127.0.0.1" if host == "origin.test" else host, int(port))
    writer.write(GRANTED)

    async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.write_eof()

    try:
        await asyncio.gather(pass_on(reader, to_writer), pass_on(to_reader, writer))
    finally:
        to_writer.close()


def answering(reply: bytes = OK, further: list[bytes] | None = None) -> Say:
    """Forward requests, all with this answer; tunnels lead where they are wanted.

    ``further`` gets the heads of each connection behind the first one.
    """

    async def say(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if head.startswith(b"CONNECT "):
            await real_tunnel(head, reader, writer)
            return
        while True:
            writer.write(reply)
            head = await reader.readuntil(b"\r\n\r\n")
            if further is not None:
                further.append(head)

    return say


def connect(target: bytes = b"a.test:22", *more: bytes) -> bytes:
    """A CONNECT request."""
    lines = b"".join(line + b"\r\n" for line in more)
    return b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (target, target, lines)


def get(target: bytes, *more: bytes) -> bytes:
    """A GET request in the absolute form."""
    host = target.split(b"/")[2]
    lines = b"".join(line + b"\r\n" for line in more)
    return b"GET %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (target, host, lines)


async def opened(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*address)
