"""The reverse proxy: which site a request goes to, what the site is told, and what is refused."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_address
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from g3_acl import parse_host
from g3_proxyproto import Inet, pack_v2
from g3proxyd.escaper.base import ConnectNotes, HttpHop, TaskIdentity
from g3proxyd.server.http_rproxy import Site
from g3proxyd.upstream import Upstream
from loopback import run
from proxy import Proxy, listening, origin, read_response, replying, talk
from serving import serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def rproxy(*hosts: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """An http_rproxy with these hosts."""
    return {"name": "rp", "type": "http_rproxy", "escaper": "direct", "hosts": list(hosts), **keys}


def to(port: int, *exact: str, **more: Any) -> dict[str, Any]:
    """What stands behind these hosts, or behind all others."""
    return {"upstream": f"127.0.0.1:{port}", **({"exact_match": list(exact)} if exact else {}), **more}


def get(
    host: str = "a.test", *more: bytes, target: bytes = b"/path?q", method: bytes = b"GET", minor: int = 1
) -> bytes:
    fields = b"".join(line + b"\r\n" for line in more)
    return b"%b %b HTTP/1.%d\r\nHost: %b\r\n%b\r\n" % (method, target, minor, host.encode(), fields)


def status(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


def fields(head: bytes, name: bytes) -> list[bytes]:
    """The values of a field in a head."""
    lines = [line.partition(b": ") for line in head.split(b"\r\n")[1:]]
    return [value for spelt, _, value in lines if spelt.lower() == name]


@asynccontextmanager
async def behind(*replies: bytes, **keys: Any) -> AsyncIterator[tuple[Proxy, list[bytes], int]]:
    """A reverse proxy with one site for all hosts; and the heads that its origin gets, and the origin's port."""
    handler, heads = replying(*(replies or (OK,)))
    async with origin(handler) as (_, port), serving(rproxy(to(port), **keys)) as p:
        yield p, heads, port


def test_a_request_reaches_its_site_as_it_was_but_for_the_hop_and_is_logged() -> None:
    async def main() -> None:
        async with behind() as (p, heads, port):
            request = get(
                "A.Test:8080",
                b"User-Agent: test/1",
                b"Connection: close, X-Hop",
                b"X-Hop: 1",
                b"X-Keep: 2",
            )
            assert await talk(p.addresses["rp"], request) == (
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
            )
            assert heads[0].split(b"\r\n")[:-2] == [
                b"GET /path?q HTTP/1.1",
                b"Host: A.Test:8080",
                b"User-Agent: test/1",
                b"X-Keep: 2",
                b"X-Forwarded-For: 127.0.0.1",
            ]
            record = await p.task_record()
            assert (record["server_type"], record["server_name"]) == ("HttpRProxy", "rp")
            assert (record["task_type"], record["method"], record["reason"]) == ("HttpForward", "GET", "Finished")
            assert record["uri"] == "http://A.Test:8080/path?q"
            assert record["upstream"] == record["next_peer_addr"] == f"127.0.0.1:{port}"
            assert (record["rsp_status"], record["origin_status"], record["user_agent"]) == (200, 200, "test/1")
            assert record["reuse_connection"] is False
            assert record["pipeline_wait"]
            assert record["server_addr"] == f"127.0.0.1:{p.addresses['rp'][1]}"
            assert (record["c_rd_bytes"], record["r_wr_bytes"]) == (len(request), len(heads[0]))

    run(main())


def test_each_host_has_its_site() -> None:
    async def main() -> None:
        async def named(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                name = b"%d" % writer.get_extra_info("sockname")[1]
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name))

        async with origin(named) as (_, one), origin(named) as (_, two), origin(named) as (_, three):
            sites = (
                to(one, "a.test", "192.0.2.1", "2001:db8::1"),
                to(two, child_match=["b.test"]),
                to(three, "x.b.test", set_default=True),
            )
            async with serving(rproxy(*sites)) as p:
                reader, writer = await asyncio.open_connection(*p.addresses["rp"])
                for host, port in (
                    ("a.test", one),
                    ("A.TEST.:81", one),
                    ("192.0.2.1:9", one),
                    ("[2001:DB8:0::1]", one),
                    ("b.test", two),
                    ("y.x.b.test", two),
                    ("x.b.test", three),
                    ("other.test", three),
                    ("127.0.0.1", three),
                ):
                    writer.write(get(host))
                    assert (await read_response(reader))[1] == b"%d" % port, host
                writer.close()

    run(main())


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (get("b.test"), 404),
        (get("a.test.b"), 404),
        (get("sub.a.test"), 404),
        (get("127.0.0.1"), 404),
        (get(""), 400),
        (get("a.test, b.test"), 400),
        (get("a.test/x"), 400),
        (get("a.test@b.test"), 400),
        (get("a..test"), 400),
        (get("256.1.1.1"), 400),
        (get("a.test", b"Host: a.test"), 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 404),
        (get(target=b"http://b.test/"), 404),
        (get(target=b"https://a.test/"), 421),
        (get(target=b"ftp://a.test/"), 421),
        (get(target=b"ws://a.test/"), 421),
        (get(target=b"http://u:p@a.test/"), 400),
        (b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", 501),
        (get("a.test", b"Max-Forwards: 0", method=b"OPTIONS"), 501),
        (get("a.test", b"Connection: host"), 400),
        (get("a.test", b"Content-Length: 1", b"Transfer-Encoding: chunked"), 400),
        (b"GET / HTTP/2.0\r\nHost: a.test\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"\x16\x03\x01\x00\x05hello\r\n\r\n", 400),
    ],
)
def test_what_is_not_for_a_site_is_refused_and_reaches_nobody(request_: bytes, expected: int) -> None:
    async def main() -> None:
        handler, heads = replying(OK)
        async with origin(handler) as (_, port), serving(rproxy(to(port, "a.test"))) as p:
            answer = await talk(p.addresses["rp"], request_)
            assert status(answer) == expected
            assert b"\r\nConnection: close\r\n" in answer
            assert b"127.0.0.1" not in answer
            assert heads == []
            assert p.worker.modules is not None
            stats = p.worker.modules.servers["rp"].stats
            assert (stats.task_total, stats.dest_denied) == (0, int(expected == 404))

    run(main())


def test_nothing_is_said_where_early_errors_are_silent() -> None:
    async def main() -> None:
        async with serving(rproxy(to(1, "a.test"), no_early_error_reply=True)) as p:
            for request in (get("b.test"), b"rubbish\r\n\r\n"):
                assert await talk(p.addresses["rp"], request) == b""

    run(main())


def test_the_absolute_form_is_for_origins_too_and_its_host_counts() -> None:
    """RFC 9112 section 3.2.2: an origin MUST accept it, and ignore Host."""

    async def main() -> None:
        async with behind(OK, OK) as (p, heads, _):
            reader, writer = await asyncio.open_connection(*p.addresses["rp"])
            writer.write(get("other.test", target=b"http://a.test:81/x"))
            await read_response(reader)
            writer.write(get("other.test", method=b"OPTIONS", target=b"http://a.test"))
            await read_response(reader)
            writer.close()
            assert heads[0].startswith(b"GET /x HTTP/1.1\r\nHost: a.test:81\r\nX-Forwarded-For")
            assert heads[1].startswith(b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For")
            assert (await p.task_record())["uri"] == "http://a.test:81/x"

    run(main())


def test_an_old_client_that_names_no_host_gets_the_default_and_its_upstream_a_host() -> None:
    async def main() -> None:
        async with behind() as (p, heads, port):
            assert status(await talk(p.addresses["rp"], b"GET / HTTP/1.0\r\n\r\n")) == 200
            assert heads[0].startswith(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % port)
            assert (await p.task_record())["uri"] == f"http://127.0.0.1:{port}/"

    run(main())


@pytest.mark.parametrize(
    ("kind", "said", "told"),
    [
        ("classic", [], [b"X-Forwarded-For: 127.0.0.1"]),
        (True, [b"x-forwarded-for: 192.0.2.1"], [b"X-Forwarded-For: 192.0.2.1, 127.0.0.1"]),
        (
            "enable",
            [b"X-Forwarded-For: 192.0.2.1", b"X-Forwarded-For:", b"X-Forwarded-For: 192.0.2.2, x"],
            [b"X-Forwarded-For: 192.0.2.1, 192.0.2.2, x, 127.0.0.1"],
        ),
        ("classic", [b"Connection: X-Forwarded-For", b"X-Forwarded-For: 1"], [b"X-Forwarded-For: 127.0.0.1"]),
        ("standard", [], [b"Forwarded: for=127.0.0.1;by=127.0.0.1"]),
        (
            "rfc7239",
            [b"Forwarded: for=192.0.2.1", b'forwarded: for="[2001:db8::1]";proto=http'],
            [b'Forwarded: for=192.0.2.1, for="[2001:db8::1]";proto=http, for=127.0.0.1;by=127.0.0.1'],
        ),
        ("none", [], []),
        (False, [b"X-Forwarded-For: 192.0.2.1"], [b"X-Forwarded-For: 192.0.2.1"]),
    ],
)
def test_sites_are_told_for_whom_a_request_is(kind: object, said: list[bytes], told: list[bytes]) -> None:
    async def main() -> None:
        async with behind(append_forwarded_for=kind) as (p, heads, _):
            assert status(await talk(p.addresses["rp"], get("a.test", b"X-Other: 1", *said), end=True)) == 200
            assert heads[0].split(b"\r\n")[2:-2] == [b"X-Other: 1", *told]

    run(main())


@pytest.mark.parametrize("said", [b'for="192.0.2.1', b"for=1, for", b"for=a;for=b", b'for="a\\"'])
def test_what_would_swallow_our_word_is_refused(said: bytes) -> None:
    async def main() -> None:
        async with behind(append_forwarded_for="standard") as (p, heads, _):
            assert status(await talk(p.addresses["rp"], get("a.test", b"Forwarded: " + said))) == 400
            assert heads == []

    run(main())


def test_the_clients_address_is_that_of_a_proxy_header() -> None:
    async def main() -> None:
        port = {"name": "port", "type": "plain_tcp_port", "server": "rp", "proxy_protocol": 2}
        for kind, told in (
            ("classic", b"X-Forwarded-For: 2001:db8::7"),
            ("standard", b'Forwarded: for="[2001:db8::7]";by="[2001:db8::8]"'),
        ):
            handler, heads = replying(OK)
            async with origin(handler) as (_, at), serving(rproxy(to(at), append_forwarded_for=kind), port) as p:
                header = pack_v2(Inet(ip_address("2001:db8::7"), 5), Inet(ip_address("2001:db8::8"), 80))
                assert status(await talk(p.addresses["port"], header + get("a.test", b"Connection: close"))) == 200
                assert told in heads[0].split(b"\r\n")
                record = await p.task_record()
                assert (record["client_addr"], record["server_addr"]) == ("[2001:db8::7]:5", "[2001:db8::8]:80")

    run(main())


def test_a_server_id_goes_both_ways() -> None:
    async def main() -> None:
        async with behind(OK, OK, server_id="edge-1") as (p, heads, port):
            reader, writer = await asyncio.open_connection(*p.addresses["rp"])
            writer.write(get("a.test", b"Via: 1.1 before"))
            head, _ = await read_response(reader)
            (info,) = fields(head, b"x-bd-remote-connection-info")
            assert info.startswith(b"edge-1; local=127.0.0.1:")
            assert info.endswith(b"; remote=127.0.0.1:%d" % port)
            writer.close()
            assert status(await talk(p.addresses["rp"], get(minor=0))) == 200
            assert fields(heads[0], b"via") == [b"1.1 before", b"1.1 edge-1"]
            assert fields(heads[1], b"via") == [b"1.0 edge-1"]

    run(main())


def test_a_server_id_that_is_no_name_for_via_is_not_in_it() -> None:
    async def main() -> None:
        async with behind(server_id="edge (1)") as (p, heads, _):
            answer = await talk(p.addresses["rp"], get("a.test", b"Connection: close"))
            assert b"X-BD-Remote-Connection-Info: edge (1); local=" in answer
            assert b"Via" not in heads[0]

    run(main())


def test_requests_sent_ahead_share_a_connection_to_their_site_and_no_other() -> None:
    async def main() -> None:
        one, first = replying(OK, OK, OK)
        two, second = replying(OK)
        async with AsyncExitStack() as stack:
            _, port1 = await stack.enter_async_context(origin(one))
            _, port2 = await stack.enter_async_context(origin(two))
            sites = (to(port1, "a.test", "b.test"), to(port2, "c.test"))
            async with serving(rproxy(*sites)) as p:
                reader, writer = await asyncio.open_connection(*p.addresses["rp"])
                writer.write(get("a.test") + get("b.test") + get("c.test") + get("a.test"))
                for _ in range(4):
                    assert (await read_response(reader))[1] == b"ok"
                writer.close()
                assert [fields(head, b"host") for head in first] == [[b"a.test"], [b"b.test"], [b"a.test"]]
                records = await p.records.wait(4, task_event="Finished")
                assert [record["reuse_connection"] for record in records] == [False, True, False, False]
                assert len(second) == 1

    run(main())


def test_sites_with_the_same_upstream_share_no_connection() -> None:
    """What one of them has been admitted to by its TLS is not the other's."""

    async def main() -> None:
        handler, heads = replying(OK, OK)
        async with origin(handler) as (_, port), serving(rproxy(to(port, "a.test"), to(port, "b.test"))) as p:
            reader, writer = await asyncio.open_connection(*p.addresses["rp"])
            for host in ("a.test", "b.test"):
                writer.write(get(host))
                assert (await read_response(reader))[1] == b"ok"
            writer.close()
            assert len(heads) == 2
            records = await p.records.wait(2, task_event="Finished")
            assert [record["reuse_connection"] for record in records] == [False, False]

    run(main())


def test_without_keepalive_each_request_has_a_connection() -> None:
    async def main() -> None:
        async with behind(OK, OK, http_forward_upstream_keepalive=False) as (p, heads, _):
            reader, writer = await asyncio.open_connection(*p.addresses["rp"])
            for _ in range(2):
                writer.write(get())
                await read_response(reader)
            writer.close()
            assert all(b"\r\nConnection: close\r\n" in head for head in heads)
            assert len(heads) == 2

    run(main())


def test_a_body_both_ways() -> None:
    async def main() -> None:
        chunked = b"3\r\nabc\r\n0\r\nX-Sum: 5\r\n\r\n"

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(len(chunked)) == chunked
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked)
            await writer.drain()

        async with origin(handler) as (_, port), serving(rproxy(to(port))) as p:
            request = get("a.test", b"Transfer-Encoding: chunked", b"Connection: close", method=b"POST") + chunked
            assert (await talk(p.addresses["rp"], request)).endswith(b"\r\n\r\n" + chunked)

    run(main())


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_a_site_that_is_down_is_not_named_to_clients(method: bytes) -> None:
    async def main() -> None:
        async with origin(replying()[0]) as (_, port):
            pass
        async with serving(rproxy(to(port))) as p:
            reader, writer = await asyncio.open_connection(*p.addresses["rp"])
            writer.write(get(method=method) * 2)
            for _ in range(2):
                head = await reader.readuntil(b"\r\n\r\n")
                assert status(head) == 521
                if method == b"GET":
                    page = await reader.readexactly(int(fields(head, b"content-length")[0]))
                    assert b"127.0.0.1" not in page
                    assert b"refused" not in page
            writer.close()
            record = await p.task_record()
            assert (record["reason"], record["rsp_status"]) == ("UpstreamNotConnected", 521)
            assert record["upstream"] == f"127.0.0.1:{port}"

    run(main())


def test_a_site_that_breaks_http_is_a_bad_gateway() -> None:
    async def main() -> None:
        for reply in (b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nok", b"rubbish\r\n\r\n"):
            async with behind(reply) as (p, _, _):
                answer = await talk(p.addresses["rp"], get())
                assert status(answer) == 502
                assert b"127.0.0.1" not in answer
                assert (await p.task_record())["reason"] == "InvalidUpstreamProtocol"

    run(main())


def test_limits_and_timeouts() -> None:
    async def main() -> None:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

        keys = {"req_header_max_size": 300, "req_header_recv_timeout": "50ms", "rsp_header_recv_timeout": "50ms"}
        async with origin(silent) as (_, port), serving(rproxy(to(port), **keys)) as p:
            assert status(await talk(p.addresses["rp"], get("a.test", b"X: " + b"x" * 300))) == 431
            assert status(await talk(p.addresses["rp"], b"GET / HT")) == 408
            assert status(await talk(p.addresses["rp"], get())) == 504

    run(main())


def test_it_never_connects_to_itself() -> None:
    async def main() -> None:
        with listening() as sock:
            port = sock.getsockname()[1]
            async with serving(rproxy(to(port)), sockets={"rp": sock}) as p:
                assert status(await talk(p.addresses["rp"], get())) == 508
                assert (await p.task_record())["reason"] == "ForbiddenByRule"
                assert p.worker.modules is not None
                assert p.worker.modules.servers["rp"].stats.task_total == 1

    run(main())


@pytest.mark.parametrize("secure", [False, True])
def test_a_proxy_on_the_way_is_told_where_the_site_is(secure: bool) -> None:
    """The target leads to the upstream; whom the client asked for stands in Host."""

    async def main() -> None:
        handler, heads = replying(OK, OK)
        more: dict[str, Any] = {"tls_client": True} if secure else {}
        sites = to(81, "a.test", **more), to(82, "b.test", **more)
        async with origin(handler) as (host, port), serving(rproxy(*sites, server_id="edge")) as p:
            reader, writer = await asyncio.open_connection(*p.addresses["rp"])
            assert p.worker.modules is not None
            escaper = p.worker.modules.escapers["direct"]

            async def next_proxy(upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> HttpHop:
                sock = socket.create_connection((host, port))
                sock.setblocking(False)
                return HttpHop(sock, proxy=True, fields=((b"Proxy-Authorization", b"x"),), any_upstream=True)

            escaper.http_connect = next_proxy  # type: ignore[method-assign]
            for name in ("a.test", "b.test"):
                writer.write(get(name))
                assert (await read_response(reader))[1] == b"ok"
            writer.close()
            scheme = b"https" if secure else b"http"
            for head, site, asked in zip(heads, (b"81", b"82"), (b"a.test", b"b.test"), strict=True):
                assert head.split(b"\r\n")[:2] == [
                    b"GET %b://127.0.0.1:%b/path?q HTTP/1.1" % (scheme, site),
                    b"Host: " + asked,
                ]
                assert fields(head, b"x-forwarded-for") == [b"127.0.0.1"]
                assert (fields(head, b"via"), fields(head, b"proxy-authorization")) == ([b"1.1 edge"], [b"x"])
            records = await p.records.wait(2, task_event="Finished")
            assert [record["reuse_connection"] for record in records] == [False, True]
            assert [record["uri"] for record in records] == ["http://a.test/path?q", "http://b.test/path?q"]

    run(main())


def test_the_host_of_an_upstream_has_no_port_that_goes_without_saying() -> None:
    for host, port, authority in (("a.test", 80, b"a.test"), ("a.test", 8080, b"a.test:8080"), ("::1", 80, b"[::1]")):
        upstream = Upstream(parse_host(host), port)
        assert Site(upstream, None, None).authority == authority


def test_a_client_that_breaks_off_between_two_requests() -> None:
    async def main() -> None:
        async with behind() as (p, _, _):
            reader, writer = await asyncio.open_connection(*p.addresses["rp"])
            writer.write(get())
            await read_response(reader)
            linger = b"\1\0\0\0\0\0\0\0"
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
            assert p.worker.modules is not None
            await p.worker.modules.servers["rp"].connections_done()
            assert p.worker.modules.servers["rp"].stats.task_alive == 0

    run(main())


def test_a_site_that_does_not_switch_answers_as_ever() -> None:
    async def main() -> None:
        async with behind(OK, OK) as (p, heads, _):
            reader, writer = await asyncio.open_connection(*p.addresses["rp"])
            for _ in range(2):
                writer.write(get("a.test", b"Connection: Upgrade", b"Upgrade: other/1"))
                assert (await read_response(reader))[1] == b"ok"
            writer.close()
            for head in heads:
                assert fields(head, b"upgrade") == [b"other/1"]
                assert fields(head, b"x-forwarded-for") == [b"127.0.0.1"]

    run(main())


def test_a_websocket() -> None:
    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert request.host == "chat.test"
        async for message in socket:
            await socket.send_str(message.data.upper())
        return socket

    async def main() -> None:
        application = web.Application()
        application.router.add_get("/chat", echo)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with (
                serving(rproxy(to(runner.addresses[0][1], "chat.test"))) as p,
                aiohttp.ClientSession() as session,
            ):
                url = f"ws://127.0.0.1:{p.addresses['rp'][1]}/chat"
                async with session.ws_connect(url, headers={"Host": "chat.test"}) as client:
                    await client.send_str("hello")
                    assert await client.receive_str() == "HELLO"
                record = await p.task_record()
                assert (record["task_type"], record["reason"], record["rsp_status"]) == ("HttpForward", "Finished", 101)
                assert record["uri"] == "http://chat.test/chat"
        finally:
            await runner.cleanup()

    run(main())


def test_curl() -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")

    async def main() -> None:
        async with behind(OK, OK) as (p, heads, _):
            port = p.addresses["rp"][1]
            process = await asyncio.create_subprocess_exec(
                *(curl, "-sS", "--noproxy", "*", "--resolve", f"a.test:{port}:127.0.0.1"),
                *(f"http://a.test:{port}/1", f"http://a.test:{port}/2"),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            assert await process.communicate() == (b"okok", b"")
            assert [fields(head, b"host") for head in heads] == [[b"a.test:%d" % port]] * 2

    run(main())
