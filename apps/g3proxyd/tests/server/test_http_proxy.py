"""The HTTP proxy between real sockets: what goes out, what comes back, what is refused and how."""

import asyncio
import contextlib

import pytest
from loopback import run
from proxy import origin, proxy, read_response, replying, talk

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def get(port: int, *more: bytes, method: bytes = b"GET", minor: int = 1) -> bytes:
    fields = b"".join(line + b"\r\n" for line in more)
    return b"%b http://127.0.0.1:%d/path?q HTTP/1.%d\r\nHost: 127.0.0.1:%d\r\n%b\r\n" % (
        method,
        port,
        minor,
        port,
        fields,
    )


def status(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


def test_a_request_is_rewritten_for_its_origin_and_logged() -> None:
    async def main() -> None:
        handler, heads = replying(OK)
        async with proxy() as p, origin(handler) as (_, port):
            request = get(
                port,
                b"User-Agent: test/1",
                b"Proxy-Connection: keep-alive",
                b"Proxy-Authorization: Basic c2VjcmV0",
                b"Connection: close, X-Hop",
                b"X-Hop: 1",
                b"X-Keep: 2",
            )
            assert await talk(p.http, request) == (
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
            )
            assert heads == [
                b"GET /path?q HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: test/1\r\nX-Keep: 2\r\n\r\n" % port
            ]
            record = await p.task_record()
            assert record["reason"] == "Finished"
            assert record["stage"] == "Finished"
            assert (record["server_type"], record["server_name"]) == ("HttpProxy", "http")
            assert (record["task_type"], record["method"]) == ("HttpForward", "GET")
            assert record["uri"] == f"http://127.0.0.1:{port}/path?q"
            assert record["upstream"] == record["next_peer_addr"] == f"127.0.0.1:{port}"
            assert (record["rsp_status"], record["origin_status"]) == (200, 200)
            assert (record["escaper"], record["user_agent"]) == ("direct", "test/1")
            assert record["reuse_connection"] is False
            assert record["pipeline_wait"]
            assert record["wait_time"]
            assert (record["c_rd_bytes"], record["r_wr_bytes"]) == (len(request), len(heads[0]))
            assert (record["r_rd_bytes"], record["c_wr_bytes"]) == (len(OK), len(OK) + len(b"Connection: close\r\n"))
            assert "secret" not in repr(record)
            assert "c2VjcmV0" not in repr(record)

    run(main())


def test_both_sides_are_kept_alive_and_pipelined_requests_are_answered_in_order() -> None:
    async def main() -> None:
        handler, heads = replying(*(OK.replace(b"ok", b"%02d" % n) for n in range(5)))
        async with proxy() as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            for number in range(2):
                writer.write(get(port))
                assert (await read_response(reader))[1] == b"%02d" % number
            writer.write(get(port) + get(port) + get(port)[:20])
            assert (await read_response(reader))[1] == b"02"
            assert (await read_response(reader))[1] == b"03"
            writer.write(get(port)[20:])
            assert (await read_response(reader))[1] == b"04"
            writer.close()
            assert len(heads) == 5  # one origin connection: the handler's replies were used up by one
            records = await p.records.wait(5, task_event="Finished")
            assert [record["reuse_connection"] for record in records] == [False, True, True, True, True]

    run(main())


def test_another_origin_gets_another_connection() -> None:
    async def main() -> None:
        one, first = replying(OK, OK)
        two, second = replying(OK)
        async with proxy() as p, origin(one) as (_, port1), origin(two) as (_, port2):
            reader, writer = await asyncio.open_connection(*p.http)
            for port in (port1, port2, port1):
                writer.write(get(port))
                assert (await read_response(reader))[1] == b"ok"
            writer.close()
            assert (len(first), len(second)) == (2, 1)

    run(main())


def closing_after(count: int) -> tuple[object, list[bytes]]:
    """An origin that answers so many requests on each connection, then closes without saying so."""
    heads: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(count):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(OK)
        heads.append(await reader.readuntil(b"\r\n\r\n"))

    return handler, heads


def test_a_kept_connection_that_dies_is_replaced_for_what_may_be_repeated() -> None:
    async def main() -> None:
        handler, heads = closing_after(1)
        async with proxy() as p, origin(handler) as (_, port):  # type: ignore[arg-type]
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(get(port))
            await read_response(reader)
            writer.write(get(port))
            assert (await read_response(reader))[1] == b"ok"
            assert len(heads) == 3  # the second request came twice: the first connection swallowed it
            writer.write(get(port, b"Content-Length: 0", method=b"POST"))
            head, _ = await read_response(reader)
            assert status(head) == 502
            writer.close()

    run(main())


def test_a_kept_connection_that_the_origin_closed_is_not_used() -> None:
    async def main() -> None:
        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)
            await writer.drain()
            writer.close()
            closed.set()

        closed = asyncio.Event()
        async with proxy() as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            for _ in range(3):
                closed.clear()
                writer.write(get(port, b"Content-Length: 0", method=b"POST"))
                head, body = await read_response(reader)
                assert (status(head), body) == (200, b"ok")
                await closed.wait()
                await asyncio.sleep(0.05)  # not for an event of ours: the FIN has to cross the loopback
            writer.close()

    run(main())


def test_chunked_bodies_pass_both_ways_with_their_trailers() -> None:
    chunked = b"3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n"

    async def main() -> None:
        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            heads.append(await reader.readexactly(len(chunked)))
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
            for at in range(0, len(chunked), 4):
                writer.write(chunked[at : at + 4])
                await writer.drain()

        heads: list[bytes] = []
        async with proxy() as p, origin(handler) as (_, port):
            request = get(port, b"Transfer-Encoding: chunked", b"Connection: close", method=b"POST") + chunked
            response = await talk(p.http, request)
            assert heads[1] == chunked
            head, _, body = response.partition(b"\r\n\r\n")
            assert body == chunked
            assert b"\r\nTrailer: X-Sum" in head

    run(main())


def test_an_old_client_gets_the_content_of_a_chunked_body() -> None:
    async def main() -> None:
        handler, _ = replying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        async with proxy() as p, origin(handler) as (_, port):
            response = await talk(p.http, get(port, minor=0))
            assert response.endswith(b"\r\n\r\nabcde")
            assert b"chunked" not in response

    run(main())


def test_a_body_until_close_becomes_chunks() -> None:
    async def main() -> None:
        handler, _ = replying(b"HTTP/1.0 200 OK\r\n\r\nabcde")
        async with proxy() as p, origin(handler) as (_, port):
            response = await talk(p.http, get(port, b"Connection: close"))
            assert response.endswith(b"5\r\nabcde\r\n0\r\n\r\n")

    run(main())


@pytest.mark.parametrize(
    ("method", "reply"),
    [
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"),
    ],
)
def test_responses_without_a_body_leave_the_connection_usable(method: bytes, reply: bytes) -> None:
    async def main() -> None:
        handler, _ = replying(reply, OK)
        async with proxy() as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(get(port, method=method))
            assert await reader.readuntil(b"\r\n\r\n") == reply
            writer.write(get(port))
            assert (await read_response(reader))[1] == b"ok"
            writer.close()

    run(main())


def test_interim_responses_pass_to_those_who_know_them() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

    async def main() -> None:
        for minor in (1, 0):
            handler, _ = replying(early + OK)
            async with proxy() as p, origin(handler) as (_, port):
                response = await talk(p.http, get(port, b"Connection: close", minor=minor))
                assert response.startswith(early) is bool(minor)
                assert response.endswith(b"\r\n\r\nok")

    run(main())


def test_a_client_that_expects_100_sends_its_body_after_it() -> None:
    async def main() -> None:
        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"\r\nExpect: 100-continue\r\n" in head
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            assert await reader.readexactly(5) == b"hello"
            writer.write(OK)
            await writer.drain()

        async with proxy() as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(get(port, b"Content-Length: 5", b"Expect: 100-continue", method=b"PUT"))
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"hello")
            head, body = await read_response(reader)
            assert (status(head), body) == (200, b"ok")
            writer.close()

    run(main())


def test_an_answer_before_the_end_of_the_request_closes_the_connection() -> None:
    async def main() -> None:
        handler, _ = replying(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
        async with proxy() as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(get(port, b"Content-Length: 1000000", method=b"PUT") + bytes(1000))
            head, _ = await read_response(reader)
            assert status(head) == 413
            assert b"\r\nConnection: close\r\n" in head
            assert await reader.read() == b""
            writer.close()

    run(main())


def test_half_a_request_body_never_looks_whole() -> None:
    async def main() -> None:
        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            ends.append(await reader.read())

        ends: list[bytes] = []
        async with proxy() as p, origin(handler) as (_, port):
            assert await talk(p.http, get(port, b"Content-Length: 10", method=b"PUT") + b"half", end=True) == b""
            record = await p.task_record()
            assert record["reason"] == "ClosedByClient"
            bad = get(port, b"Transfer-Encoding: chunked", method=b"PUT") + b"3\r\nabcXX"
            assert status(await talk(p.http, bad)) == 400
            records = await p.records.wait(2, task_event="Finished")
            assert records[1]["reason"] == "InvalidClientProtocol"

    run(main())


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "ClosedByUpstream"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "ClosedByUpstream"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalfXX", "InvalidUpstreamProtocol"),
    ],
)
def test_half_a_response_is_cut_off_where_it_is(reply: bytes, reason: str) -> None:
    async def main() -> None:
        handler, _ = replying(reply)
        async with proxy() as p, origin(handler) as (_, port):
            response = await talk(p.http, get(port))
            assert b"half" in response
            assert not response.endswith(b"0\r\n\r\n")
            assert b"502" not in response
            assert (await p.task_record())["reason"] == reason

    run(main())


def test_an_old_client_is_told_of_half_a_response_with_a_reset() -> None:
    async def main() -> None:
        handler, _ = replying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        async with proxy() as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(get(port, minor=0))
            with pytest.raises(ConnectionResetError):
                while await reader.read(65536):
                    pass
            writer.close()
            assert (await p.task_record())["reason"] == "ClosedByUpstream"

    run(main())


@pytest.mark.parametrize(
    ("reply", "code", "reason"),
    [
        (b"garbage\r\n\r\n", 502, "InvalidUpstreamProtocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 502, "InvalidUpstreamProtocol"),
        (b"HTTP/1.1 200 OK\r\nX: " + bytes([0x61]) * 70000, 502, "InvalidUpstreamProtocol"),
        (b"", 502, "ClosedByUpstream"),
        (b"HTTP/1.1 200 OK\r\nX: 1\r\n", 502, "ClosedByUpstream"),
    ],
)
def test_what_is_no_response_becomes_502(reply: bytes, code: int, reason: str) -> None:
    async def main() -> None:
        handler, _ = replying(reply)
        async with proxy() as p, origin(handler) as (_, port):
            assert status(await talk(p.http, get(port, b"Connection: close"))) == code
            record = await p.task_record()
            assert (record["reason"], record["rsp_status"]) == (reason, code)

    run(main())


def test_a_silent_origin_is_504() -> None:
    async def main() -> None:
        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

        async with proxy(http={"rsp_header_recv_timeout": "100ms"}) as p, origin(handler) as (_, port):
            assert status(await talk(p.http, get(port))) == 504
            assert (await p.task_record())["reason"] == "UpstreamAppTimeout"
            request = get(port, b"Content-Length: 5", method=b"PUT") + b"hello"
            assert status(await talk(p.http, request)) == 504

    run(main())


def test_targets_that_cannot_be_reached_have_their_codes() -> None:
    async def main() -> None:
        from proxy import listening

        with listening() as dead:
            port = dead.getsockname()[1]
        async with proxy() as p:
            assert status(await talk(p.http, get(port, b"Connection: close"))) == 521
            record = await p.task_record()
            assert (record["reason"], record["rsp_status"]) == ("UpstreamNotConnected", 521)
            unknown = b"GET http://unknown.test/ HTTP/1.1\r\nHost: unknown.test\r\nConnection: close\r\n\r\n"
            assert status(await talk(p.http, unknown)) == 530
            escapes = await p.records.wait(1, log_type="Escape")
            assert [escape["reason"] for escape in escapes] == ["ConnectFailed"]
            assert escapes[0]["task_id"] == record["task_id"]

    run(main())


def test_a_refusal_without_a_body_pending_keeps_the_connection() -> None:
    async def main() -> None:
        handler, _ = replying(OK)
        async with proxy() as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(b"GET http://unknown.test/ HTTP/1.1\r\nHost: unknown.test\r\n\r\n")
            head, body = await read_response(reader)
            assert status(head) == 530
            assert b"unknown.test:80" in body
            writer.write(get(port))
            assert (await read_response(reader))[1] == b"ok"
            writer.close()

    run(main())


def test_loopback_is_forbidden_unless_the_configuration_says_otherwise() -> None:
    async def main() -> None:
        handler, heads = replying(OK)
        async with proxy(escaper={"egress_network_filter": {"default": "permit"}}) as p, origin(handler) as (_, port):
            for host in (b"127.0.0.1", b"127.1", b"2130706433", b"0x7f000001", b"[::ffff:127.0.0.1]", b"origin.test"):
                request = b"GET http://%b:%d/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % (host, port)
                assert status(await talk(p.http, request)) == 403, host
            assert heads == []
            assert (await p.task_record())["reason"] == "ForbiddenByRule"

    run(main())


def test_the_servers_own_rules_come_first() -> None:
    async def main() -> None:
        rules = {
            "dst_port_filter": {"forbid": 8080, "default": "permit"},
            "dst_host_filter_set": {"exact": "good.test"},
        }
        async with proxy(http=rules) as p:
            for host, code in ((b"good.test:8080", 403), (b"bad.test:80", 403), (b"good.test:80", 530)):
                request = b"GET http://%b/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % host
                assert status(await talk(p.http, request)) == code, host

    run(main())


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"GET http://a/ HTTP/1.1\nHost: a\n\n", 400),
        (b"GET http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET http://a/ HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET http://user:pw@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET http://a/ HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70000 + b"\r\n\r\n", 431),
        (b"TRACE https://a/ HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", 501),
        (b"GET https://a..b/ HTTP/1.1\r\nHost: a..b\r\n\r\n", 400),
        (b"GET gopher://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"GET telnet://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"GET http://a..b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"TRACE http://a/ HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", 501),
    ],
)
def test_what_is_no_request_for_us_is_refused_or_not_even_answered(request_: bytes, code: int) -> None:
    async def main() -> None:
        async with proxy() as p:
            response = await talk(p.http, request_)
            assert status(response) == code
            assert b"\r\nConnection: close\r\n" in response
        async with proxy(http={"no_early_error_reply": True}) as p:
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(request_)
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()

    run(main())


def test_a_head_that_does_not_come_to_its_end_is_408_and_an_idle_client_is_let_go() -> None:
    async def main() -> None:
        slow = {"req_header_recv_timeout": "100ms", "pipeline_read_idle_timeout": "100ms"}
        async with proxy(http=slow) as p:
            assert status(await talk(p.http, b"GET http://a/ HTTP/1.1\r\n")) == 408
            assert await talk(p.http, b"") == b""

    run(main())


def test_local_paths_reach_origins_without_proxy_settings() -> None:
    async def main() -> None:
        for names in ({}, {"local_server_name": "proxy.test"}):
            handler, heads = replying(OK, OK)
            async with proxy(http=names) as p, origin(handler) as (_, port):
                reader, writer = await asyncio.open_connection(*p.http)
                uri = b"http%%3A%%2F%%2F127.0.0.1%%3A%d%%2Fb" % port
                for path in (
                    b"/.well-known/easy-proxy/http/127.0.0.1/%d/a?b=c" % port,
                    b"/.well-known/masque/http/" + uri,
                ):
                    writer.write(b"GET %b HTTP/1.1\r\nHost: proxy.test\r\n\r\n" % path)
                    assert (await read_response(reader))[1] == b"ok"
                writer.close()
                assert [head.split(b"\r\n")[:2] for head in heads] == [
                    [b"GET /a?b=c HTTP/1.1", b"Host: 127.0.0.1:%d" % port],
                    [b"GET /b HTTP/1.1", b"Host: 127.0.0.1:%d" % port],
                ]
                bad = b"GET /.well-known/masque/udp/127.0.0.1/53/ HTTP/1.1\r\nHost: proxy.test\r\n\r\n"
                assert status(await talk(p.http, bad)) == 501

    run(main())


def test_only_its_own_names_are_local_when_they_are_set() -> None:
    async def main() -> None:
        async with proxy(http={"local_server_name": ["proxy.test", "10.0.0.1"]}) as p:
            path = b"/.well-known/easy-proxy/http/unknown.test/80/"
            for host, code in ((b"proxy.test:8080", 530), (b"10.0.0.1", 530), (b"other.test", 501)):
                request = b"GET %b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % (path, host)
                assert status(await talk(p.http, request)) == code, host

    run(main())


def test_hosts_of_their_own() -> None:
    async def main() -> None:
        handler, heads = replying(OK, OK)
        async with origin(handler) as (_, port):
            request = b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n" % port
            async with proxy() as p:
                assert status(await talk(p.http, request)) == 200
                assert b"\r\nHost: other.test\r\n" in heads[0]
            async with proxy(http={"allow_custom_host": False}) as p:
                assert status(await talk(p.http, request)) == 409
                assert status(await talk(p.http, get(port, b"Connection: close"))) == 200

    run(main())


def test_forwarded_fields_are_stolen_when_told_so() -> None:
    async def main() -> None:
        handler, heads = replying(OK, OK)
        async with origin(handler) as (_, port):
            request = get(port, b"Forwarded: for=1.2.3.4", b"X-Forwarded-For: 1.2.3.4", b"Connection: close")
            for steal in (False, True):
                async with proxy(http={"steal_forwarded_for": steal}) as p:
                    assert status(await talk(p.http, request)) == 200
            assert [b"1.2.3.4" in head for head in heads] == [True, False]

    run(main())


def test_without_upstream_keepalive_each_request_has_its_connection() -> None:
    async def main() -> None:
        handler, heads = replying(OK, OK)
        async with proxy(http={"http_forward_upstream_keepalive": False}) as p, origin(handler) as (_, port):
            reader, writer = await asyncio.open_connection(*p.http)
            for _ in range(2):
                writer.write(get(port))
                await read_response(reader)
            writer.close()
            assert [b"\r\nConnection: close\r\n" in head for head in heads] == [True, True]
            records = await p.records.wait(2, task_event="Finished")
            assert [record["reuse_connection"] for record in records] == [False, False]

    run(main())


def test_clients_that_the_ingress_filter_forbids_are_not_answered() -> None:
    async def main() -> None:
        only = {"ingress_network_filter": {"forbid": "127.0.0.0/8", "permit": "10.0.0.0/8", "forbid_log": "127.0.0.1"}}
        async with proxy(http=only) as p:
            with pytest.raises((ConnectionResetError, AssertionError)):
                assert await talk(p.http, b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n") != b""

    run(main())


def test_a_drain_finishes_what_runs_and_asks_clients_to_go() -> None:
    async def main() -> None:
        from g3proxyd.worker.worker import Quit

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            asked.set()
            await go_on.wait()
            writer.write(OK)
            await writer.drain()

        asked, go_on = asyncio.Event(), asyncio.Event()
        async with proxy() as p, origin(handler) as (_, port):
            idle_reader, idle_writer = await asyncio.open_connection(*p.http)
            reader, writer = await asyncio.open_connection(*p.http)
            writer.write(get(port))
            await asked.wait()
            p.worker.quit(Quit.GRACEFUL)
            while True:
                try:
                    _, probe = await asyncio.open_connection(*p.http)
                except ConnectionRefusedError:
                    break
                probe.close()
                await asyncio.sleep(0)
            assert not p.running.done()
            go_on.set()
            head, body = await read_response(reader)
            assert body == b"ok"
            assert b"\r\nConnection: close\r\n" in head
            await p.running
            assert await idle_reader.read() == b""
            idle_writer.close()
            writer.close()

    run(main())
