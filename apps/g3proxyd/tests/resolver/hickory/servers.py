"""What the tests of the transports share: name servers that misbehave, and the parts that a transport is made of."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest
from dns.rdatatype import A, RdataType
from g3_dns import Failure, Question, Response, Server, question_for, read_answer
from g3proxyd.io.poller import Poller
from g3proxyd.io.timers import Wheel
from g3proxyd.resolver.hickory.sockets import ServerSockets
from g3proxyd.resolver.hickory.tcp import TcpConnector
from g3proxyd.resolver.hickory.transport import NoReplyError, Transport
from resolver.dns_server import DnsServer

Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Parts:
    """A poller and a wheel for the length of a block, and what is made with them."""

    def __init__(self) -> None:
        self.poller = Poller(asyncio.get_running_loop())
        self.wheel = Wheel(asyncio.get_running_loop())

    def __enter__(self) -> "Parts":
        return self

    def __exit__(self, *_: object) -> None:
        assert len(self.poller) == 0, "a socket is still watched"
        assert len(self.wheel) == 0, "something is still waited for"
        self.poller.close()

    def connector(self, server: Server, sockets: ServerSockets | None = None) -> TcpConnector:
        return TcpConnector(self.poller, self.wheel, server, sockets or ServerSockets())


def address_of(server: DnsServer) -> Server:
    host, _, port = server.address.rpartition(":")
    return Server(ip_address(host.strip("[]")), int(port))


@asynccontextmanager
async def conversing(
    converse: Converse, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    """A TCP server that does with each connection what the test says; it is closed behind that."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await converse(reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, host, 0, ssl=tls)
    try:
        yield Server(ip_address(host), listener.sockets[0].getsockname()[1])
    finally:
        listener.close()
        await asyncio.sleep(0)


async def read_query(reader: asyncio.StreamReader) -> bytes:
    (size,) = struct.unpack("!H", await reader.readexactly(2))
    return await reader.readexactly(size)


def frame(message: bytes) -> bytes:
    return struct.pack("!H", len(message)) + message


def question(name: str = "a.test", type_: RdataType = A) -> Question:
    return question_for(name, type_)


async def ask(transport: Transport, name: str = "a.test", type_: RdataType = A) -> str:
    """What the server says, as text."""
    asked = question(name, type_)
    response = await transport.ask(asked)
    assert isinstance(response, Response)
    return str(read_answer(response.message, asked))


async def fail(transport: Transport, name: str = "a.test") -> tuple[Failure, str]:
    with pytest.raises(NoReplyError) as caught:
        await transport.ask(question(name))
    return caught.value.failure, caught.value.detail
