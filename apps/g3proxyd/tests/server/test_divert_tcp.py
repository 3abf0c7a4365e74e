"""Connections that are handed to a fixed place: what it is told of each."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from certificates import authority
from g3_proxyproto import G3Values, Header, HeaderReader, Inet, parse_g3
from hops import connect, get
from loopback import run
from proxy import Address, Proxy, origin, read_response, talk
from serving import serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


Test = Callable[[Proxy, "Place"], Coroutine[Any, Any, None]]


class Place:
    """Where connections are handed to; it answers requests itself, and says what else it hears, or has that done."""

    def __init__(self, inside: Address | None = None) -> None:
        self.headers: list[Header] = []
        self._inside = inside

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        machine = HeaderReader()
        while (header := machine.next_event()) is None:
            machine.receive_data(await reader.readexactly(1))
        self.headers.append(header)
        if self._inside is None:
            await answer(reader, writer)
            return
        inner_reader, inner_writer = await asyncio.open_connection(*self._inside)
        await asyncio.gather(pipe(reader, inner_writer), pipe(inner_reader, writer))

    def told(self, number: int = 0) -> G3Values:
        return parse_g3(self.headers[number].tlvs)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        if line.startswith(b"GET "):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)
        else:
            writer.write(line)


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


def diverted(
    test: Callable[[Proxy, Place], Coroutine[Any, Any, None]],
    *more: dict[str, Any],
    inside: ssl.SSLContext | None = None,
) -> None:
    async def main() -> None:
        tls = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=inside)
        place = Place(None if inside is None else tls.sockets[0].getsockname())
        async with tls, origin(place.serve) as (host, port):
            servers = (
                {
                    "name": "http",
                    "type": "http_proxy",
                    "escaper": "direct",
                    "server_id": "a",
                    **(more[0] if more else {}),
                },
                *more[1:],
            )
            escaper = {"type": "divert_tcp", "proxy_addr": f"{host}:{port}"}
            async with serving(*servers, escaper=escaper) as p:
                await test(p, place)

    run(main())


def test_a_tunnel() -> None:
    async def test(p: Proxy, place: Place) -> None:
        reader, writer = await asyncio.open_connection(*p.http)
        writer.write(connect(b"a.test:22"))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        writer.close()
        record = await p.task_record()
        (header,) = place.headers
        host, port = writer.get_extra_info("sockname")
        assert (header.version, header.source) == (2, Inet(ip_address(host), port))
        assert header.destination == Inet(ip_address(p.http[0]), p.http[1])
        assert place.told() == G3Values(upstream="a.test:22", task_id=bytes.fromhex(record["task_id"].replace("-", "")))
        assert len(header.tlvs) == 2

    diverted(test)


def test_requests_for_different_hosts_do_not_share_a_connection() -> None:
    async def test(p: Proxy, place: Place) -> None:
        reader, writer = await asyncio.open_connection(*p.http)
        for target in (b"http://a.test/", b"http://a.test/", b"http://[2001:db8::1]:81/"):
            writer.write(get(target))
            assert (await read_response(reader))[1] == b"ok"
        writer.close()
        assert [place.told(number).upstream for number in range(len(place.headers))] == [
            "a.test:80",
            "[2001:db8::1]:81",
        ]

    diverted(test)


def test_tls_that_begins_here(tmp_path: Path) -> None:
    leaf = authority().issue("a.test")
    (tmp_path / "ca.pem").write_bytes(authority().pem)
    pair = leaf.write(tmp_path, "a")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*pair)
    client = {"ca_certificate": str(tmp_path / "ca.pem"), "no_default_ca_certificate": True}

    async def test(p: Proxy, place: Place) -> None:
        assert (await talk(p.http, get(b"https://a.test/", b"Connection: close"))).endswith(b"ok")
        reader, writer = await asyncio.open_connection(*p.addresses["stream"])
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        writer.close()
        site = b"GET / HTTP/1.1\r\nHost: c.test\r\nConnection: close\r\n\r\n"
        assert (await talk(p.addresses["sites"], site)).endswith(b"ok")
        told = [place.told(number) for number in range(3)]
        assert [(each.upstream, each.tls_name) for each in told] == [
            ("a.test:443", "a.test"),
            ("192.0.2.9:443", "a.test"),
            ("b.test:443", "a.test"),
        ]

    stream = {
        "name": "stream",
        "type": "tcp_stream",
        "escaper": "direct",
        "upstream": "192.0.2.9:443",
        "tls_client": client,
        "upstream_tls_name": "a.test",
    }
    site = {"exact_match": "c.test", "upstream": "b.test:443", "tls_client": client, "tls_name": "a.test"}
    sites = {"name": "sites", "type": "http_rproxy", "escaper": "direct", "hosts": [site]}
    diverted(test, {"tls_client": client}, stream, sites, inside=context)


def test_addresses_that_a_header_in_front_tells() -> None:
    async def test(p: Proxy, place: Place) -> None:
        reader, writer = await asyncio.open_connection(*p.addresses["port"])
        writer.write(b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n" + connect(b"a.test:22"))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        writer.close()
        assert place.headers[0].source == Inet(ip_address("2001:db8::1"), 1)
        assert place.headers[0].destination == Inet(ip_address("2001:db8::2"), 2)

    diverted(test, {}, {"name": "port", "type": "plain_tcp_port", "server": "http", "proxy_protocol": 1})


def test_a_place_that_is_not_there() -> None:
    async def main() -> None:
        async with serving(
            {"name": "http", "type": "http_proxy", "escaper": "direct"},
            escaper={"type": "divert_tcp", "proxy_addr": "127.0.0.1:1"},
        ) as p:
            assert (await talk(p.http, connect(b"a.test:22", b"Connection: close"))).startswith(b"HTTP/1.1 521 ")
            (record,) = await p.records.wait(log_type="Escape")
            assert (record["escaper_type"], record["reason"]) == ("DivertTcp", "ConnectFailed")

    run(main())
