"""Targets with https, and the servers behind them, right and wrong."""

import asyncio
import random
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
from certificates import DAY, Authority, authority
from g3proxyd.server.http_proxy import HttpProxyServer
from loopback import run
from proxy import Handler, Proxy, origin, proxy, read_response, replying
from tls.secure import NAME, OK, ca, connect, cut, get, secure_origin, trusting


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, Any]:
    """`tls_server` with one certificate."""
    return {"cert_pairs": [authority().issue(NAME, "127.0.0.1").pair(tmp_path)]}


def test_https_targets_are_forwarded_and_kept_apart_from_http_ones(tmp_path: Path) -> None:
    async def main() -> None:
        handler, heads = replying(OK, OK)
        leaf = authority().issue("origin.test")
        async with (
            proxy(http={"tls_client": trusting(tmp_path)}) as p,
            secure_origin(handler, leaf, tmp_path) as (_, port),
        ):
            reader, writer = await asyncio.open_connection(*p.http)
            for _ in range(2):
                writer.write(get(port, b"https", b"origin.test"))
                assert (await read_response(reader))[1] == b"ok"
            assert heads == [b"GET / HTTP/1.1\r\nHost: origin.test:%d\r\n\r\n" % port] * 2
            first, second = await p.records.wait(2, task_event="Finished")
            assert (first["reuse_connection"], second["reuse_connection"]) == (False, True)
            assert first["uri"] == f"https://origin.test:{port}/"
            assert (first["r_wr_bytes"], first["r_rd_bytes"]) == (len(heads[0]), len(OK))
            # The same name and port without TLS is another server: nothing of it may go over the kept connection.
            writer.write(get(port, b"http", b"origin.test"))
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 502 ")
            assert len(heads) == 2
            writer.close()

    run(main())


def resumptions() -> tuple[Handler, list[bool]]:
    """What an origin does that closes after each answer, and whether each of its clients resumed a session."""
    resumed: list[bool] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        resumed.append(writer.get_extra_info("ssl_object").session_reused)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    return serve, resumed


async def ask(p: Proxy, port: int) -> None:
    reader, writer = await asyncio.open_connection(*p.http)
    writer.write(get(port, b"https", b"origin.test"))
    assert (await read_response(reader))[0].startswith(b"HTTP/1.1 200")
    writer.close()


def test_sessions_are_resumed_towards_origins(tmp_path: Path) -> None:
    async def main() -> None:
        for more, expected in (({}, [False, True, True]), ({"no_session_cache": True}, [False, False, False])):
            serve, resumed = resumptions()
            leaf = authority().issue("origin.test")
            async with (
                proxy(http={"tls_client": {**trusting(tmp_path), **more}}) as p,
                secure_origin(serve, leaf, tmp_path) as (_, port),
            ):
                for _ in range(3):
                    await ask(p, port)
            assert resumed == expected

    run(main())


def test_a_session_does_not_outlive_the_certificate_of_its_origin(tmp_path: Path) -> None:
    async def main() -> None:
        serve, resumed = resumptions()
        leaf = authority().issue("origin.test", valid=(-DAY, DAY / 24))
        async with (
            proxy(http={"tls_client": trusting(tmp_path)}) as p,
            secure_origin(serve, leaf, tmp_path) as (_, port),
        ):
            await ask(p, port)
            await ask(p, port)
            assert p.worker.modules is not None
            server = p.worker.modules.servers["http"]
            assert isinstance(server, HttpProxyServer)
            server.tls._sessions._now = lambda: time.time() + 3700  # less than an origin's tickets are good for
            await ask(p, port)
        assert resumed == [False, True, False]

    run(main())


@pytest.mark.parametrize(
    ("made", "name", "word"),
    [
        ({"valid": (-2 * DAY, -DAY)}, "origin.test", "certificate_expired"),
        ({}, "other.test", "certificate_name"),
        ({"client": True}, "origin.test", "certificate_purpose"),
        ({"common_name": "origin.test"}, "", "certificate_name"),
    ],
)
@pytest.mark.parametrize("disable_sni", [False, True])
def test_origins_that_are_not_who_they_should_be(
    tmp_path: Path, made: dict[str, Any], name: str, word: str, disable_sni: bool
) -> None:
    async def main() -> None:
        handler, heads = replying(OK)
        leaf = authority().issue(*([name] if name else []), **made)
        tls_client = {**trusting(tmp_path), "disable_sni": disable_sni}
        async with proxy(http={"tls_client": tls_client}) as p, secure_origin(handler, leaf, tmp_path) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(get(port, b"https", b"origin.test"))
            head, page = await read_response(reader)
            assert head.startswith(b"HTTP/1.1 525 SSL Handshake Failed\r\n")
            assert word.encode() in page
            assert heads == []
            record = await p.task_record()
            assert record["reason"] == "UpstreamTlsHandshakeFailed"
            assert record["rsp_status"] == 525
            writer.close()

    run(main())


def test_an_origin_without_a_known_issuer_and_one_that_nobody_verifies(tmp_path: Path) -> None:
    async def main() -> None:
        leaf = Authority("Others").issue("origin.test")
        for more, status in (({}, b"525"), ({"insecure": True}, b"200")):
            handler, _ = replying(OK)
            async with (
                proxy(http={"tls_client": {**trusting(tmp_path), **more}}) as p,
                secure_origin(handler, leaf, tmp_path) as (_, port),
            ):
                reader, writer = await asyncio.open_connection(*p.http)
                writer.write(get(port, b"https", b"origin.test"))
                head, page = await read_response(reader)
                assert head.split(b" ")[1] == status
                assert status == b"200" or b"certificate_issuer" in page
                writer.close()

    run(main())


def test_an_address_is_verified_as_one_and_sni_is_not_sent_where_it_is_off(tmp_path: Path) -> None:
    asked: list[str | None] = []

    def note(tls: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        asked.append(name)

    async def main() -> None:
        leaf = authority().issue("origin.test", "127.0.0.1")
        for host, more in ((b"127.0.0.1", {}), (b"origin.test", {}), (b"origin.test", {"disable_sni": True})):
            handler, _ = replying(OK)
            async with (
                proxy(http={"tls_client": {**trusting(tmp_path), **more}}) as p,
                secure_origin(handler, leaf, tmp_path, sni_callback=note) as (_, port),
            ):
                reader, writer = await asyncio.open_connection(*p.http)
                writer.write(get(port, b"https", host))
                assert (await read_response(reader))[1] == b"ok"
                writer.close()
        assert asked == [None, "origin.test", None]

    run(main())


def test_the_proxy_shows_its_own_certificate(tmp_path: Path) -> None:
    async def main() -> None:
        subjects: list[Any] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            subjects.append(writer.get_extra_info("peercert")["subject"])
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)
            await reader.read()
            writer.close()

        context = authority().issue("origin.test").server(tmp_path)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(ca(tmp_path))
        pair = authority().issue(client=True, common_name="our proxy").pair(tmp_path, "ours")
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        async with proxy(http={"tls_client": {**trusting(tmp_path), "cert_pair": pair}}) as p:
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(get(port, b"https", b"origin.test"))
            assert (await read_response(reader))[1] == b"ok"
            assert subjects == [((("commonName", "our proxy"),),)]
            writer.close()
        server.close()

    run(main())


@pytest.mark.parametrize("how", ["plain", "silent", "closed"])
def test_origins_that_speak_no_tls(tmp_path: Path, how: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        if how == "plain":
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        elif how == "silent":
            await asyncio.Event().wait()

    async def main() -> None:
        tls_client = {**trusting(tmp_path), "handshake_timeout": "50ms" if how == "silent" else "10s"}
        async with proxy(http={"tls_client": tls_client}) as p, origin(serve) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(get(port, b"https"))
            head, page = await read_response(reader)
            assert head.startswith(b"HTTP/1.1 525 ")
            record = await p.task_record()
            if how == "silent":
                assert record["reason"] == "UpstreamTlsHandshakeTimeout"
            else:
                assert record["reason"] == "UpstreamTlsHandshakeFailed"
                assert (b"not_tls" if how == "plain" else b"truncated") in page
            writer.close()

    run(main())


def test_a_response_that_is_cut_off_is_never_taken_for_the_whole(tmp_path: Path) -> None:
    """A body that runs until the close ends with close_notify or not at all."""

    async def main() -> None:
        for orderly in (True, False):

            async def serve(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter, orderly: bool = orderly
            ) -> None:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\n\r\npart")
                if not orderly:
                    await writer.drain()
                    cut(writer)
                    await reader.read()

            leaf = authority().issue("origin.test")
            async with (
                proxy(http={"tls_client": trusting(tmp_path)}) as p,
                secure_origin(serve, leaf, tmp_path) as (_, port),
            ):
                reader, writer = await asyncio.open_connection(*p.http)
                writer.write(get(port, b"https", b"origin.test"))
                await reader.readuntil(b"\r\n\r\n")
                body = await reader.readuntil(b"part\r\n")
                if orderly:
                    assert await reader.readexactly(5) == b"0\r\n\r\n"
                else:
                    assert await reader.read() == b""
                assert b"part" in body
                record = await p.task_record()
                assert record["reason"] == ("Finished" if orderly else "UpstreamReadFailed")
                writer.close()

    run(main())


def test_both_sides_secured_with_large_bodies(tls: dict[str, Any], tmp_path: Path) -> None:
    data = random.Random(5).randbytes(2_000_003)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(len(data))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    async def main() -> None:
        leaf = authority().issue("origin.test")
        http = {"tls_server": tls, "tls_client": trusting(tmp_path)}
        async with proxy(http=http) as p, secure_origin(serve, leaf, tmp_path) as (_, port):
            reader, writer = await connect(p.http)
            writer.write(
                b"POST https://origin.test:%d/ HTTP/1.1\r\nHost: origin.test:%d\r\nContent-Length: %d\r\n\r\n"
                % (port, port, len(data))
            )
            writer.write(data)
            assert (await read_response(reader))[1] == data
            writer.close()

    run(main())


def test_an_upgrade_over_tls_becomes_a_tunnel(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello")
        while data := await reader.read(65536):
            writer.write(data)

    async def main() -> None:
        leaf = authority().issue("origin.test")
        for scheme in (b"https", b"wss"):
            async with (
                proxy(http={"tls_client": trusting(tmp_path)}) as p,
                secure_origin(serve, leaf, tmp_path) as (_, port),
            ):
                reader, writer = await asyncio.open_connection(*p.http)
                request = get(port, scheme, b"origin.test")[:-2]
                writer.write(request + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n")
                assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(5) == b"hello"
                writer.write(b"frame")
                assert await reader.readexactly(5) == b"frame"
                writer.close()
                assert (await p.task_record())["reason"] in ("Finished", "UpstreamReadFailed", "UpstreamWriteFailed")

    run(main())
