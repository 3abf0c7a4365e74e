"""One port for HTTP and for SOCKS."""

import asyncio
import shutil
import socket
import struct
from ipaddress import ip_address
from typing import Any

import pytest
from g3_proxyproto import Inet, pack_v1, pack_v2
from loopback import run
from proxy import echo, origin, replying, talk
from serving import serving

HTTP = {"name": "http", "type": "http_proxy", "escaper": "direct"}
SOCKS = {"name": "socks", "type": "socks_proxy", "escaper": "direct"}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def both(**keys: Any) -> dict[str, Any]:
    return {"name": "both", "type": "intelli_proxy", "http_server": "http", "socks_server": "socks", **keys}


def socks5(to: int) -> bytes:
    return b"\x05\x01\0" + b"\x05\x01\0\x01\x7f\0\0\x01" + to.to_bytes(2, "big")


def socks4(to: int) -> bytes:
    return b"\x04\x01" + to.to_bytes(2, "big") + b"\x7f\0\0\x01\0"


def connect(to: int) -> bytes:
    return b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (to, to)


def test_each_protocol_finds_its_server() -> None:
    async def main() -> None:
        async with serving(both(), HTTP, SOCKS) as p, origin(echo) as (_, to):
            for said, server in (
                (connect(to), "http"),
                (b"\r\n" + connect(to), "http"),
                (socks5(to), "socks"),
                (socks4(to), "socks"),
            ):
                p.records.records.clear()
                assert (await talk(p.addresses["both"], said + b"early", end=True)).endswith(b"early")
                record = await p.task_record()
                assert (record["server_name"], record["reason"]) == (server, "Finished")
                assert record["server_addr"] == f"127.0.0.1:{p.addresses['both'][1]}"
            assert p.worker.modules is not None
            servers = p.worker.modules.servers
            assert [servers[name].stats.connection_total for name in ("both", "http", "socks")] == [4, 2, 2]

    run(main())


def test_one_server_may_be_there_for_both() -> None:
    async def main() -> None:
        async with serving(both(socks_server="http"), HTTP) as p, origin(echo) as (_, to):
            assert (await talk(p.addresses["both"], connect(to) + b"early", end=True)).endswith(b"early")
            assert (await talk(p.addresses["both"], socks5(to))).startswith(b"HTTP/1.1 400 ")

    run(main())


@pytest.mark.parametrize(("version", "pack"), [(1, pack_v1), (2, pack_v2)])
def test_behind_a_header(version: int, pack: Any) -> None:
    async def main() -> None:
        header = pack(Inet(ip_address("192.0.2.7"), 5), Inet(ip_address("192.0.2.8"), 6))
        async with serving(both(proxy_protocol=version), HTTP, SOCKS) as p, origin(echo) as (_, to):
            for said in (connect(to), socks5(to)):
                p.records.records.clear()
                assert (await talk(p.addresses["both"], header + said + b"x", end=True)).endswith(b"x")
                record = await p.task_record()
                assert (record["client_addr"], record["server_addr"]) == ("192.0.2.7:5", "192.0.2.8:6")
            assert await talk(p.addresses["both"], socks5(to), end=True) == b""

    run(main())


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", "closed: the client left without a word"),
        (b"\x16\x03\x01", "protocol: neither HTTP nor SOCKS begins with the byte 0x16"),
        (b"\0", "protocol: neither HTTP nor SOCKS begins with the byte 0x00"),
        (b"\x06\x01\0", "protocol: neither HTTP nor SOCKS begins with the byte 0x06"),
        (b"\n", "protocol: neither HTTP nor SOCKS begins with the byte 0x0a"),
    ],
)
def test_what_is_neither(said: bytes, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(both(), HTTP, SOCKS) as p:
            assert await talk(p.addresses["both"], said, end=True) == b""
            assert p.worker.modules is not None
            assert p.worker.modules.servers["both"].stats.listen_dropped == 1

    run(main())
    assert caplog.messages == [f"server both: refused a connection from 127.0.0.1: {reason}"]


def test_a_silent_client(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(both(protocol_detection_timeout="50ms"), HTTP, SOCKS) as p:
            assert await talk(p.addresses["both"], b"") == b""

    run(main())
    assert caplog.messages == [
        "server both: refused a connection from 127.0.0.1: timeout: the client said nothing",
    ]


def test_a_reset_before_the_first_byte(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(both(), HTTP, SOCKS) as p:
            sock = socket.socket()
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await asyncio.get_running_loop().sock_connect(sock, p.addresses["both"])
            assert p.worker.modules is not None
            server = p.worker.modules.servers["both"]
            while not server.connections:
                await asyncio.sleep(0)
            sock.close()
            await server.connections_done()

    run(main())
    (message,) = caplog.messages
    assert message.startswith("server both: refused a connection from 127.0.0.1: closed: ")


def test_a_drain_answers_one_more_request() -> None:
    """A connection that a port took is the port's; the server behind it says when it has to end."""

    async def main() -> None:
        handler, _ = replying(OK, OK)
        async with serving(both(), HTTP, SOCKS) as p, origin(handler) as (_, to):
            reader, writer = await asyncio.open_connection(*p.addresses["both"])
            request = b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (to, to)
            for last in (False, True):
                if last:
                    p.worker.stay(online=False)
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(2) == b"ok"
                assert (b"connection: close" in head.lower()) == last
            assert await reader.read() == b""
            writer.close()

    run(main())


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("scheme", ["http", "socks4", "socks5h"])
def test_curl(scheme: str) -> None:
    async def main() -> None:
        handler, _ = replying(OK)
        async with serving(both(), HTTP, SOCKS) as p, origin(handler) as (_, to):
            proxy = f"{scheme}://127.0.0.1:{p.addresses['both'][1]}"
            process = await asyncio.create_subprocess_exec(
                *("curl", "--silent", "--show-error", "--noproxy", "", "-x", proxy, f"http://127.0.0.1:{to}/"),
                stdout=asyncio.subprocess.PIPE,
            )
            output, _ = await process.communicate()
            assert output == b"ok"

    run(main())
