"""A port in front of other servers: PROXY headers, whose addresses count, and connections that reach nobody."""

import asyncio
import logging
import shutil
import socket
import ssl
import struct
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

import pytest
from certificates import authority
from daemon import free_port
from g3_proxyproto import Command, Inet, Transport, Unix, pack_v1, pack_v2
from g3proxyd.config.values.sockopts import TcpMiscSockOpts
from g3proxyd.io.sockopts import adjust_options
from g3proxyd.server import base
from g3proxyd.server.refusals import LINES, Refusals
from loopback import run
from proxy import echo, origin, replying, talk
from serving import serving

T = TypeVar("T")

CLIENT = Inet(ip_address("192.0.2.7"), 4711)
SERVER = Inet(ip_address("198.51.100.9"), 443)
GRANTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
HTTP = {"name": "http", "type": "http_proxy", "escaper": "direct"}


def port(**keys: Any) -> dict[str, Any]:
    return {"name": "port", "type": "plain_tcp_port", "server": "http", **keys}


def connect(to: int) -> bytes:
    return b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (to, to)


def test_without_a_header_the_connection_is_the_other_servers() -> None:
    async def main() -> None:
        async with serving(HTTP, port()) as p, origin(echo) as (_, to):
            assert await talk(p.addresses["port"], connect(to) + b"early", end=True) == GRANTED + b"early"
            record = await p.task_record()
            assert (record["server_type"], record["server_name"]) == ("HttpProxy", "http")
            assert record["client_addr"].startswith("127.0.0.1:")
            assert record["server_addr"] == f"127.0.0.1:{p.addresses['port'][1]}"
            servers = p.worker.modules.servers  # type: ignore[union-attr]
            assert [servers[name].stats.connection_total for name in ("port", "http")] == [1, 1]

    run(main())


@pytest.mark.parametrize(
    ("version", "header", "client", "server"),
    [
        (1, pack_v1(CLIENT, SERVER), "192.0.2.7:4711", "198.51.100.9:443"),
        (2, pack_v2(CLIENT, SERVER, checksum=True), "192.0.2.7:4711", "198.51.100.9:443"),
        (
            2,
            pack_v2(Inet(ip_address("2001:db8::1"), 1), Inet(ip_address("2001:db8::2"), 2)),
            "[2001:db8::1]:1",
            "[2001:db8::2]:2",
        ),
        (1, b"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::2 5 6\r\n", "192.0.2.7:5", "[2001:db8::2]:6"),
    ],
)
def test_the_addresses_of_a_header_are_the_tasks(version: int, header: bytes, client: str, server: str) -> None:
    async def main() -> None:
        async with serving(HTTP, port(proxy_protocol=version)) as p, origin(echo) as (_, to):
            said = header + connect(to) + b"early"
            assert await talk(p.addresses["port"], said, end=True) == GRANTED + b"early"
            record = await p.task_record()
            assert (record["client_addr"], record["server_addr"]) == (client, server)

    run(main())


@pytest.mark.parametrize(
    ("version", "header"), [(1, pack_v1()), (2, pack_v2(command=Command.LOCAL)), (2, pack_v2(command=Command.PROXY))]
)
def test_without_addresses_in_the_header_those_of_the_connection_count(version: int, header: bytes) -> None:
    async def main() -> None:
        async with serving(HTTP, port(proxy_protocol=version)) as p, origin(echo) as (_, to):
            assert await talk(p.addresses["port"], header + connect(to) + b"x", end=True) == GRANTED + b"x"
            record = await p.task_record()
            assert record["client_addr"].startswith("127.0.0.1:")
            assert record["server_addr"] == f"127.0.0.1:{p.addresses['port'][1]}"

    run(main())


def test_a_header_byte_by_byte() -> None:
    async def main() -> None:
        async with serving(HTTP, port(proxy_protocol=2)) as p, origin(echo) as (_, to):
            reader, writer = await asyncio.open_connection(*p.addresses["port"])
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in pack_v2(CLIENT, SERVER) + connect(to):
                writer.write(bytes((byte,)))
                await writer.drain()
            assert await reader.readuntil(b"\r\n\r\n") == GRANTED
            writer.close()

    run(main())


@pytest.mark.parametrize(
    ("version", "said", "reason"),
    [
        (1, b"CONNECT a:1 HTTP/1.1\r\n\r\n", "signature: the stream does not begin with a PROXY header of version 1"),
        (1, pack_v2(CLIENT, SERVER), "signature: the stream does not begin with a PROXY header of version 1"),
        (2, pack_v1(CLIENT, SERVER), "signature: the stream does not begin with a PROXY header of version 2"),
        (1, b"PROXY TCP4 192.0.2.7 192.0.2.8 1 99999\r\n", "line: "),
        (1, b"PROXY TCP4 192.0.2.7", "closed: the peer closed before its PROXY header was complete"),
        (2, pack_v2(CLIENT, SERVER)[:-1], "closed: the peer closed before its PROXY header was complete"),
        (2, b"", "closed: the peer closed before its PROXY header was complete"),
        (2, pack_v2(CLIENT, SERVER, transport=Transport.DGRAM), "transport: a client of a TCP port"),
        (2, pack_v2(Unix(b"/a"), Unix(b"/b")), "family: a client of a TCP port"),
    ],
)
def test_what_is_no_header_is_refused(version: int, said: bytes, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(HTTP, port(proxy_protocol=version)) as p:
            assert await talk(p.addresses["port"], said, end=True) == b""
            servers = p.worker.modules.servers  # type: ignore[union-attr]
            assert servers["port"].stats.listen_dropped == 1
            assert servers["http"].stats.connection_total == 0

    with caplog.at_level(logging.WARNING):
        run(main())
    (message,) = caplog.messages
    assert message.startswith(f"server port: refused a connection from 127.0.0.1: {reason}")


def test_a_slow_header_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(HTTP, port(proxy_protocol=1, proxy_protocol_read_timeout="100ms")) as p:
            assert await talk(p.addresses["port"], b"PROXY TCP4 ") == b""

    run(main())
    assert caplog.messages == [
        "server port: refused a connection from 127.0.0.1: timeout: the PROXY header did not come in time"
    ]


def test_a_reset_in_the_header(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(HTTP, port(proxy_protocol=1)) as p:
            sock = socket.socket()
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await asyncio.get_running_loop().sock_connect(sock, p.addresses["port"])
            sock.send(b"PROXY")
            servers = p.worker.modules.servers  # type: ignore[union-attr]
            while not servers["port"].connections:
                await asyncio.sleep(0)
            sock.close()
            await servers["port"].connections_done()

    run(main())
    (message,) = caplog.messages
    assert message.startswith("server port: refused a connection from 127.0.0.1: closed: ")


def test_filters_look_at_the_address_that_they_know() -> None:
    """The port's at that of the connection, before any byte; the other server's at that of the header."""

    async def main() -> None:
        only_proxy = {"default": "forbid", "allow": "127.0.0.1"}
        only_client = {"default": "forbid", "allow": "192.0.2.7", "forbid": "127.0.0.1"}
        told = pack_v1(CLIENT, SERVER)
        stranger = pack_v1(Inet(ip_address("192.0.2.8"), 1), SERVER)
        async with origin(echo) as (_, to):
            for ports, servers, header, answer in (
                (only_proxy, only_client, told, GRANTED),
                (only_proxy, only_client, stranger, b""),
                (only_client, only_client, told, b""),
                (only_proxy, only_proxy, told, b""),
            ):
                http = {**HTTP, "ingress_network_filter": servers}
                front = port(proxy_protocol=1, ingress_network_filter=ports)
                async with serving(http, front) as p:
                    try:
                        assert await talk(p.addresses["port"], header + connect(to), end=True) == answer
                    except ConnectionResetError:
                        assert answer == b""

    run(main())


def test_a_port_may_lead_to_a_port() -> None:
    async def main() -> None:
        inner = port(proxy_protocol=2)
        outer = {"name": "outer", "type": "plain_tcp", "server": "port", "proxy_protocol": 1}
        async with serving(outer, inner, HTTP) as p, origin(echo) as (_, to):
            said = pack_v1(SERVER, SERVER) + pack_v2(CLIENT, SERVER) + connect(to) + b"x"
            assert await talk(p.addresses["outer"], said, end=True) == GRANTED + b"x"
            assert (await p.task_record())["client_addr"] == "192.0.2.7:4711"

    run(main())


def test_the_other_server_admits_nobody_or_speaks_socks() -> None:
    async def main() -> None:
        closing = {"name": "closing", "type": "plain_tcp_port", "server": "end"}
        socks = {"name": "socks", "type": "socks_proxy", "escaper": "direct"}
        end: dict[str, Any] = {"name": "end", "type": "socks_proxy", "escaper": "direct"}
        end["ingress_network_filter"] = {"default": "forbid", "forbid": "127.0.0.1"}
        front = {"name": "front", "type": "plain_tcp_port", "server": "socks", "proxy_protocol": 2}
        async with serving(end, closing, socks, front) as p, origin(echo) as (_, to):
            assert await talk(p.addresses["closing"], b"") == b""
            request = b"\x05\x01\0" + b"\x05\x01\0\x01\x7f\0\0\x01" + to.to_bytes(2, "big")
            answer = await talk(p.addresses["front"], pack_v2(CLIENT, SERVER) + request + b"early", end=True)
            assert answer.startswith(b"\x05\0\x05\0\0\x01")
            assert answer.endswith(b"early")
            assert (await p.task_record())["client_addr"] == "192.0.2.7:4711"

    run(main())


def test_options_of_the_other_server_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []

    def adjust(sock: socket.socket, misc: TcpMiscSockOpts) -> None:
        adjust_options(sock, misc)
        names = (socket.IPPROTO_TCP, socket.TCP_NODELAY), (socket.IPPROTO_IP, socket.IP_TTL)
        found.append([sock.getsockopt(*name) for name in names])

    async def main() -> None:
        http = {**HTTP, "tcp_misc_opts": {"no_delay": False, "time_to_live": 33}}
        async with serving(http, port()) as p, origin(echo) as (_, to):
            assert await talk(p.addresses["port"], connect(to), end=True) == GRANTED
            assert (
                await talk(p.addresses["http"], connect(to), end=True) == GRANTED
            )  # its own sockets have them already

    monkeypatch.setattr(base, "adjust_options", adjust)
    run(main())
    assert found == [[0, 33]]


def test_not_every_refusal_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    now = 100.0
    refusals = Refusals("port", lambda: now)
    for _ in range(LINES + 5):
        refusals.note(("192.0.2.1", 1), "x")
    assert len(caplog.messages) == LINES
    now += 1.0
    refusals.note(("192.0.2.1", 1), "y")
    assert caplog.messages[LINES:] == [
        "server port: refused 5 more connections",
        "server port: refused a connection from 192.0.2.1: y",
    ]
    now += 1.0
    refusals.note(("192.0.2.1", 1), "z")
    assert len(caplog.messages) == LINES + 3


HAPROXY = """
global
    log /dev/null local0
defaults
    mode tcp
    timeout connect 5s
    timeout client 20s
    timeout server 20s
listen one
    bind 127.0.0.1:{one}
    server port 127.0.0.1:{to_one} send-proxy
listen two
    bind 127.0.0.1:{two}
    server port 127.0.0.1:{to_two} send-proxy-v2 proxy-v2-options crc32c,unique-id
"""


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="haproxy is not installed")
def test_headers_of_haproxy(tmp_path: Path) -> None:
    async def main() -> None:
        one, two = port(name="one", proxy_protocol=1), port(name="two", proxy_protocol=2)
        ports = {"one": free_port(), "two": free_port()}
        async with serving(HTTP, one, two) as p, origin(echo) as (_, to):
            path = tmp_path / "haproxy.cfg"
            path.write_text(
                HAPROXY.format(**ports, to_one=p.addresses["one"][1], to_two=p.addresses["two"][1]).lstrip()
            )
            process = await asyncio.create_subprocess_exec(
                "haproxy", "-db", "-f", str(path), stderr=asyncio.subprocess.DEVNULL
            )
            try:
                for count, (name, at) in enumerate(ports.items(), start=1):
                    reader, writer = await _connected(at)
                    writer.write(connect(to) + b"x")
                    assert await reader.readexactly(len(GRANTED) + 1) == GRANTED + b"x"
                    writer.close()
                    record = (await p.records.wait(count, log_type="Task", task_event="Finished"))[-1]
                    assert record["server_addr"] == f"127.0.0.1:{ports[name]}"
            finally:
                process.terminate()
                await process.wait()

    run(main())


async def _connected(at: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", at)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)  # haproxy is about to listen, and says so to nobody


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_speaks_version_1() -> None:
    async def main() -> None:
        handler, _ = replying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        async with serving(HTTP, port(proxy_protocol=1)) as p, origin(handler) as (_, to):
            words = ("--silent", "--show-error", "--haproxy-protocol", "--noproxy", "")
            proxy = f"http://127.0.0.1:{p.addresses['port'][1]}"
            process = await asyncio.create_subprocess_exec(
                *("curl", *words, "-x", proxy, f"http://127.0.0.1:{to}/"), stdout=asyncio.subprocess.PIPE
            )
            output, _ = await process.communicate()
            assert output == b"ok"

    run(main())


def test_tls_behind_the_header(tmp_path: Path) -> None:
    """The first bytes of the handshake come together with the header."""

    async def main() -> None:
        tls = {"cert_pairs": [authority().issue("proxy.test").pair(tmp_path)]}
        async with serving({**HTTP, "tls_server": tls}, port(proxy_protocol=2)) as p, origin(echo) as (_, to):
            loop = asyncio.get_running_loop()
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            client = authority().client().wrap_bio(incoming, outgoing, server_hostname="proxy.test")
            with pytest.raises(ssl.SSLWantReadError):
                client.do_handshake()
            with socket.socket() as sock:
                sock.setblocking(False)
                await loop.sock_connect(sock, p.addresses["port"])
                await loop.sock_sendall(sock, pack_v2(CLIENT, SERVER) + outgoing.read())

                async def turn(step: Callable[[], T]) -> T:
                    while True:
                        try:
                            return step()
                        except ssl.SSLWantReadError:
                            incoming.write(await loop.sock_recv(sock, 65536))
                        finally:
                            await loop.sock_sendall(sock, outgoing.read())

                await turn(client.do_handshake)
                await turn(lambda: client.write(connect(to)))
                assert await turn(lambda: client.read(65536)) == GRANTED
            assert (await p.task_record())["client_addr"] == "192.0.2.7:4711"

    run(main())
