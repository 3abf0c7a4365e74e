"""Our client and our server over real sockets, in both kinds of driver; bytes sent ahead arrive in the tunnel."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address

import pytest
from g3_machine import Machine, RemoteProtocolError
from g3_machine.drivers import handshake, handshake_async
from g3_socks import (
    ClientEvent,
    Connect,
    Credentials,
    Granted,
    Method,
    MethodError,
    Reply,
    ServerEvent,
    Socks4Client,
    Socks5Client,
    SocksServer,
)

PATIENCE = 10.0
LOGIN = Credentials(b"user", b"pass")
BOUND = Granted(IPv4Address("198.51.100.9"), 1080)


def answering(server: SocksServer, event: ServerEvent) -> Connect | None:
    if isinstance(event, Credentials):
        server.authenticate(event == LOGIN)
        return None
    assert isinstance(event, Connect)
    server.grant(BOUND.host, BOUND.port)
    return event


@pytest.mark.parametrize(
    ("client", "asked"),
    [
        (Socks5Client(Connect("a.example", 80), LOGIN), Connect("a.example", 80)),
        (Socks4Client(Connect("a.example", 80, b"me")), Connect("a.example", 80, b"me")),
    ],
)
def test_blocking(client: Machine[ClientEvent], asked: Connect) -> None:
    server = SocksServer(methods=[Method.USERNAME_PASSWORD, Method.NO_AUTHENTICATION])
    here, there = socket.socketpair()
    with here, there, ThreadPoolExecutor(1) as pool:
        here.settimeout(PATIENCE)
        there.settimeout(PATIENCE)
        serving = pool.submit(handshake, server, there, lambda event: answering(server, event))
        assert handshake(client, here, lambda event: event) == (BOUND, b"")
        assert serving.result(PATIENCE) == (asked, b"")


def test_asyncio_with_bytes_sent_ahead() -> None:
    async def scenario() -> None:
        server = SocksServer()
        done: asyncio.Future[tuple[Connect, bytes]] = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async def answer(event: ServerEvent) -> Connect | None:
                return answering(server, event)

            done.set_result(await handshake_async(server, reader, writer, answer))
            writer.write(b"220 host\r\n")
            writer.close()
            await writer.wait_closed()

        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with listener, asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
            client = Socks5Client(Connect("a.example", 25))
            # Greeting, request and the first words of the tunnel in one segment, as a client in a hurry has it.
            writer.write(client.data_to_send() + b"\x05\x01\x00\x03\x09a.example\x00\x19EHLO client\r\n")
            assert await done == (Connect("a.example", 25), b"EHLO client\r\n")
            client.receive_data(await reader.read())
            assert client.next_event() == BOUND
            assert client.take_unread() == b"220 host\r\n"
            writer.close()
            await writer.wait_closed()

    asyncio.run(scenario())


def test_the_client_hears_why_it_is_refused() -> None:
    here, there = socket.socketpair()
    with here, there:
        here.settimeout(PATIENCE)
        there.settimeout(PATIENCE)
        here.sendall(b"\x05\x01\x00")
        with pytest.raises(MethodError):
            handshake(SocksServer(methods=[Method.USERNAME_PASSWORD]), there, lambda event: event)
        assert here.recv(99) == b"\x05\xff"
        here.sendall(b"\x05\x01\x00\x05\x01\x00\x02")
        with pytest.raises(RemoteProtocolError):
            handshake(SocksServer(), there, lambda event: event)
        reply = b"\x05" + bytes((Reply.ADDRESS_TYPE_NOT_SUPPORTED,)) + b"\x00\x01" + bytes(6)
        assert here.recv(99) == b"\x05\x00" + reply
