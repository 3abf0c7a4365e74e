"""UDP on the loopback for the tests: peers, and a SOCKS5 client that says what it is told to say."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from g3_machine.drivers import handshake_async
from g3_socks import ClientEvent, Datagram, Granted, Socks5Client, UdpAssociate, pack_header, parse_datagram
from g3proxyd.server.socks_proxy import SocksProxyServer
from loopback import PATIENCE
from proxy import Proxy

Host = str | IPv4Address | IPv6Address
Address = Any


def bound(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A non-blocking UDP socket with room for what a test sends at once."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((host, port))
    sock.setblocking(False)
    return sock


async def receive(sock: socket.socket) -> tuple[bytes, Address]:
    """The next datagram and its source."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            return sock.recvfrom(1 << 16)
        except BlockingIOError:
            pass
        readable = asyncio.Event()
        loop.add_reader(sock, readable.set)
        try:
            async with asyncio.timeout(PATIENCE):
                await readable.wait()
        finally:
            loop.remove_reader(sock)


@contextlib.contextmanager
def peer(host: str = "127.0.0.1", answer: Callable[[bytes], bytes] = bytes, port: int = 0) -> Iterator[Address]:
    """A peer that answers each datagram, with what came unless told otherwise; its address."""
    loop = asyncio.get_running_loop()
    sock = bound(host, port)

    def readable() -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                data, source = sock.recvfrom(1 << 16)
                sock.sendto(answer(data), source)

    loop.add_reader(sock, readable)
    try:
        yield sock.getsockname()
    finally:
        loop.remove_reader(sock)
        sock.close()


class UdpClient:
    """One association of a client: its TCP connection, and a socket for datagrams."""

    relay = ("", 0)

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sock: socket.socket) -> None:
        self.reader = reader
        self.writer = writer
        self.sock = sock

    def send(self, host: Host, port: int, payload: bytes) -> None:
        """Send one datagram through the proxy."""
        self.say(pack_header(host, port) + payload)

    def say(self, raw: bytes) -> None:
        """Send these very bytes to the proxy."""
        self.sock.sendto(raw, self.relay)

    async def receive(self) -> Datagram:
        """The next datagram from the proxy."""
        data, source = await receive(self.sock)
        assert source[:2] == self.relay
        return parse_datagram(data)

    async def exchange(self, host: Host, port: int, payload: bytes) -> tuple[Host, int, bytes]:
        """Send one datagram and wait for one."""
        self.send(host, port, payload)
        answer = await self.receive()
        return answer.host, answer.port, bytes(answer.payload)

    async def ended(self) -> bytes:
        """What the proxy says on the TCP connection up to its end."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""


@contextlib.asynccontextmanager
async def associated(
    proxy: tuple[str, int], request: UdpAssociate | None = None, local: str = "127.0.0.1"
) -> AsyncIterator[UdpClient]:
    """A client whose request for UDP the proxy has granted."""
    reader, writer = await asyncio.open_connection(*proxy)
    sock = bound(local)

    async def answer(event: ClientEvent) -> Granted:
        assert isinstance(event, Granted)
        return event

    client = UdpClient(reader, writer, sock)
    try:
        asked = request or UdpAssociate(IPv4Address(0), 0)
        granted, _ = await handshake_async(Socks5Client(asked), reader, writer, answer)
        client.relay = (str(granted.host), granted.port)
        yield client
    finally:
        client.sock.close()
        writer.close()


def socks_server(p: Proxy) -> SocksProxyServer:
    """The SOCKS server of a running daemon."""
    assert p.worker.modules is not None
    server = p.worker.modules.servers["socks"]
    assert isinstance(server, SocksProxyServer)
    return server
