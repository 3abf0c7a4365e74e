"""Name servers over HTTP/2, in virtual time."""

import asyncio
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import h2.connection
import pytest
from certificates import authority
from escaper.network import elapsed, run_virtually
from g3proxyd.resolver.hickory.resolver import HickoryResolver
from g3proxyd.resolver.hickory.tls import authority_of
from resolver.dns_server import addresses, reply, with_code
from resolver.hickory.http2_server import OK, Act, Http2Server, Request, answer, respond
from resolver.hickory.servers import Parts, conversing
from resolver.hickory.test_tls import NAME, ask, fail, make

ONE = addresses("192.0.2.1")


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    context = authority().issue(NAME).server(tmp_path)
    context.set_alpn_protocols(["h2"])
    return context


def play(tls: ssl.SSLContext, act: Act, test: Any, *, pings: bool = False) -> None:
    async def main() -> None:
        server = Http2Server(act, pings)
        async with conversing(server.converse, tls=tls) as where:
            with Parts() as parts:
                resolver = make(parts, where.port, protocol="https")
                await test(resolver, server)
                await resolver.close()

    run_virtually(main)


def test_questions_share_a_connection(tls: ssl.SSLContext) -> None:
    async def test(resolver: HickoryResolver, server: Http2Server) -> None:
        assert await asyncio.gather(*(ask(resolver, f"{name}.test") for name in "abc")) == [["192.0.2.1"]] * 3
        assert await ask(resolver, "d.test") == ["192.0.2.1"]
        assert server.connections == 1
        for request in server.requests:
            headers = request.headers
            assert headers[":method"] == "POST"
            assert headers[":path"] == "/dns-query"
            assert headers[":authority"].startswith(f"{NAME}:")
            assert headers["content-type"] == headers["accept"] == "application/dns-message"
            assert (len(request.body), request.asked(("", 0)).id) == (128, 0)

    play(tls, answer(ONE), test)


def test_the_protocol_goes_on_without_questions(tls: ssl.SSLContext) -> None:
    async def test(resolver: HickoryResolver, server: Http2Server) -> None:
        assert await ask(resolver) == ["192.0.2.1"]
        assert elapsed() == 0.0

    play(tls, answer(ONE), test, pings=True)


def test_a_refusal_is_an_answer(tls: ssl.SSLContext) -> None:
    async def test(resolver: HickoryResolver, server: Http2Server) -> None:
        with pytest.raises(Exception, match="server error: the server failed"):
            await ask(resolver)

    play(tls, answer(with_code(2)), test)


def reset(connection: h2.connection.H2Connection, stream: int, request: Request) -> None:
    connection.reset_stream(stream)


def speak_of_others(connection: h2.connection.H2Connection, stream: int, request: Request) -> None:
    asked = request.asked(("", 0))
    respond(reply(asked, question=asked.question.replace(b"\1a", b"\1b")))(connection, stream, request)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (respond(b"", [(":status", "404")]), "BadResp driver error: no DNS message in the HTTP response"),
        (respond(b"", [(":status", "302"), ("location", "/")]), "BadResp driver error: no DNS message"),
        (respond(b"<html>", [(":status", "200"), ("content-type", "text/html")]), "BadResp driver error: no DNS"),
        (reset, "BadResp driver error: no DNS message"),
        (respond(b"garbage", OK), "BadResp driver error: malformed response"),
        (speak_of_others, "BadResp driver error: malformed response"),
    ],
)
def test_what_is_no_answer(tls: ssl.SSLContext, act: Act, said: str) -> None:
    async def test(resolver: HickoryResolver, server: Http2Server) -> None:
        assert (await fail(resolver)).startswith(said)
        assert elapsed() == 0.0

    play(tls, act, test)


def test_a_server_that_goes_away_is_asked_again(tls: ssl.SSLContext) -> None:
    def act(connection: h2.connection.H2Connection, stream: int, request: Request) -> None:
        if server_said:
            answer(ONE)(connection, stream, request)
        else:
            server_said.append(stream)
            connection.close_connection(last_stream_id=0)

    server_said: list[int] = []

    async def test(resolver: HickoryResolver, server: Http2Server) -> None:
        assert await ask(resolver) == ["192.0.2.1"]
        assert server.connections == 2

    play(tls, act, test)


def test_a_server_without_http2(tmp_path: Path) -> None:
    async def test(resolver: HickoryResolver, server: Http2Server) -> None:
        said = await fail(resolver)
        assert said.startswith("ConnRefused driver error: no server can be contacted: no_shared_protocol")

    play(authority().issue(NAME).server(tmp_path), answer(ONE), test)


def test_a_server_that_speaks_something_else(tls: ssl.SSLContext) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    async def main() -> None:
        async with conversing(converse, tls=tls) as where:
            with Parts() as parts:
                resolver = make(parts, where.port, protocol="h2")
                assert (await fail(resolver)).startswith("BadResp driver error: malformed response: ")
                await resolver.close()

    run_virtually(main)


def test_a_silent_server_loses_its_connection(tls: ssl.SSLContext) -> None:
    async def test(resolver: HickoryResolver, server: Http2Server) -> None:
        assert await fail(resolver) == "Timeout driver error: no server answered in time"
        assert elapsed() == 5.0

    play(tls, lambda connection, stream, request: None, test)


def test_authorities() -> None:

    assert authority_of("dns.test", 443) == "dns.test"
    assert authority_of("dns.test", 8443) == "dns.test:8443"
    assert authority_of(ip_address("192.0.2.1"), 443) == "192.0.2.1"
    assert authority_of(ip_address("2001:db8::1"), 853) == "[2001:db8::1]:853"
