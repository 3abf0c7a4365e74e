"""PySocks, a client that is not ours, against our server, over loopback."""

import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from g3_machine.drivers import handshake
from g3_socks import (
    Connect,
    Credentials,
    Method,
    Reply,
    Request,
    ServerEvent,
    SocksServer,
    UdpAssociate,
    pack_header,
    parse_datagram,
)

socks: Any = pytest.importorskip("socks")

PATIENCE = 10.0
BOUND = ("127.0.0.1", 4711)


def serve(listener: socket.socket, refusal: Reply | None, relay: socket.socket | None) -> list[ServerEvent]:
    """Serve one client; return what it asked. A tunnel says everything back in capitals, a relay each datagram."""
    events: list[ServerEvent] = []
    server = SocksServer(methods=[Method.USERNAME_PASSWORD, Method.NO_AUTHENTICATION])

    def answer(event: ServerEvent) -> bool | None:
        events.append(event)
        if isinstance(event, Credentials):
            ok = event == Credentials(b"user", b"pass")
            server.authenticate(ok)
            return None if ok else False
        if refusal is not None:
            server.refuse(refusal)
            return False
        server.grant(*(relay.getsockname() if relay else BOUND))
        return True

    client, _ = listener.accept()
    with client:
        client.settimeout(PATIENCE)
        granted, early = handshake(server, client, answer)
        if granted and relay:
            data, source = relay.recvfrom(2048)
            datagram = parse_datagram(data)
            relay.sendto(pack_header(datagram.host, datagram.port) + bytes(datagram.payload).upper(), source)
        elif granted:
            client.sendall((early or client.recv(99)).upper())
        with suppress(ConnectionResetError):  # PySocks closes without having read the whole of a refusal
            client.recv(1)
    return events


@contextmanager
def proxy(
    *, refusal: Reply | None = None, relay: socket.socket | None = None
) -> Iterator[tuple[tuple[str, int], "Future[list[ServerEvent]]"]]:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        listener.settimeout(PATIENCE)
        yield listener.getsockname(), pool.submit(serve, listener, refusal, relay)


@pytest.mark.parametrize(
    ("version", "target", "options", "events"),
    [
        ("SOCKS4", ("192.0.2.1", 80), {}, [Connect(IPv4Address("192.0.2.1"), 80, b"")]),
        ("SOCKS4", ("192.0.2.1", 80), {"username": "me"}, [Connect(IPv4Address("192.0.2.1"), 80, b"me")]),
        ("SOCKS4", ("a.example", 443), {}, [Connect("a.example", 443, b"")]),
        ("SOCKS5", ("192.0.2.1", 80), {}, [Connect(IPv4Address("192.0.2.1"), 80)]),
        ("SOCKS5", ("2001:db8::1", 80), {}, [Connect(IPv6Address("2001:db8::1"), 80)]),
        (
            "SOCKS5",
            ("bücher.example", 443),
            {},
            [Connect("xn--bcher-kva.example", 443)],
        ),
        (
            "SOCKS5",
            ("a.example", 443),
            {"username": "user", "password": "pass"},
            [Credentials(b"user", b"pass"), Connect("a.example", 443)],
        ),
    ],
)
def test_connect(version: str, target: tuple[str, int], options: dict[str, str], events: list[Request]) -> None:
    with proxy() as (address, served), socks.socksocket() as client:
        client.settimeout(PATIENCE)
        client.set_proxy(getattr(socks, version), *address, rdns=True, **options)
        client.connect(target)
        assert client.get_proxy_sockname() == BOUND
        client.sendall(b"hello")
        assert client.recv(99) == b"HELLO"
        client.close()
        assert served.result(PATIENCE) == events


@pytest.mark.parametrize(
    ("version", "code", "text"),
    [
        ("SOCKS5", Reply.CONNECTION_REFUSED, "0x05: Connection refused"),
        ("SOCKS5", Reply.NOT_ALLOWED, "0x02: Connection not allowed by ruleset"),
        ("SOCKS5", Reply.CONNECTION_TIMED_OUT, "0x09: Unknown error"),
        ("SOCKS4", Reply.CONNECTION_REFUSED, "0x5b: Request rejected or failed"),
    ],
)
def test_refusals(version: str, code: Reply, text: str) -> None:
    with proxy(refusal=code) as (address, served), socks.socksocket() as client:
        client.settimeout(PATIENCE)
        client.set_proxy(getattr(socks, version), *address, rdns=True)
        with pytest.raises(socks.ProxyError, match=text):
            client.connect(("a.example", 80))
        assert len(served.result(PATIENCE)) == 1


def test_wrong_password() -> None:
    with proxy() as (address, served), socks.socksocket() as client:
        client.settimeout(PATIENCE)
        client.set_proxy(socks.SOCKS5, *address, username="user", password="wrong")
        with pytest.raises(socks.ProxyError, match="SOCKS5 authentication failed"):
            client.connect(("192.0.2.1", 80))
        assert served.result(PATIENCE) == [Credentials(b"user", b"wrong")]


@pytest.mark.parametrize("target", [("192.0.2.1", 53), ("a.example", 53)])
def test_udp(target: tuple[str, int]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as relay:
        relay.settimeout(PATIENCE)
        relay.bind(("127.0.0.1", 0))
        with proxy(relay=relay) as (address, served):
            with socks.socksocket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(PATIENCE)
                client.set_proxy(socks.SOCKS5, *address, rdns=True)
                client.sendto(b"query", target)
                port = client.getsockname()[1]
                data, source = client.recvfrom(99)
                assert data == b"QUERY"
                assert source in (target, (target[0].encode(), target[1]))  # PySocks leaves names as bytes
            assert served.result(PATIENCE) == [UdpAssociate(IPv4Address("0.0.0.0"), port)]
