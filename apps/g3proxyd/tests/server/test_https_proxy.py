"""The HTTP proxy behind TLS, and https:// targets: real clients and scripted ones, right and wrong."""

import asyncio
import contextlib
import random
import shutil
import socket
import ssl
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from certificates import DAY, Authority, authority
from g3proxyd.tls import server
from loopback import read_to_end, run
from proxy import Address, echo, origin, proxy, read_response, replying
from tls.secure import GRANTED, NAME, OK, ca, connect, cut, get, secure_origin


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, Any]:
    """`tls_server` with one certificate."""
    return {"cert_pairs": [authority().issue(NAME, "127.0.0.1").pair(tmp_path)]}


def test_requests_and_tunnels_behind_tls(tls: dict[str, Any]) -> None:
    async def main() -> None:
        handler, heads = replying(OK, OK)
        async with proxy(http={"tls_server": tls}) as p, origin(handler) as (_, port), origin(echo) as (_, echo_port):
            reader, writer = await connect(p.http)
            for _ in range(2):
                writer.write(get(port))
                assert (await read_response(reader))[1] == b"ok"
            assert len(heads) == 2
            writer.write(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\n\r\nearly" % echo_port)
            assert await reader.readexactly(len(GRANTED) + 5) == GRANTED + b"early"
            data = random.Random(1).randbytes(3_000_000)
            writer.write(data)
            assert await reader.readexactly(len(data)) == data
            writer.close()
            records = await p.records.wait(3, task_event="Finished")
            first, _, tunnel = records
            # Bytes are those of HTTP, not of TLS.
            assert (first["c_rd_bytes"], first["c_wr_bytes"]) == (len(get(port)), len(OK))
            assert tunnel["c_rd_bytes"] == tunnel["c_wr_bytes"] == len(data) + 5
            assert tunnel["task_type"] == "TcpConnect"

    run(main())


def test_a_tunnel_half_closes_from_the_origin_and_its_end_is_an_end(tls: dict[str, Any]) -> None:
    async def talk_and_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"all of it")
        writer.write_eof()
        assert await reader.read() == b"more"

    async def main() -> None:
        async with proxy(http={"tls_server": tls}) as p, origin(talk_and_end) as (_, port):
            sock = socket.create_connection(p.http)
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            inc, out = ssl.MemoryBIO(), ssl.MemoryBIO()
            peer = authority().client().wrap_bio(inc, out, server_hostname=NAME)

            async def do(action: Any, *arguments: Any) -> Any:
                while True:
                    try:
                        return action(*arguments)
                    except ssl.SSLWantReadError:
                        await loop.sock_sendall(sock, out.read())
                        data = await loop.sock_recv(sock, 65536)
                        inc.write(data) if data else inc.write_eof()

            await do(peer.do_handshake)
            peer.write(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\n\r\n" % port)
            got = b""
            while piece := await do(peer.read, 65536):
                got += piece
            assert got == GRANTED + b"all of it"  # and close_notify, or this would be an error
            peer.write(b"more")
            with contextlib.suppress(ssl.SSLWantReadError):
                peer.unwrap()
            await loop.sock_sendall(sock, out.read())
            record = await p.task_record()
            assert (record["reason"], record["c_rd_bytes"], record["c_wr_bytes"]) == ("Finished", 4, 9)
            sock.close()

    run(main())


def test_curl_through_https_proxy(tls: dict[str, Any], tmp_path: Path) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")

    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(OK)

        options = ["-sS", "--proxy-cacert", ca(tmp_path), "--cacert", ca(tmp_path), "--noproxy", "", "--max-time", "10"]
        leaf = authority().issue("origin.test", "127.0.0.1")
        async with (
            proxy(http={"tls_server": tls}) as p,
            origin(serve) as (_, port),
            secure_origin(serve, leaf, tmp_path) as (_, secure_port),
        ):
            options += ["-x", f"https://127.0.0.1:{p.http[1]}"]
            for url in (f"http://127.0.0.1:{port}/", f"https://127.0.0.1:{secure_port}/"):
                process = await asyncio.create_subprocess_exec(
                    curl, *options, url, url, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
                )
                out, err = await process.communicate()
                assert (out, err) == (b"okok", b"")
            # TLS in TLS: the tunnel's bytes are TLS records of the inner connection.
            (tunnel,) = await p.records.wait(task_type="TcpConnect", task_event="Finished")
            # Some curls end without TLS's own end, or before the origin's has come.
            assert tunnel["reason"] in ("Finished", "ClientTcpReadFailed", "ClientTcpWriteFailed")

    run(main())


def test_the_certificate_is_that_of_the_name(tmp_path: Path) -> None:
    pairs = [
        authority().issue("one.test", common_name="first").pair(tmp_path, "one"),
        authority().issue("*.two.test", "two.test", common_name="second").pair(tmp_path, "two"),
        authority().issue("three.two.test", common_name="third", rsa_bits=2048).pair(tmp_path, "three"),
    ]
    names = {"one.test": "first", "two.test": "second", "a.two.test": "second", "three.two.test": "third"}

    async def main() -> None:
        async with proxy(http={"tls_server": {"cert_pairs": pairs}}) as p:
            for name, common_name in names.items():
                _, writer = await connect(p.http, name=name)
                subject = writer.get_extra_info("peercert")["subject"]
                assert subject == ((("commonName", common_name),),)
                writer.close()
            for name in ("other.test", "a.b.two.test"):
                with pytest.raises(ssl.SSLCertVerificationError):
                    await connect(p.http, name=name)
            client = authority().client()
            client.check_hostname = False
            _, writer = await connect(p.http, client, name="")
            assert writer.get_extra_info("peercert")["subject"] == ((("commonName", "first"),),)
            writer.close()

    run(main())


def test_clients_need_a_certificate_where_it_is_demanded(tls: dict[str, Any], tmp_path: Path) -> None:
    tls |= {"enable_client_auth": True, "ca_certificate": ca(tmp_path)}
    right = authority().issue(client=True, common_name="alice").write(tmp_path, "alice")
    wrong = Authority("Others").issue(client=True, common_name="mallory").write(tmp_path, "mallory")

    async def ask(address: Address, port: int, pair: tuple[str, str] | None) -> bytes:
        client = authority().client()
        if pair is not None:
            client.load_cert_chain(*pair)
        reader, writer = await connect(address, client)
        writer.write(get(port))
        try:
            return (await read_response(reader))[1]
        finally:
            writer.close()

    async def main() -> None:
        handler, _ = replying(OK)
        async with proxy(http={"tls_server": tls}) as p, origin(handler) as (_, port):
            assert await ask(p.http, port, right) == b"ok"
            # In TLS 1.3 a client is done before the server has seen its certificate.
            for pair in (None, wrong):
                with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                    await ask(p.http, port, pair)
            assert p.worker.modules is not None
            assert p.worker.modules.servers["http"].stats.task_total == 1

    run(main())


@pytest.mark.parametrize("said", [b"GET http://a/ HTTP/1.1\r\n\r\n", b"\x05\x01\x00", b"\x16\x03\x01\x02", bytes(300)])
def test_what_is_no_tls_is_refused_with_a_reason(
    tls: dict[str, Any], said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with proxy(http={"tls_server": tls}) as p:
            sock = socket.create_connection(p.http)
            sock.setblocking(False)
            sock.send(said)
            sock.shutdown(socket.SHUT_WR)
            data, _ = await read_to_end(sock)
            sock.close()
            assert b"HTTP" not in data
            assert "the TLS handshake failed: " in caplog.text
            assert p.worker.modules is not None
            assert p.worker.modules.servers["http"].stats.task_total == 0

    run(main())


def test_a_slow_hello_is_over_time(tls: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with proxy(http={"tls_server": {**tls, "handshake_timeout": "50ms"}}) as p:
            sock = socket.create_connection(p.http)
            sock.setblocking(False)
            sock.send(b"\x16\x03\x01\x02\x00\x01")
            assert (await read_to_end(sock))[0] == b""
            sock.close()
            assert "no TLS handshake in time" in caplog.text
            assert p.worker.modules is not None
            assert p.worker.modules.servers["http"].stats.listen_timeout == 1

    run(main())


def test_a_cut_off_client_is_told_apart_in_the_log(tls: dict[str, Any]) -> None:
    async def main() -> None:
        async with proxy(http={"tls_server": tls}) as p, origin(echo) as (_, port):
            reader, writer = await connect(p.http)
            writer.write(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\n\r\nearly" % port)
            await reader.readexactly(len(GRANTED) + 5)
            cut(writer)
            record = await p.task_record()
            assert record["reason"] == "ClientTcpReadFailed"
            assert "truncated" in str(record)
            writer.transport.abort()

    run(main())


@pytest.mark.parametrize(
    ("more", "version", "reused"),
    [
        ({}, ssl.TLSVersion.TLSv1_3, True),
        ({}, ssl.TLSVersion.TLSv1_2, True),
        ({"no_session_ticket": True}, ssl.TLSVersion.TLSv1_3, True),
        ({"no_session_ticket": True}, ssl.TLSVersion.TLSv1_2, True),
        ({"no_session_cache": True}, ssl.TLSVersion.TLSv1_3, True),
        ({"no_session_cache": True, "no_session_ticket": True}, ssl.TLSVersion.TLSv1_3, False),
        ({"no_session_cache": True, "no_session_ticket": True}, ssl.TLSVersion.TLSv1_2, False),
    ],
)
def test_resumption(tls: dict[str, Any], more: dict[str, Any], version: ssl.TLSVersion, reused: bool) -> None:
    def ask(address: Address, port: int, context: ssl.SSLContext, session: ssl.SSLSession | None) -> Any:
        raw = socket.create_connection(address)
        with context.wrap_socket(raw, server_hostname=NAME, session=session) as sock:
            sock.sendall(get(port))
            assert sock.recv(65536).startswith(b"HTTP/1.1 200")
            return sock.session, sock.session_reused

    async def main() -> None:
        handler, _ = replying(OK)
        async with proxy(http={"tls_server": {**tls, **more}}) as p, origin(handler) as (_, port):
            client = authority().client()
            client.minimum_version = client.maximum_version = version
            session, first = await asyncio.to_thread(ask, p.http, port, client, None)
            assert not first
            async with origin(replying(OK)[0]) as (_, port):
                _, again = await asyncio.to_thread(ask, p.http, port, client, session)
            assert again is reused

    run(main())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_does_not_outlive_the_client_s_certificate(
    tls: dict[str, Any],
    version: ssl.TLSVersion,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tls |= {"enable_client_auth": True, "ca_certificate": ca(tmp_path)}
    context = authority().client()
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(*authority().issue(client=True, valid=(-DAY, DAY)).write(tmp_path, "client"))

    def ask(address: Address, session: ssl.SSLSession | None) -> tuple[bytes, bool | None, ssl.SSLSession | None]:
        """A request that the proxy answers without any origin, as nobody listens on port 1."""
        sock = socket.create_connection(address, timeout=20)
        with context.wrap_socket(sock, server_hostname=NAME, session=session) as client:
            client.sendall(get(1))
            try:
                answer = client.recv(65536)
            except OSError:
                answer = b""
            return answer, client.session_reused, client.session

    async def main() -> None:
        async with proxy(http={"tls_server": tls}) as p:
            _, reused, session = await asyncio.to_thread(ask, p.http, None)
            assert not reused
            answer, reused, session = await asyncio.to_thread(ask, p.http, session)
            assert answer.startswith(b"HTTP/1.1 521 ")
            assert reused
            later = SimpleNamespace(time=lambda: time.time() + 2 * DAY.total_seconds())
            monkeypatch.setattr(server, "time", later)
            answer, _, _ = await asyncio.to_thread(ask, p.http, session)
            assert answer == b""

    run(main())
    reason = "certificate_expired (since the session began that the client resumes)"
    refused = f"server http: refused a connection from 127.0.0.1: the TLS handshake failed: {reason}"
    assert caplog.messages == [refused]


def test_a_client_that_reads_nothing_stops_its_origin(tls: dict[str, Any]) -> None:
    async def main() -> None:
        sent = 0

        async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while True:
                writer.write(bytes(65536))
                await writer.drain()
                sent += 65536

        async with proxy(http={"tls_server": tls}) as p, origin(pour) as (_, port):
            reader, writer = await connect(p.http)
            writer.write(get(port))
            await reader.readuntil(b"\r\n\r\n")
            before = -1
            while sent != before:
                before = sent
                await asyncio.sleep(0.1)
            assert 0 < sent < 64 << 20, "the origin was never stopped"
            writer.transport.abort()
            assert (await p.task_record())["reason"] == "ClientTcpWriteFailed"

    run(main())
