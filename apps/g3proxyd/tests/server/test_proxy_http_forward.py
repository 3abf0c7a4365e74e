"""Requests that a next HTTP proxy forwards: their form, kept connections, and what stays between the two proxies."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from certificates import authority
from hops import OK, answering, chained, get, next_proxy, opened, real_tunnel, saying
from loopback import run
from proxy import read_response, replying, talk
from tls.secure import secure_origin, trusting

LOGIN: dict[str, Any] = {"proxy_username": "joe", "proxy_password": "secret"}
ANY_HOST: dict[str, Any] = {"proxy_addr_pick_policy": "ketama"}


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[bytes, bytes]:
    writer.write(request)
    return await read_response(reader)


def test_the_absolute_form_with_our_credentials_over_one_connection_for_all_targets() -> None:
    async def main() -> None:
        further: list[bytes] = []
        async with next_proxy(answering(OK, further)) as hop, chained(hop.port, **LOGIN) as p:
            reader, writer = await opened(p.http)
            for target in (b"http://a.test/x?y=1", b"http://b.test:81/", b"http://[2001:db8::1]/"):
                request = get(target, b"Proxy-Authorization: Basic eDp5", b"X-One: 1")
                assert (await ask(reader, writer, request))[1] == b"ok"
            writer.close()
            assert hop.connections == 1
            assert hop.heads + further == [
                b"GET %b HTTP/1.1\r\nHost: %b\r\nX-One: 1\r\nProxy-Authorization: Basic am9lOnNlY3JldA==\r\n\r\n" % pair
                for pair in (
                    (b"http://a.test/x?y=1", b"a.test"),
                    (b"http://b.test:81/", b"b.test:81"),
                    (b"http://[2001:db8::1]/", b"[2001:db8::1]"),
                )
            ]
            records = await p.records.wait(3, task_event="Finished")
            assert [record["reuse_connection"] for record in records] == [False, True, True]
            assert [record["upstream"] for record in records] == ["a.test:80", "b.test:81", "[2001:db8::1]:80"]
            assert {record["next_peer_addr"] for record in records} == {f"127.0.0.1:{hop.port}"}

    run(main())


def test_a_policy_that_looks_at_the_target_has_a_connection_for_each() -> None:
    async def main() -> None:
        async with next_proxy(answering()) as hop:
            same = [{"addr": f"127.0.0.1:{hop.port}"}, {"addr": f"127.0.0.2:{hop.port}", "weight": 1e-6}]
            async with chained(hop.port, proxy_addr=same, **ANY_HOST) as p:
                reader, writer = await opened(p.http)
                for target in (b"http://a.test/", b"http://a.test/", b"http://b.test/"):
                    assert (await ask(reader, writer, get(target)))[1] == b"ok"
                writer.close()
                assert hop.connections == 2

    run(main())


def test_a_connection_that_the_next_proxy_has_closed_is_replaced() -> None:
    async def main() -> None:
        closed = asyncio.Event()

        async def say(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(OK)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            closed.set()

        async with next_proxy(say) as hop, chained(hop.port) as p:
            reader, writer = await opened(p.http)
            for _ in range(2):
                assert (await ask(reader, writer, get(b"http://a.test/")))[1] == b"ok"
                await closed.wait()
            writer.close()
            assert hop.connections == 2

    run(main())


def test_responses_pass_on_but_the_question_for_our_credentials() -> None:
    refused = b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=next\r\nContent-Length: 4\r\n\r\nwho?"
    missing = b"HTTP/1.1 503 Away\r\nRetry-After: 5\r\nContent-Length: 4\r\n\r\naway"

    async def main() -> None:
        async with next_proxy(answering(missing)) as hop, chained(hop.port) as p:
            reader, writer = await opened(p.http)
            assert await ask(reader, writer, get(b"http://a.test/")) == (missing[:-4], b"away")
            writer.close()
        async with next_proxy(answering(refused)) as hop, chained(hop.port) as p:
            reader, writer = await opened(p.http)
            head, body = await ask(reader, writer, get(b"http://a.test/"))
            assert head.startswith(b"HTTP/1.1 502 ")
            assert b"uthenticate" not in head
            assert b"wants other credentials" in body
            writer.close()
            record = await p.task_record()
            assert (record["reason"], record["rsp_status"], record["origin_status"]) == (
                "UpstreamNotNegotiated",
                502,
                407,
            )

    run(main())


def test_an_origin_behind_a_tunnel_may_answer_407_for_itself(tmp_path: Path) -> None:
    async def main() -> None:
        handler, _ = replying(b"HTTP/1.1 407 Odd\r\nContent-Length: 0\r\n\r\n")
        async with (
            secure_origin(handler, authority().issue("origin.test"), tmp_path) as (_, to),
            next_proxy(real_tunnel) as hop,
            chained(hop.port, {"tls_client": trusting(tmp_path)}) as p,
        ):
            reader, writer = await opened(p.http)
            assert (await ask(reader, writer, get(b"https://origin.test:%d/" % to)))[0].startswith(b"HTTP/1.1 407 Odd")
            writer.close()

    run(main())


def test_https_targets_through_a_tunnel(tmp_path: Path) -> None:
    async def main() -> None:
        handler, heads = replying(OK, OK)
        async with (
            secure_origin(handler, authority().issue("origin.test"), tmp_path) as (_, to),
            next_proxy(answering()) as hop,
            chained(hop.port, {"tls_client": trusting(tmp_path)}, **LOGIN) as p,
        ):
            reader, writer = await opened(p.http)
            # What is kept for http targets is no way to those of https, and the other way round.
            for target in (b"http://a.test/", b"https://origin.test:%d/x" % to):
                assert (await ask(reader, writer, get(target)))[1] == b"ok"
            assert (await ask(reader, writer, get(b"https://origin.test:%d/x" % to)))[1] == b"ok"
            assert (await ask(reader, writer, get(b"http://origin.test:%d/x" % to)))[1] == b"ok"
            writer.close()
            assert heads == [b"GET /x HTTP/1.1\r\nHost: origin.test:%d\r\n\r\n" % to] * 2
            assert [head.split(b" HTTP")[0] for head in hop.heads] == [
                b"GET http://a.test/",
                b"CONNECT origin.test:%d" % to,
                b"GET http://origin.test:%d/x" % to,
            ]

    run(main())


def test_https_targets_that_the_next_proxy_forwards() -> None:
    async def main() -> None:
        further: list[bytes] = []
        keys: dict[str, Any] = {"http_forward_capability": {"forward_https": True}}
        async with next_proxy(answering(OK, further)) as hop, chained(hop.port, **keys, **LOGIN) as p:
            reader, writer = await opened(p.http)
            for target in (b"https://a.test/", b"https://b.test:8443/", b"http://b.test:8443/"):
                assert (await ask(reader, writer, get(target)))[1] == b"ok"
            writer.close()
            assert [head.split(b" ")[1] for head in hop.heads] == [b"https://a.test/", b"http://b.test:8443/"]
            assert all(b"Proxy-Authorization: " in head for head in hop.heads)
            assert [head.split(b" ")[1] for head in further] == [b"https://b.test:8443/"]

    run(main())


def test_a_wrong_certificate_behind_the_tunnel(tmp_path: Path) -> None:
    async def main() -> None:
        handler, heads = replying(OK)
        async with (
            secure_origin(handler, authority().issue("other.test"), tmp_path) as (_, to),
            next_proxy(real_tunnel) as hop,
            chained(hop.port, {"tls_client": trusting(tmp_path)}) as p,
        ):
            said = await talk(p.http, get(b"https://origin.test:%d/" % to, b"Connection: close"))
            assert said.startswith(b"HTTP/1.1 525 ")
            assert (await p.task_record())["reason"] == "UpstreamTlsHandshakeFailed"
            assert heads == []

    run(main())


def test_an_upgrade_goes_through_a_tunnel_of_its_own() -> None:
    """Upgrade is a field between neighbours: a proxy on the way need not pass it on."""
    switched = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"

    async def main() -> None:
        async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not head.startswith(b"CONNECT "):
                await answering()(head, reader, writer)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            inner.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(switched)
            writer.write(await reader.readexactly(4))
            writer.write_eof()

        inner: list[bytes] = []
        async with next_proxy(serve) as hop, chained(hop.port) as p:
            reader, writer = await opened(p.http)
            assert (await ask(reader, writer, get(b"http://a.test/")))[1] == b"ok"
            writer.write(get(b"http://a.test/chat", b"Connection: upgrade", b"Upgrade: echo") + b"ping")
            assert (await reader.read()).endswith(b"\r\n\r\nping")
            writer.close()
            assert [head.split(b" HTTP")[0] for head in hop.heads] == [b"GET http://a.test/", b"CONNECT a.test:80"]
            assert inner[0].startswith(b"GET /chat HTTP/1.1\r\n")

    run(main())


def test_a_next_proxy_that_says_no_http() -> None:
    async def main() -> None:
        async with next_proxy(saying(b"SSH-2.0-x\r\n")) as hop, chained(hop.port) as p:
            assert (await talk(p.http, get(b"http://a.test/", b"Connection: close"))).startswith(b"HTTP/1.1 502 ")
            assert (await p.task_record())["reason"] == "InvalidUpstreamProtocol"

    run(main())


@pytest.mark.parametrize(
    ("capability", "forwarded"),
    [
        ({"forward_ftp": True}, {"GET", "HEAD", "PUT", "DELETE"}),
        ({"forward_ftp": True, "forward_ftp_put": False}, {"GET", "HEAD", "DELETE"}),
        ({"forward_ftp_get": True}, {"GET", "HEAD"}),
        ({"forward_ftp_put": True}, {"PUT"}),
        ({"forward_ftp_del": True}, {"DELETE"}),
        ({"forward_https": True}, set()),
    ],
)
def test_ftp_targets(capability: dict[str, Any], forwarded: set[str]) -> None:
    async def say(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if head.startswith(b"CONNECT "):
            writer.write(b"HTTP/1.1 403 No\r\n\r\n")
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    async def main() -> None:
        async with next_proxy(say) as hop, chained(hop.port, http_forward_capability=capability, **LOGIN) as p:
            for method in ("GET", "HEAD", "PUT", "DELETE"):
                body = b"Content-Length: 2\r\n\r\nhi" if method == "PUT" else b"\r\n"
                request = b"%b ftp://joe:a%%40b@a.test/x;type=i HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n"
                said = await talk(p.http, request % method.encode() + body)
                head = hop.heads.pop()
                if method in forwarded:
                    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
                    assert head.startswith(b"%b ftp://a.test/x;type=i HTTP/1.1\r\nHost: a.test\r\n" % method.encode())
                    assert b"\r\nAuthorization: Basic am9lOmFAYg==\r\n" in head
                    assert b"\r\nProxy-Authorization: Basic am9lOnNlY3JldA==\r\n" in head
                else:
                    assert said.startswith(b"HTTP/1.1 502 ")
                    assert head.startswith(b"CONNECT a.test:21 ")
            kinds = {"HttpForward": len(forwarded), "FtpOverHttp": 4 - len(forwarded)}
            for kind, count in kinds.items():
                assert len(await p.records.wait(count, task_event="Finished", task_type=kind)) == count

    run(main())


@pytest.mark.parametrize(
    ("login", "fields", "sent"),
    [
        (b"", [], None),
        (b"", [b"Authorization: Basic eDp5"], b"Basic eDp5"),
        (b"joe:secret@", [b"Authorization: Basic eDp5"], b"Basic am9lOnNlY3JldA=="),
        (b"joe@", [], b"Basic am9lOg=="),
    ],
)
def test_logins_at_ftp_servers(login: bytes, fields: list[bytes], sent: bytes | None) -> None:
    async def main() -> None:
        keys: dict[str, Any] = {"http_forward_capability": {"forward_ftp": True}}
        async with next_proxy(answering()) as hop, chained(hop.port, **keys) as p:
            reader, writer = await opened(p.http)
            lines = b"".join(line + b"\r\n" for line in fields)
            for _ in range(2):
                request = b"GET ftp://%ba.test/x HTTP/1.1\r\nHost: a.test\r\n%b\r\n" % (login, lines)
                assert (await ask(reader, writer, request))[1] == b"ok"
            writer.close()
            assert hop.connections == 2
            for head in hop.heads:
                found = [line for line in head.split(b"\r\n") if line.startswith(b"Authorization")]
                assert found == ([] if sent is None else [b"Authorization: " + sent])
            record = (await p.records.wait(2, task_event="Finished"))[0]
            assert (record["uri"], record["method"]) == ("ftp://a.test/x", "GET")

    run(main())


@pytest.mark.parametrize("login", [b"a%3Ab:c@", b"a%0ab:c@"])
def test_a_login_that_no_field_can_carry(login: bytes) -> None:
    async def main() -> None:
        keys: dict[str, Any] = {"http_forward_capability": {"forward_ftp": True}}
        async with next_proxy(answering()) as hop, chained(hop.port, **keys) as p:
            request = b"GET ftp://%ba.test/x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n" % login
            assert (await talk(p.http, request)).startswith(b"HTTP/1.1 400 ")
            assert hop.heads == []
            assert (await p.task_record())["reason"] == "InvalidClientProtocol"

    run(main())


def test_a_proxy_for_ftp_that_is_not_there_and_a_target_that_is_denied() -> None:
    async def main() -> None:
        keys: dict[str, Any] = {"http_forward_capability": {"forward_ftp": True}}
        async with next_proxy(answering()) as hop:
            pass
        request = b"GET ftp://a.test%b/x HTTP/1.1\r\nHost: a.test%b\r\nConnection: close\r\n\r\n"
        async with chained(hop.port, {"dst_port_filter": [21]}, **keys) as p:
            assert (await talk(p.http, request % (b"", b""))).startswith(b"HTTP/1.1 521 ")
            assert (await talk(p.http, request % (b":22", b":22"))).startswith(b"HTTP/1.1 403 ")
            assert len(await p.records.wait(2, task_event="Finished")) == 2
            assert len(await p.records.wait(1, log_type="Escape")) == 1

    run(main())
