"""Clients are connected to the host that their first message names: TLS and HTTP on one port."""

import asyncio
import logging
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from g3_proxyproto import Inet, pack_v2
from g3_tls import Alert, pack_alert, pack_client_hello
from loopback import run
from proxy import Address, echo, origin, replying, talk
from serving import serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
NOBODY = pack_alert(Alert.UNRECOGNIZED_NAME)


def sni(to: int | None = None, **keys: Any) -> dict[str, Any]:
    """An sni_proxy that leads everybody to this port."""
    hosts = {} if to is None else {"allowed_hosts": {"redirect_port": to}}
    return {"name": "sni", "type": "sni_proxy", "escaper": "direct", **hosts, **keys}


def hello(name: str | None = "origin.test", **more: Any) -> bytes:
    return pack_client_hello(bytes(32), server_name=name, **more)


def get(host: str = "origin.test", *more: bytes) -> bytes:
    return b"GET / HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (host.encode(), b"".join(more))


@pytest.mark.parametrize("size", [16384, 40, 1])
def test_every_byte_of_a_hello_travels_on(size: int) -> None:
    async def main() -> None:
        said = hello(alpn=[b"h2"], fragment_size=size) if size > 1 else hello()
        async with origin(echo) as (_, to), serving(sni(to)) as p:
            assert await talk(p.addresses["sni"], said + b"behind it", end=True) == said + b"behind it"
            record = await p.task_record()
            assert (record["server_type"], record["task_type"]) == ("SniProxy", "TcpConnect")
            assert record["upstream"] == f"origin.test:{to}"
            assert record["c_rd_bytes"] == record["r_wr_bytes"] == len(said) + 9

    run(main())


@pytest.mark.parametrize("said", [hello(), get()])
def test_a_message_byte_by_byte(said: bytes) -> None:
    async def main() -> None:
        async with origin(echo) as (_, to), serving(sni(to)) as p:
            reader, writer = await asyncio.open_connection(*p.addresses["sni"])
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in said:
                writer.write(bytes((byte,)))
                await asyncio.sleep(0)
            assert await reader.readexactly(len(said)) == said
            writer.close()

    run(main())


def test_a_request_and_what_comes_behind_it() -> None:
    async def main() -> None:
        async with origin(echo) as (_, to), serving(sni(to)) as p:
            said = get() + get("other.test") + b"x" * 50_000
            assert await talk(p.addresses["sni"], said, end=True) == said
            assert (await p.task_record())["upstream"] == f"origin.test:{to}"

    run(main())


def test_the_port_is_that_of_host_or_the_one_that_the_client_connected_to() -> None:
    async def main() -> None:
        port = {"name": "port", "type": "plain_tcp_port", "server": "sni", "proxy_protocol": 2}
        async with origin(echo) as (_, to), serving(sni(), port) as p:
            said = get(f"origin.test:{to}")
            assert await talk(p.addresses["sni"], said, end=True) == said
            for said in (hello(), get(), get("127.0.0.1"), b"GET http://origin.test:%d/ HTTP/1.0\r\n\r\n" % to):
                header = pack_v2(Inet(ip_address("192.0.2.7"), 5), Inet(ip_address("192.0.2.8"), to))
                assert await talk(p.addresses["port"], header + said, end=True) == said
            finished = await p.records.wait(5, log_type="Task", task_event="Finished")
            hosts = ["origin.test", "origin.test", "origin.test", "127.0.0.1", "origin.test"]
            assert [record["upstream"] for record in finished] == [f"{host}:{to}" for host in hosts]

    run(main())


@pytest.mark.parametrize("said", [hello(), get(), get("127.0.0.1")])
def test_it_never_connects_to_itself(said: bytes) -> None:
    async def main() -> None:
        async with serving(sni()) as p:
            assert await talk(p.addresses["sni"], said) == b""
            record = (await p.records.wait(log_type="Task", reason="ForbiddenByRule"))[0]
            assert record["next_peer_addr"] == f"127.0.0.1:{p.addresses['sni'][1]}"
            assert p.worker.modules is not None
            server = p.worker.modules.servers["sni"]
            await server.connections_done()
            assert server.stats.connection_total == 2

    run(main())


def test_allowed_hosts_and_redirects() -> None:
    async def main() -> None:
        async with origin(echo) as (_, to):
            hosts = [
                {"exact_match": "origin.test", "redirect_port": to},
                {"child_match": "example", "redirect_host": "127.0.0.1", "redirect_port": to},
            ]
            async with serving(sni(allowed_hosts=hosts)) as p:
                for name in ("Origin.Test", "a.b.example"):
                    assert await talk(p.addresses["sni"], hello(name), end=True) == hello(name)
                    assert await talk(p.addresses["sni"], get(name), end=True) == get(name)
                finished = await p.records.wait(4, log_type="Task", task_event="Finished")
                assert {record["upstream"] for record in finished} == {f"origin.test:{to}", f"127.0.0.1:{to}"}
                assert await talk(p.addresses["sni"], hello("other.test"), end=True) == NOBODY
                assert (await talk(p.addresses["sni"], get("other.test"), end=True)).startswith(b"HTTP/1.1 403 ")
                assert p.worker.modules is not None
                assert p.worker.modules.servers["sni"].stats.dest_denied == 2

    run(main())


@pytest.mark.parametrize(
    ("said", "reason", "answer"),
    [
        (b"", "closed: the client left before its first message was complete", b""),
        (b"\x16\x03", "closed: the client left before its first message was complete", b""),
        (hello()[:-1], "closed: the client left before its first message was complete", b""),
        (get()[:-1], "closed: the client left before its first message was complete", b""),
        (hello(None), "server_name: a ClientHello that names no server", NOBODY),
        (hello(None, tlcp=True), "server_name: a ClientHello that names no server", pack_alert(112, version=0x0101)),
        (hello()[:43] + b"\xff" + hello()[44:], "hello: ", b"\x15\x03"),
        (b"\x05\x01\0", "request_line: not a request line", b"HTTP/1.1 400 "),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "version: an HTTP/2 preface", b"HTTP/1.1 505 "),
        (b"CONNECT origin.test:80 HTTP/1.1\r\nHost: origin.test:80\r\n\r\n", "method: CONNECT", b"HTTP/1.1 405 "),
        (b"GET / HTTP/1.0\r\n\r\n", "host: a request that names no host", b"HTTP/1.1 400 "),
        (b"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", "host: a request that names no host, or two", b"HTTP/1.1 400 "),
        (get("300.1.1.1"), "host: no host name or address", b"HTTP/1.1 400 "),
        (get("a", b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), "", b"HTTP/1.1 400 "),
        (b"GET /" + b"x" * 70_000, "line_length: a line that is too long", b"HTTP/1.1 414 "),
    ],
)
def test_what_names_no_host_is_refused(
    said: bytes, reason: str, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with serving(sni()) as p:
            try:
                assert (await talk(p.addresses["sni"], said, end=True)).startswith(answer)
            except ConnectionResetError:
                assert len(said) > 60_000
            assert [record for record in p.records.records if record["log_type"] == "Task"] == []

    with caplog.at_level(logging.WARNING):
        run(main())
    (message,) = caplog.messages
    assert message.startswith(f"server sni: refused a connection from 127.0.0.1: {reason}")


def test_a_hello_that_is_too_large(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        large = hello(extensions=[(0xFF, bytes(1000))])
        async with origin(echo) as (_, to), serving(sni(to, tls_max_client_hello_size=1000)) as p:
            assert (await talk(p.addresses["sni"], large, end=True)).startswith(b"\x15\x03")
            assert await talk(p.addresses["sni"], hello(), end=True) == hello()

    run(main())
    (message,) = caplog.messages
    assert message.endswith("too_large: a ClientHello of more than 1000 bytes")


@pytest.mark.parametrize(
    ("said", "reason", "answer"),
    [
        (b"", "timeout: the client said nothing", b""),
        (b"\x16", "timeout: the first message did not come in time", b""),
        (hello()[:50], "timeout: the first message did not come in time", b""),
        (b"GET / HT", "timeout: the first message did not come in time", b"HTTP/1.1 408 "),
    ],
)
def test_slow_clients(said: bytes, reason: str, answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(sni(request_wait_timeout="50ms", request_recv_timeout="50ms")) as p:
            assert (await talk(p.addresses["sni"], said)).startswith(answer)

    run(main())
    assert caplog.messages == [f"server sni: refused a connection from 127.0.0.1: {reason}"]


def test_a_reset_in_the_message(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(sni()) as p:
            reader, writer = await asyncio.open_connection(*p.addresses["sni"])
            writer.write(b"GET")
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            assert p.worker.modules is not None
            server = p.worker.modules.servers["sni"]
            while not server.connections:
                await asyncio.sleep(0)
            writer.transport.abort()
            await server.connections_done()
            del reader

    run(main())
    (message,) = caplog.messages
    assert message.startswith("server sni: refused a connection from 127.0.0.1: closed: ")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate with its key for origin.test, made by OpenSSL's own program."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    path = tmp_path_factory.mktemp("tls") / "origin.pem"
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=origin.test", "-addext", "subjectAltName=DNS:origin.test"]
    made = subprocess.run(
        ["openssl", *words, *names, "-keyout", str(path), "-out", f"{path}.crt"], capture_output=True, check=False
    )
    assert made.returncode == 0, made.stderr
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@asynccontextmanager
async def secure_origin(certificate: Path) -> AsyncIterator[Address]:
    handler, _ = replying(OK)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    connections = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.current_task())
        await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_curl(scheme: str, certificate: Path) -> None:
    """The certificate is checked by the client, end to end."""

    async def main() -> None:
        handler, _ = replying(OK)
        source = secure_origin(certificate) if scheme == "https" else origin(handler)
        async with source as (_, to), serving(sni(to)) as p:
            port = p.addresses["sni"][1]
            words = ("--silent", "--show-error", "--cacert", str(certificate), "--noproxy", "*")
            process = await asyncio.create_subprocess_exec(
                *("curl", *words, "--resolve", f"origin.test:{port}:127.0.0.1", f"{scheme}://origin.test:{port}/"),
                stdout=asyncio.subprocess.PIPE,
            )
            output, _ = await process.communicate()
            assert output == b"ok"
            assert (await p.task_record())["upstream"] == f"origin.test:{to}"

    run(main())


def test_openssl_s_client(certificate: Path) -> None:
    async def main() -> None:
        async with secure_origin(certificate) as (_, to), serving(sni(to)) as p:
            at = f"127.0.0.1:{p.addresses['sni'][1]}"
            for name, expected in (("origin.test", b"Verification: OK"), (None, b"unrecognized name")):
                sent = ["-servername", name] if name else ["-noservername"]
                words = ["s_client", "-connect", at, "-CAfile", str(certificate), *sent]
                process = await asyncio.create_subprocess_exec(
                    *("openssl", *words),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                )
                output, _ = await process.communicate()
                assert expected in output

    run(main())
