"""Tunnels through a next HTTP proxy: what it is asked, what it may answer, and what our clients are told."""

import asyncio
from typing import Any

import pytest
from hops import GRANTED, chained, connect, echo_tunnel, next_proxy, opened, saying
from loopback import run
from proxy import talk

NAME = b"\x03\x06a.test\x00\x16"
HELLO = b"\x05\x01\x00"
SOCKS_CONNECT = HELLO + b"\x05\x01\x00" + NAME


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_what_the_target_says_first_is_not_lost(pieces: int) -> None:
    async def say(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = GRANTED + b"SSH-2.0-banner\r\n"
        for start in range(0, len(said), pieces):
            writer.write(said[start : start + pieces])
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(await reader.readexactly(4))
        writer.write_eof()

    async def main() -> None:
        async with next_proxy(say) as hop, chained(hop.port) as p:
            reader, writer = await opened(p.http)
            writer.write(connect())
            assert await reader.readexactly(len(GRANTED)) == GRANTED
            assert await reader.readexactly(16) == b"SSH-2.0-banner\r\n"
            writer.write(b"ping")
            writer.write_eof()
            assert await reader.read() == b"ping"
            writer.close()
            assert hop.heads == [b"CONNECT a.test:22 HTTP/1.1\r\nHost: a.test:22\r\n\r\n"]
            record = await p.task_record()
            assert (record["reason"], record["escaper"], record["upstream"]) == ("Finished", "out", "a.test:22")
            assert record["next_peer_addr"] == f"127.0.0.1:{hop.port}"
            assert (record["r_rd_bytes"], record["c_wr_bytes"]) == (20, 20)

    run(main())


def test_early_bytes_of_the_client_follow_the_grant() -> None:
    async def main() -> None:
        async with next_proxy(echo_tunnel) as hop, chained(hop.port) as p:
            said = await talk(p.http, connect() + b"early", end=True)
            assert said == GRANTED + b"SSH-2.0-banner\r\nearly"

    run(main())


@pytest.mark.parametrize("target", [b"[2001:db8::1]:22", b"192.0.2.1:443", b"xn--bcher-kva.test:80"])
def test_targets_as_they_are_asked_for(target: bytes) -> None:
    async def main() -> None:
        async with next_proxy(echo_tunnel) as hop, chained(hop.port) as p:
            assert (await talk(p.http, connect(target), end=True)).startswith(GRANTED)
            assert hop.heads[0].startswith(b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n" % (target, target))

    run(main())


def test_clients_of_the_socks_proxy() -> None:
    async def main() -> None:
        async with next_proxy(echo_tunnel) as hop, chained(hop.port) as p:
            said = await talk(p.socks, SOCKS_CONNECT + b"early", end=True)
            assert said[:2] == b"\x05\x00"
            assert said[2:4] == b"\x05\x00"
            assert said.endswith(b"SSH-2.0-banner\r\nearly")
            assert hop.heads[0].startswith(b"CONNECT a.test:22 ")

    run(main())


def test_credentials_are_ours() -> None:
    async def main() -> None:
        async with (
            next_proxy(echo_tunnel) as hop,
            chained(hop.port, proxy_username="joe", proxy_password="secret") as p,
        ):
            await talk(p.http, connect(b"a.test:22", b"Proxy-Authorization: Basic eDp5", b"X-Theirs: 1"), end=True)
            assert hop.heads == [
                b"CONNECT a.test:22 HTTP/1.1\r\nHost: a.test:22\r\nProxy-Authorization: Basic am9lOnNlY3JldA==\r\n\r\n"
            ]

    run(main())


@pytest.mark.parametrize(
    ("words", "reason", "status", "reply", "text"),
    [
        (
            [b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=x\r\n\r\n"],
            "NegotiationRejected",
            502,
            1,
            "407 Who?",
        ),
        ([b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!"], "NegotiationRejected", 502, 1, "403 Forbidden"),
        ([b"HTTP/1.1 502 Bad Gateway\r\n\r\n"], "NegotiationRejected", 502, 1, "502 Bad Gateway"),
        ([b"HTTP/1.1 302 Go\r\nLocation: x\r\n\r\n"], "NegotiationRejected", 502, 1, "302 Go"),
        ([b"HTTP/1.1 500 " + b"a" * 100 + b"\r\n\r\n"], "NegotiationRejected", 502, 1, "500 " + "a" * 64),
        ([b"HTTP/1.1 504 Gateway Timeout\r\n\r\n"], "NegotiationPeerTimeout", 504, 9, "504 Gateway Timeout"),
        ([b"HTTP/1.1 522 Custom\r\n\r\n"], "NegotiationPeerTimeout", 504, 9, "522 Custom"),
        ([b"SSH-2.0-OpenSSH\r\n"], "NegotiationProtocolErr", 502, 1, "the next proxy's answer is none"),
        (
            [b"HTTP/1.1 200 OK\r\nX: " + b"a" * 5000],
            "NegotiationProtocolErr",
            502,
            1,
            "the next proxy's answer is none",
        ),
        ([b"HTTP/1.1 101 Switch\r\n\r\n"], "NegotiationProtocolErr", 502, 1, "the next proxy's answer is none"),
        ([], "NegotiationReadFailed", 502, 1, "the next proxy has closed"),
        ([b"HTTP/1.1 200 OK\r\n"], "NegotiationReadFailed", 502, 1, "the next proxy has closed"),
    ],
)
def test_refusals(words: list[bytes], reason: str, status: int, reply: int, text: str) -> None:
    async def main() -> None:
        async with next_proxy(saying(*words)) as hop, chained(hop.port) as p:
            reader, writer = await opened(p.http)
            writer.write(connect())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 %d " % status)
            assert b"roxy-Authenticate" not in head
            writer.close()
            assert (await talk(p.socks, SOCKS_CONNECT, end=True))[2:4] == bytes((5, reply))
            for record in await p.records.wait(2, log_type="Escape"):
                assert (record["escape_type"], record["escaper_type"]) == ("TcpConnect", "ProxyHttp")
                assert (record["reason"], record["upstream"]) == (reason, "a.test:22")
                assert record["next_peer_addr"] == f"127.0.0.1:{hop.port}"
                assert text in record["msg"]
            for record in await p.records.wait(2, log_type="Task", task_event="Finished"):
                assert (record["reason"], record["stage"]) == ("UpstreamNotNegotiated", "Connecting")

    run(main())


@pytest.mark.parametrize(("room", "granted"), [(200, True), (199, False)])
def test_the_size_of_an_answer(room: int, granted: bool) -> None:
    answer = b"HTTP/1.1 200 OK\r\nX-Room: %s\r\n\r\n"
    answer %= b"x" * (200 - len(answer % b""))

    async def main() -> None:
        async with next_proxy(saying(answer)) as hop, chained(hop.port, http_connect_rsp_header_max_size=room) as p:
            status = b"200" if granted else b"502"
            said = await talk(p.http, connect(b"a.test:22", b"Connection: close"), end=True)
            assert said.startswith(b"HTTP/1.1 " + status)
            if not granted:
                assert (await p.records.wait(log_type="Escape"))[0]["reason"] == "NegotiationProtocolErr"

    run(main())


def test_a_refusal_leaves_the_clients_connection_as_it_is() -> None:
    answers = [b"HTTP/1.1 403 No\r\n\r\n", GRANTED]

    async def say(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.pop(0))

    async def main() -> None:
        async with next_proxy(say) as hop, chained(hop.port) as p:
            reader, writer = await opened(p.http)
            writer.write(connect())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 502 ")
            length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
            assert b"403 No" in await reader.readexactly(length)
            writer.write(connect())
            assert await reader.read() == GRANTED
            writer.close()

    run(main())


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nX:"])
def test_a_next_proxy_that_is_slow(said: bytes) -> None:
    async def say(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        assert await reader.read() == b""  # we give up and close

    async def main() -> None:
        async with next_proxy(say) as hop, chained(hop.port, peer_negotiation_timeout="200ms") as p:
            assert (await talk(p.http, connect(b"a.test:22", b"Connection: close"))).startswith(b"HTTP/1.1 504 ")
            assert (await p.task_record())["reason"] == "UpstreamNotNegotiated"
            (record,) = await p.records.wait(log_type="Escape")
            assert record["reason"] == "NegotiationPeerTimeout"

    run(main())


def test_the_end_of_the_daemon_takes_talks_along() -> None:
    async def main() -> None:
        gone = asyncio.Event()

        async def say(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            waiting.set()
            await reader.read()
            gone.set()

        waiting = asyncio.Event()
        async with next_proxy(say) as hop:
            async with chained(hop.port) as p:
                _, writer = await opened(p.http)
                writer.write(connect())
                await waiting.wait()
            await gone.wait()  # the daemon has ended, and left nothing open
            writer.close()

    run(main())


def test_a_next_proxy_that_is_not_there() -> None:
    async def main() -> None:
        async with next_proxy(echo_tunnel) as hop:
            pass
        async with chained(hop.port) as p:
            assert (await talk(p.http, connect(b"a.test:22", b"Connection: close"))).startswith(b"HTTP/1.1 521 ")
            assert (await talk(p.socks, SOCKS_CONNECT))[2:4] == b"\x05\x05"
            for record in await p.records.wait(2, log_type="Escape"):
                assert (record["reason"], record["tcp_connect_tries"]) == ("ConnectFailed", 1)

    run(main())


@pytest.mark.parametrize("bound", [None, "127.0.7.7"])
def test_the_next_proxies_that_have_a_weight_are_used(bound: str | None) -> None:
    async def main() -> None:
        came_from: list[str] = []

        async def say(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            came_from.append(writer.get_extra_info("peername")[0])
            await echo_tunnel(head, reader, writer)

        async with next_proxy(say) as hop:
            several = [f"127.0.0.1:{hop.port}", {"addr": "127.0.0.1:1", "weight": 0}]
            keys: dict[str, Any] = {} if bound is None else {"bind_ipv4": bound}
            async with chained(hop.port, proxy_addr=several, **keys) as p:
                for _ in range(5):
                    await talk(p.http, connect(), end=True)
        assert came_from == [bound or "127.0.0.1"] * 5

    run(main())
