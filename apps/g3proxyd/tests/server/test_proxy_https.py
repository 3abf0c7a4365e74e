"""Next proxies that are spoken to by TLS: daemons of ours, with certificates on both sides, right and wrong."""

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from certificates import DAY, Authority, Leaf, authority
from hops import GRANTED, OK, connect, get, opened
from loopback import run
from proxy import Address, Proxy, echo, origin, read_response, replying, talk
from serving import serving
from tls.secure import ca, secure_origin, trusting

NAME = "next.test"


def through(port: int, folder: Path, **keys: Any) -> dict[str, Any]:
    """An escaper ``out`` that trusts the tests' authority alone."""
    proxy = {"type": "proxy_https", "proxy_addr": f"127.0.0.1:{port}"}
    all_keys = {"name": "out", **proxy, "tls_name": NAME, "tls_client": trusting(folder), **keys}
    return {key: value for key, value in all_keys.items() if value is not None}


@contextlib.asynccontextmanager
async def next_hop(
    folder: Path, leaf: Leaf | None = None, *, onwards: dict[str, Any] | None = None, **tls: Any
) -> AsyncIterator[Proxy]:
    """A daemon of ours as the next hop, which goes on by the escaper ``onwards``; ``tls`` are keys of `tls_server`."""
    pair = (leaf or authority().issue(NAME)).pair(folder, f"next{random.randrange(1 << 32)}")
    http = {"name": "https", "type": "http_proxy", "tls_server": {"cert_pairs": [pair], **tls}}
    escapers = [] if onwards is None else [onwards]
    async with serving({**http, "escaper": "out" if escapers else "direct"}, routes=escapers) as running:
        yield running


@contextlib.asynccontextmanager
async def front(port: int, folder: Path, http: dict[str, Any] | None = None, /, **keys: Any) -> AsyncIterator[Proxy]:
    servers = [
        {"name": "http", "type": "http_proxy", "escaper": "out", "tls_client": trusting(folder), **(http or {})},
        {"name": "socks", "type": "socks_proxy", "escaper": "out"},
    ]
    async with serving(*servers, routes=[through(port, folder, **keys)]) as running:
        yield running


def at(running: Proxy) -> int:
    return running.addresses["https"][1]


async def echoed(address: Address, to: int, data: bytes) -> None:
    said = await talk(address, connect(b"127.0.0.1:%d" % to) + data, end=True)
    assert said == GRANTED + data


@pytest.mark.parametrize("version", ["tls1.2", "tls1.3"])
def test_tunnels_and_requests(tmp_path: Path, version: str) -> None:
    async def main() -> None:
        handler, heads = replying(OK, OK)
        tls = {**trusting(tmp_path), "protocol": version}
        async with (
            origin(echo) as (_, to),
            origin(handler) as (_, site),
            next_hop(tmp_path) as last,
            front(at(last), tmp_path, tls_client=tls) as p,
        ):
            await echoed(p.http, to, random.Random(1).randbytes(1_000_000))
            reader, writer = await opened(p.http)
            for _ in range(2):
                writer.write(get(b"http://127.0.0.1:%d/" % site))
                assert (await read_response(reader))[1] == b"ok"
            writer.close()
            assert len(heads) == 2
            records = await p.records.wait(3, task_event="Finished")
            assert [record.get("reuse_connection") for record in records] == [None, False, True]
            assert {record["next_peer_addr"] for record in records} == {f"127.0.0.1:{at(last)}"}
            assert records[0]["r_wr_bytes"] == 1_000_000  # without TLS's own, and without what is asked of the proxy
            stats = p.worker.modules.escapers["out"].stats  # type: ignore[union-attr]
            assert (stats.task_total, stats.tls_handshake_success, stats.tls_handshake_error) == (2, 2, 0)

    run(main())


def test_tls_inside_of_tls(tmp_path: Path) -> None:
    async def main() -> None:
        body = random.Random(1).randbytes(1_000_000)
        reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        handler, heads = replying(reply, OK)
        async with (
            secure_origin(handler, authority().issue("127.0.0.1"), tmp_path) as (_, site),
            next_hop(tmp_path) as last,
            front(at(last), tmp_path) as p,
        ):
            reader, writer = await opened(p.http)
            for expected in (body, b"ok"):
                writer.write(get(b"https://127.0.0.1:%d/x" % site))
                assert (await read_response(reader))[1] == expected
            writer.close()
            assert heads == [b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % site] * 2
            (tunnel,) = await last.records.wait(log_type="Task", task_event="Finished")
            assert (tunnel["task_type"], tunnel["reason"]) == ("TcpConnect", "Finished")

    run(main())


def test_a_tcp_stream_with_tls_inside_of_tls(tmp_path: Path) -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello " + await reader.readexactly(4))

        async with (
            secure_origin(serve, authority().issue("127.0.0.1"), tmp_path) as (_, site),
            next_hop(tmp_path) as last,
        ):
            keys = {"upstream": f"127.0.0.1:{site}", "tls_client": trusting(tmp_path)}
            stream = {"name": "stream", "type": "tcp_stream", "escaper": "out", **keys}
            async with serving(stream, routes=[through(at(last), tmp_path)]) as p:
                assert await talk(p.addresses["stream"], b"ping") == b"hello ping"

    run(main())


@pytest.mark.parametrize("split", [False, True])
def test_what_the_target_says_first_is_not_lost(tmp_path: Path, split: bool) -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            if split:
                writer.write(GRANTED[:20])
                await writer.drain()
                writer.write(GRANTED[20:] + b"SSH-2.0-banner\r\n")
            else:
                writer.write(GRANTED + b"SSH-2.0-banner\r\n")
            writer.write(await reader.readexactly(4))

        async with secure_origin(serve, authority().issue(NAME), tmp_path) as (_, port), front(port, tmp_path) as p:
            reader, writer = await opened(p.http)
            writer.write(connect())
            said = GRANTED + b"SSH-2.0-banner\r\n"
            assert await reader.readexactly(len(said)) == said
            writer.write(b"ping")
            assert await reader.read() == b"ping"
            writer.close()
            assert (await p.task_record())["r_rd_bytes"] == 20

    run(main())


def test_a_wrong_certificate_inside(tmp_path: Path) -> None:
    async def main() -> None:
        handler, heads = replying(OK)
        async with (
            secure_origin(handler, authority().issue("127.0.0.2"), tmp_path) as (_, site),
            next_hop(tmp_path) as last,
            front(at(last), tmp_path) as p,
        ):
            said = await talk(p.http, get(b"https://127.0.0.1:%d/" % site, b"Connection: close"))
            assert said.startswith(b"HTTP/1.1 525 ")
            await last.records.wait(log_type="Task", task_event="Finished")  # the tunnel has been closed
            assert heads == []

    run(main())


def test_https_that_the_next_proxy_forwards(tmp_path: Path) -> None:
    """It is the next proxy that shakes hands; what it says about that is passed on."""

    async def main() -> None:
        handler, _ = replying(OK)
        async with (
            secure_origin(handler, authority().issue("127.0.0.2"), tmp_path) as (_, site),
            next_hop(tmp_path) as last,
            front(at(last), tmp_path, http_forward_capability={"forward_https": True}) as p,
        ):
            said = await talk(p.http, get(b"https://127.0.0.1:%d/" % site, b"Connection: close"))
            assert said.startswith(b"HTTP/1.1 525 ")
            assert (await p.task_record())["origin_status"] == 525

    run(main())


def test_a_client_certificate(tmp_path: Path) -> None:
    async def main() -> None:
        wants: dict[str, Any] = {"enable_client_auth": True, "ca_certificate": ca(tmp_path)}
        shown = authority().issue("joe", client=True).pair(tmp_path, "client")
        foreign = Authority().issue("joe", client=True).pair(tmp_path, "foreign")
        async with origin(echo) as (_, to), next_hop(tmp_path, **wants) as last:
            async with front(at(last), tmp_path, tls_client={**trusting(tmp_path), "cert_pair": shown}) as p:
                await echoed(p.http, to, b"ping")
            for tls in ({}, {"cert_pair": foreign}, {"cert_pair": foreign, "protocol": "tls1.2"}):
                async with front(at(last), tmp_path, tls_client={**trusting(tmp_path), **tls}) as p:
                    said = await talk(p.http, connect(b"127.0.0.1:%d" % to, b"Connection: close"))
                    # In TLS 1.3 a client hears of it only with the first answer.
                    assert re.match(rb"HTTP/1.1 50[02] ", said)
                    reason = (await p.task_record())["reason"]
                    assert reason in ("UpstreamTlsHandshakeFailed", "UpstreamNotNegotiated")

    run(main())


@pytest.mark.parametrize(
    ("made", "names"),
    [({}, ("other.test",)), ({}, ("127.0.0.1",)), ({"valid": (-2 * DAY, -DAY)}, (NAME,)), ({"client": True}, (NAME,))],
)
def test_wrong_certificates(tmp_path: Path, made: dict[str, Any], names: tuple[str, ...]) -> None:
    async def main() -> None:
        async with next_hop(tmp_path, authority().issue(*names, **made)) as last, front(at(last), tmp_path) as p:
            for request in (connect(b"a.test:22", b"Connection: close"), get(b"http://a.test/", b"Connection: close")):
                assert (await talk(p.http, request)).startswith(b"HTTP/1.1 500 ")
            assert (await talk(p.socks, b"\x05\x01\x00\x05\x01\x00\x03\x06a.test\x00\x16"))[2:4] == b"\x05\x01"
            records = await p.records.wait(3, log_type="Escape")
            for record in records:
                assert (record["escape_type"], record["tls_application"]) == ("TlsHandshake", "HttpProxy")
                assert (record["tls_name"], record["tls_peer"]) == (NAME, f"127.0.0.1:{at(last)}")
                assert record["next_peer_addr"] == f"127.0.0.1:{at(last)}"
                assert "the TLS handshake with the next proxy failed" in record["msg"]
            tasks = await p.records.wait(3, log_type="Task", task_event="Finished")
            assert {task["reason"] for task in tasks} == {"UpstreamTlsHandshakeFailed"}
            assert {record["task_id"] for record in records} == {task["task_id"] for task in tasks}

    run(main())


def test_a_foreign_issuer_and_the_peers_own_name(tmp_path: Path) -> None:
    async def main() -> None:
        own = authority().issue("127.0.0.1")
        async with origin(echo) as (_, to):
            async with next_hop(tmp_path, own) as last, front(at(last), tmp_path, tls_name=None) as p:
                await echoed(p.http, to, b"ping")
            async with next_hop(tmp_path, Authority().issue(NAME)) as last, front(at(last), tmp_path) as p:
                assert (await talk(p.http, connect(b"a.test:1", b"Connection: close"))).startswith(b"HTTP/1.1 500 ")

    run(main())


@pytest.mark.parametrize(
    ("said", "status", "reason"),
    [(b"", 500, "UpstreamTlsHandshakeTimeout"), (b"HTTP/1.1 400 No TLS\r\n\r\n", 500, "UpstreamTlsHandshakeFailed")],
)
def test_a_next_proxy_that_speaks_no_tls(tmp_path: Path, said: bytes, status: int, reason: str) -> None:
    async def main() -> None:
        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(said)
            await reader.read(65536)
            await reader.read()

        tls = {**trusting(tmp_path), "handshake_timeout": "200ms"}
        async with origin(handler) as (_, port), front(port, tmp_path, tls_client=tls) as p:
            assert (await talk(p.http, connect(b"a.test:22", b"Connection: close"))).startswith(
                b"HTTP/1.1 %d " % status
            )
            assert (await p.task_record())["reason"] == reason

    run(main())


def test_sessions_with_the_next_proxy_are_resumed(tmp_path: Path) -> None:
    async def main() -> None:
        resumed: list[bool] = []

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            resumed.append(writer.get_extra_info("ssl_object").session_reused)
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 403 No\r\n\r\n")
            await reader.read()

        async with (
            secure_origin(handler, authority().issue(NAME), tmp_path) as (_, port),
            front(port, tmp_path) as p,
        ):
            for _ in range(3):
                assert (await talk(p.http, connect(b"a.test:22", b"Connection: close"))).startswith(b"HTTP/1.1 502 ")
            assert resumed == [False, True, True]

    run(main())


@pytest.mark.parametrize("version", [1, 2])
def test_a_proxy_header_comes_before_tls(tmp_path: Path, version: int) -> None:
    async def main() -> None:
        pair = authority().issue(NAME).pair(tmp_path)
        port = {"name": "https", "type": "plain_tls_port", "server": "inner", "tls_server": {"cert_pairs": [pair]}}
        inner = {"name": "inner", "type": "http_proxy", "escaper": "direct"}
        native = {**port, "type": "native_tls_port", "proxy_protocol": version}
        async with (
            origin(echo) as (_, to),
            serving(inner, native) as last,
            front(at(last), tmp_path, use_proxy_protocol=version) as p,
        ):
            await echoed(p.http, to, b"ping")
            first, second = await p.task_record(), await last.task_record()
            assert (second["client_addr"], second["server_addr"]) == (first["client_addr"], first["server_addr"])

    run(main())


@pytest.mark.parametrize("middle", ["proxy_http", "proxy_https"])
def test_a_chain_of_three(tmp_path: Path, middle: str) -> None:
    """Ours, ours, ours, origin: tunnels, requests, and TLS to the end through all of them."""

    async def main() -> None:
        handler, _ = replying(OK)
        secure, _ = replying(OK)
        plain = {"name": "https", "type": "http_proxy", "escaper": "direct"}
        async with contextlib.AsyncExitStack() as stack:
            enter = stack.enter_async_context
            _, to = await enter(origin(echo))
            _, site = await enter(origin(handler))
            _, secure_site = await enter(secure_origin(secure, authority().issue("127.0.0.1"), tmp_path))
            last = await enter(serving(plain) if middle == "proxy_http" else next_hop(tmp_path))
            without = {"tls_name": None, "tls_client": None} if middle == "proxy_http" else {}
            onwards = through(at(last), tmp_path, type=middle, **without)
            between = await enter(next_hop(tmp_path, onwards=onwards))
            p = await enter(front(at(between), tmp_path))
            await echoed(p.http, to, random.Random(1).randbytes(300_000))
            for target in (b"http://127.0.0.1:%d/" % site, b"https://127.0.0.1:%d/" % secure_site):
                said = await talk(p.http, get(target, b"Connection: close"))
                assert said.startswith(b"HTTP/1.1 200 OK\r\n")
                assert said.endswith(b"ok")
            for each in (p, between, last):
                assert len(await each.records.wait(3, log_type="Task", task_event="Finished")) == 3

    run(main())
