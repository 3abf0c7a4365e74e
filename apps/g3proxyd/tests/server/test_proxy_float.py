"""Servers in front of published peers of every type: daemons of ours, and some whose every word is the test's."""

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from certificates import authority
from g3_http import pack_basic
from hops import OK, connect, get, next_proxy, saying
from loopback import run
from proxy import Address, Proxy, echo, origin, read_response, replying, talk
from serving import serving
from tls.secure import trusting
from udp import associated, peer

FULL = {"use_udp_associate": True}


def last(folder: Path) -> AbstractAsyncContextManager[Proxy]:
    """A daemon whose servers are peers of every type."""
    tls = {"cert_pairs": [authority().issue("peer.test").pair(folder)]}
    servers: list[dict[str, Any]] = [
        {"name": "http", "type": "http_proxy", "escaper": "direct"},
        {"name": "socks5", "type": "socks_proxy", "escaper": "direct", **FULL},
        {"name": "https", "type": "plain_tls_port", "server": "http", "tls_server": tls},
        {"name": "socks5s", "type": "plain_tls_port", "server": "socks5", "tls_server": tls},
    ]
    return serving(*servers)


def floating(folder: Path, **keys: Any) -> AbstractAsyncContextManager[Proxy]:
    """A daemon with an escaper that has no peers yet."""
    return serving(
        {"name": "http", "type": "http_proxy", "escaper": "direct"},
        {"name": "socks", "type": "socks_proxy", "escaper": "direct", **FULL},
        escaper={"type": "proxy_float", "tls_client": trusting(folder), **keys},
    )


async def publish(p: Proxy, *peers: dict[str, Any]) -> None:
    await asyncio.sleep(0)  # the worker begins with the loop's next turn
    modules = p.worker.modules
    assert modules is not None
    config: Any = modules.config.escapers["direct"]
    p.worker.publish("direct", config.take(json.dumps(peers), None).publication)


def at(address: Address, kind: str, **keys: Any) -> dict[str, Any]:
    return {"type": kind, "addr": f"{address[0]}:{address[1]}", **keys}


@pytest.mark.parametrize("kind", ["http", "https", "socks5", "socks5s"])
def test_tunnels_and_requests_through_a_peer(tmp_path: Path, kind: str) -> None:
    async def main() -> None:
        handler, heads = replying(OK, OK)
        async with last(tmp_path) as end, floating(tmp_path) as p, origin(echo) as (_, to), origin(handler) as (_, web):
            tls = {"tls_name": "peer.test"} if kind.endswith("s") else {}
            await publish(p, at(end.addresses[kind], kind, isp="x", expire="2130-01-02T03:04:05Z", **tls))
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(connect(b"origin.test:%d" % to) + b"early")
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(5) == b"early"
            writer.close()
            record = await p.task_record()
            assert (record["escaper"], record["next_expire"]) == ("direct", "2130-01-02T03:04:05.000000Z")
            reader, writer = await asyncio.open_connection(*p.http)
            for _ in range(2):
                writer.write(get(b"http://origin.test:%d/" % web))
                assert (await read_response(reader))[1] == b"ok"
            writer.close()
            assert [head.split()[1] for head in heads] == [b"/", b"/"]

    run(main())


@pytest.mark.parametrize("kind", ["socks5", "socks5s"])
def test_datagrams_through_a_peer(tmp_path: Path, kind: str) -> None:
    async def main() -> None:
        async with last(tmp_path) as end, floating(tmp_path) as p:
            http = at(end.addresses["http"], "http")
            tls = {"tls_name": "peer.test"} if kind == "socks5s" else {}
            await publish(p, *[http] * 9, at(end.addresses[kind], kind, **tls))
            async with associated(p.socks) as client:
                with peer() as (_, port):
                    assert (await client.exchange("origin.test", port, b"hello"))[2] == b"hello"

    run(main())


def test_what_a_peer_of_http_is_sent(tmp_path: Path) -> None:
    async def main() -> None:
        async with next_proxy(saying(OK)) as hop, floating(tmp_path) as p:
            login = {"username": "joe", "password": "secret", "extra_append_headers": {"X-Egress": "cn"}}
            await publish(p, at(("127.0.0.1", hop.port), "http", **login))
            for request in (get(b"http://a.test/", b"Connection: close"), connect(b"a.test:22", b"Connection: close")):
                await talk(p.http, request)
            proof = b"Proxy-Authorization: " + pack_basic("joe", "secret") + b"\r\n"
            assert [head.split(b" ")[0] for head in hop.heads] == [b"GET", b"CONNECT"]
            for head in hop.heads:
                assert proof in head
                assert b"X-Egress: cn\r\n" in head

    run(main())


def test_a_peer_that_is_somebody_else(tmp_path: Path) -> None:
    async def main() -> None:
        async with last(tmp_path) as end, floating(tmp_path) as p:
            await publish(p, at(end.addresses["https"], "https"))
            assert (await talk(p.http, connect(b"a.test:22", b"Connection: close"))).startswith(b"HTTP/1.1 500 ")
            (record,) = await p.records.wait(log_type="Escape")
            assert (record["escaper_type"], record["tls_name"]) == ("ProxyFloat", "127.0.0.1")

    run(main())


def test_an_answer_that_is_too_large(tmp_path: Path) -> None:
    async def main() -> None:
        said = b"HTTP/1.1 200 OK\r\nX: " + b"a" * 5000 + b"\r\n\r\n"
        async with next_proxy(saying(said)) as hop, floating(tmp_path) as p:
            for size, status in (("4KiB", b"502"), ("8KiB", b"200")):
                await publish(p, at(("127.0.0.1", hop.port), "http", http_connect_rsp_header_max_size=size))
                answer = await talk(p.http, connect(b"a.test:22", b"Connection: close"))
                assert answer.split()[1] == status

    run(main())


def test_a_peer_that_is_the_server_itself(tmp_path: Path) -> None:
    async def main() -> None:
        async with floating(tmp_path) as p:
            await publish(p, at(p.http, "http"))
            assert (await talk(p.http, connect(b"a.test:22", b"Connection: close"))).startswith(b"HTTP/1.1 503 ")
            assert len(await p.records.wait(log_type="Task", task_event="Finished")) == 1

    run(main())


def test_no_peer(tmp_path: Path) -> None:
    async def main() -> None:
        async with floating(tmp_path) as p:
            assert (await talk(p.http, connect(b"a.test:22", b"Connection: close"))).startswith(b"HTTP/1.1 503 ")
            assert (await p.task_record())["reason"] == "EscaperNotUsable"

    run(main())
