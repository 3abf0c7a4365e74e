"""PROXY headers towards the remote side: from direct_fixed and ahead of a next proxy."""

import asyncio
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from daemon import free_port
from ftp_site import scripted
from g3_proxyproto import Header, HeaderReader, Inet, pack_v1
from hops import GRANTED, OK, connect, get, through
from loopback import run
from peer_program import listening_program, program
from proxy import Handler, Proxy, origin, read_response, talk
from serving import serving

HTTP = {"name": "http", "type": "http_proxy", "escaper": "out"}
FTP = {
    "USER": b"230 in\r\n",
    "TYPE": b"200 ok\r\n",
    "SIZE": b"213 7\r\n",
    "EPSV": b"229 ok (|||{port}|)\r\n",
    "RETR": b"150 comes\r\n|later|226 done\r\n",
}
SOCKS = {"name": "socks", "type": "socks_proxy", "escaper": "out"}
PORT = {"name": "port", "type": "plain_tcp_port", "server": "http", "proxy_protocol": 1}


def direct(version: int) -> dict[str, Any]:
    return {
        "name": "out",
        "type": "direct_fixed",
        "resolver": "dns",
        "egress_network_filter": {"default": "permit", "permit": "127.0.0.0/8"},
        "use_proxy_protocol": version,
    }


def behind_header(handler: Handler) -> tuple[Handler, list[Header]]:
    """A handler of connections that begin with a header; and the headers."""
    headers: list[Header] = []

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        machine = HeaderReader()
        while (header := machine.next_event()) is None:
            machine.receive_data(await reader.readexactly(1))
        headers.append(header)
        await handler(reader, writer)

    return read, headers


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(GRANTED if head.startswith(b"CONNECT ") else OK)


def of(pair: tuple[Any, Any]) -> tuple[Inet, Inet]:
    return Inet(ip_address(pair[0][0]), pair[0][1]), Inet(ip_address(pair[1][0]), pair[1][1])


async def ask_all(p: Proxy, to: int) -> list[tuple[Inet, Inet]]:
    """Ask each server once, some twice; return the addresses of the connections."""
    made = []
    reader, writer = await asyncio.open_connection(*p.addresses["http"])
    made.append(of((writer.get_extra_info("sockname"), writer.get_extra_info("peername"))))
    for _ in range(2):  # the second request goes over the connection of the first
        writer.write(get(b"http://127.0.0.1:%d/" % to))
        assert (await read_response(reader))[1] == b"ok"
    writer.close()
    target = b"\x01\x7f\x00\x00\x01" + to.to_bytes(2, "big")
    for name, request, size in (
        ("http", connect(b"127.0.0.1:%d" % to), len(GRANTED)),
        ("socks", b"\x05\x01\x00\x05\x01\x00" + target, 12),
    ):
        reader, writer = await asyncio.open_connection(*p.addresses[name])
        made.append(of((writer.get_extra_info("sockname"), writer.get_extra_info("peername"))))
        writer.write(request + get(b"http://a.test/"))
        await reader.readexactly(size)
        assert (await read_response(reader))[1] == b"ok"
        writer.close()
    return made


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("kind", ["direct", "chain"])
def test_whose_connection_it_is(version: int, kind: str) -> None:
    async def main() -> None:
        handler, headers = behind_header(answer)
        async with origin(handler) as (_, to):
            out = direct(version) if kind == "direct" else through(to, use_proxy_protocol=version)
            async with serving(HTTP, SOCKS, routes=[out]) as p:
                made = await ask_all(p, to)
        assert [(header.source, header.destination) for header in headers] == made
        assert {header.version for header in headers} == {version}

    run(main())


def test_what_a_header_has_told_is_told_on() -> None:
    async def main() -> None:
        handler, headers = behind_header(answer)
        client, server = Inet(ip_address("2001:db8::1"), 5), Inet(ip_address("2001:db8::2"), 6)
        async with origin(handler) as (_, to), serving(HTTP, PORT, routes=[through(to, use_proxy_protocol=2)]) as p:
            said = pack_v1(client, server) + get(b"http://a.test/", b"Connection: close")
            assert (await talk(p.addresses["port"], said)).endswith(b"ok")
        assert [(header.source, header.destination) for header in headers] == [(client, server)]

    run(main())


@pytest.mark.parametrize("kind", ["direct", "chain"])
def test_addresses_that_no_header_can_carry(kind: str) -> None:
    async def main() -> None:
        handler, headers = behind_header(answer)
        async with origin(handler) as (_, to):
            out = direct(1) if kind == "direct" else through(to, use_proxy_protocol=1)
            async with serving(HTTP, PORT, routes=[out]) as p:
                mixed = b"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::2 5 6\r\n"
                assert (await talk(p.addresses["port"], mixed + get(b"http://127.0.0.1:%d/" % to))).startswith(
                    b"HTTP/1.1 500 "
                )
                (record,) = await p.records.wait(log_type="Escape")
                assert (record["reason"], record["escape_type"]) == ("ProxyProtocolEncodeError", "TcpConnect")
                assert (await p.task_record())["reason"] == "InternalServerError"
        assert headers == []

    run(main())


def test_the_data_connections_of_ftp_have_none() -> None:
    async def main() -> None:
        async with scripted(FTP, b"content") as (address, _, _):

            async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                """The control connection; the data connection goes to its port directly, and sees no header."""
                to_reader, to_writer = await asyncio.open_connection(*address)

                async def one_way(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
                    while data := await source.read(65536):
                        sink.write(data)
                    sink.close()

                await asyncio.gather(one_way(reader, to_writer), one_way(to_reader, writer))

            handler, headers = behind_header(pass_on)
            async with origin(handler) as (_, to), serving(HTTP, routes=[direct(2)]) as p:
                request = b"GET ftp://127.0.0.1:%d/x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n"
                said = await talk(p.addresses["http"], request % (to, to))
                assert said.startswith(b"HTTP/1.1 200 ")
                assert b"content" in said
            assert len(headers) == 1

    run(main())


HAPROXY = """\
global
    log stderr local0 emerg
defaults
    mode http
    timeout client 9s
    timeout server 9s
    timeout connect 9s
frontend next
    bind 127.0.0.1:{port} accept-proxy
    http-request return status 200 content-type text/plain lf-string %[src]:%[src_port]-%[dst_port]
"""


@pytest.mark.parametrize("version", [1, 2])
def test_haproxy_understands_them(version: int, tmp_path: Path) -> None:
    port, config = free_port(), tmp_path / "haproxy.cfg"
    config.write_text(HAPROXY.format(port=port))

    async def main() -> None:
        async with serving(HTTP, routes=[through(port, use_proxy_protocol=version)]) as p:
            reader, writer = await asyncio.open_connection(*p.addresses["http"])
            writer.write(get(b"http://a.test/"))
            source = writer.get_extra_info("sockname")
            expected = f"127.0.0.1:{source[1]}-{p.addresses['http'][1]}"
            assert (await read_response(reader))[1].decode().strip() == expected
            writer.close()

    with listening_program(program("haproxy"), "-f", str(config), "-db", port=port):
        run(main())
