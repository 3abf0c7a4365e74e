"""Connections through a SOCKS5 proxy: a daemon of ours, and peers that say what they are told to say."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from certificates import authority
from chain import CHOICE, GREETING, HERE, LOGIN, joined, last, reply, request, saying, through, until_end
from ftp_site import ftp_site
from g3_socks import Connect, RefusedError, Reply, Socks5Client
from loopback import run
from proxy import Handler, Proxy, echo, origin, replying, talk
from server.test_ftp_over_http import LOGIN as LOGGED_IN
from server.test_ftp_over_http import ask, fetch
from server.test_socks_proxy import through as socks_client
from serving import serving
from tls.secure import GRANTED, OK, get, trusting
from udp import associated, peer

BULK = bytes(range(256)) * 4096
PASSED: dict[str, Any] = {"proxy_username": "joe", "proxy_password": "s\u00e9cret"}
CREDENTIALS = b"\1\3joe\7s\xc3\xa9cret"


def tunnel(host: str, port: int) -> bytes:
    return f"CONNECT {host}:{port} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


def test_tunnels_and_requests_of_every_kind() -> None:
    async def main() -> None:
        handler, heads = replying(OK, OK)
        async with last() as exit_, through(exit_.socks) as p, origin(echo) as (_, to), origin(handler) as (_, site):
            for host in ("127.0.0.1", "origin.test"):
                assert await talk(p.http, tunnel(host, to) + b"early", end=True) == GRANTED + b"early"
                granted, answer = await socks_client(p.socks, Socks5Client(Connect(host, to)))
                assert answer == b"hello"
                assert str(granted.host) == "127.0.0.1"
            # The next hop is told names as names: this daemon's own resolver denies everything.
            tasks = await exit_.records.wait(4, log_type="Task", task_event="Finished")
            assert {task["upstream"] for task in tasks} == {f"127.0.0.1:{to}", f"origin.test:{to}"}
            assert {task["reason"] for task in tasks} == {"Finished"}
            assert (await talk(p.http, get(site), end=True)).endswith(b"ok")
            assert (await talk(p.http, get(site, host=b"origin.test"), end=True)).endswith(b"ok")
            assert [head.split(b"\r\n")[0] for head in heads] == [b"GET / HTTP/1.1"] * 2
            records = await p.records.wait(6, log_type="Task", task_event="Finished")
            assert {record["escaper"] for record in records} == {"direct"}
            assert {record["next_peer_addr"] for record in records} == {joined(exit_.socks)}
            assert {record["reason"] for record in records} == {"Finished"}
            assert [record for record in p.records.records if record["log_type"] == "Escape"] == []

    run(main())


def test_a_chain_of_three_moves_bulk() -> None:
    async def main() -> None:
        bulk = bytes(range(256)) * 20000
        async with last() as c, through(c.socks) as b, through(b.socks) as a, origin(echo) as (_, to):
            assert await talk(a.http, tunnel("origin.test", to) + bulk, end=True) == GRANTED + bulk

    run(main())


def test_what_the_upstream_says_first_comes_first() -> None:
    """The banner comes in one segment with the reply of the next proxy."""

    async def main() -> None:
        turns = ((GREETING, CHOICE), (request("ssh.test", 22), reply() + b"SSH-2.0-x\r\n"))
        async with origin(saying(*turns, then=echo)) as address, through(address) as p:
            assert await talk(p.http, tunnel("ssh.test", 22) + b"ours", end=True) == GRANTED + b"SSH-2.0-x\r\nours"
            record = await p.task_record()
            assert (record["r_rd_bytes"], record["c_wr_bytes"]) == (15, 15)

    run(main())


def test_credentials() -> None:
    async def main() -> None:
        turns = ((LOGIN, b"\5\2"), (CREDENTIALS, b"\1\0"), (request("a.test", 1), reply()))
        async with origin(saying(*turns, then=echo)) as address, through(address, **PASSED) as p:
            assert await talk(p.http, tunnel("a.test", 1) + b"x", end=True) == GRANTED + b"x"

    run(main())


def test_credentials_that_nobody_wants_are_not_sent() -> None:
    async def main() -> None:
        turns = ((LOGIN, CHOICE), (request("a.test", 1), reply()))
        async with origin(saying(*turns, then=echo)) as address, through(address, **PASSED) as p:
            assert await talk(p.http, tunnel("a.test", 1) + b"x", end=True) == GRANTED + b"x"

    run(main())


async def refused(p: Proxy) -> tuple[int, Reply | Any, str, str, str]:
    """What an HTTP and a SOCKS client are told, the task's and the escape log's reason, and the latter's message."""
    status = int((await talk(p.http, tunnel("a.test", 1), end=True))[9:12])
    with pytest.raises(RefusedError) as caught:
        await socks_client(p.socks, Socks5Client(Connect("a.test", 1)))
    tasks = await p.records.wait(2, log_type="Task", task_event="Finished")
    escapes = await p.records.wait(2, log_type="Escape", escape_type="TcpConnect")
    assert len({record["reason"] for record in tasks}) == len({record["reason"] for record in escapes}) == 1
    assert {record["upstream"] for record in escapes} == {"a.test:1"}
    assert {record["escaper_type"] for record in escapes} == {"ProxySocks5"}
    return status, caught.value.code, tasks[0]["reason"], escapes[0]["reason"], escapes[0]["msg"]


@pytest.mark.parametrize("code", [*range(1, 11), 0x5B, 0xFF])
@pytest.mark.parametrize("whole", [False, True])
def test_every_reply(code: int, whole: bool) -> None:
    """A refusal counts as soon as its code has come."""

    async def main() -> None:
        said = reply(code)[: None if whole else 2]
        handler = saying((GREETING, CHOICE), (request("a.test", 1), said), then=until_end)
        async with origin(handler) as address, through(address) as p:
            status, answer, task, escape, message = await refused(p)
            if code == Reply.CONNECTION_TIMED_OUT:
                assert (status, answer, escape) == (504, Reply.CONNECTION_TIMED_OUT, "NegotiationPeerTimeout")
            else:
                assert (status, answer, escape) == (502, Reply.GENERAL_FAILURE, "NegotiationRejected")
            assert task == "UpstreamNotNegotiated"
            assert f"({code})" in message

    run(main())


REJECTED, NONE, READ = "NegotiationRejected", "NegotiationProtocolErr", "NegotiationReadFailed"
ASKED = request("a.test", 1)


@pytest.mark.parametrize(
    ("keys", "turns", "reason"),
    [
        ({}, [(GREETING, b"\5\xff")], REJECTED),
        (PASSED, [(LOGIN, b"\5\2"), (CREDENTIALS, b"\1\1")], REJECTED),
        ({}, [(GREETING, b"\5\2")], NONE),
        ({}, [(GREETING, b"\4\0")], NONE),
        ({}, [(GREETING, b"HTTP/1.1 400 Bad Request\r\n\r\n")], NONE),
        (PASSED, [(LOGIN, b"\5\2"), (CREDENTIALS, b"\5\0")], NONE),
        ({}, [(GREETING, CHOICE), (ASKED, b"\4\0\0\1" + bytes(6))], NONE),
        ({}, [(GREETING, CHOICE), (ASKED, b"\5\0\1\1" + bytes(6))], NONE),
        ({}, [(GREETING, CHOICE), (ASKED, b"\5\0\0\2" + bytes(6))], NONE),
        ({}, [(GREETING, CHOICE), (ASKED, b"\5\0\0\3\0\0\0")], NONE),
        ({}, [(GREETING, CHOICE), (ASKED, b"\5\0\0\3\3a b\0\0")], NONE),
        ({}, [(GREETING, b"")], READ),
        ({}, [(GREETING, b"\5")], READ),
        (PASSED, [(LOGIN, b"\5\2"), (CREDENTIALS, b"\1")], READ),
        *(({}, [(GREETING, CHOICE), (ASKED, reply()[:size])], READ) for size in range(10)),
        ({}, [(GREETING, CHOICE), (ASKED, b"\5\0\0\3\xffa.test")], READ),
    ],
)
def test_answers_that_are_none(keys: dict[str, Any], turns: list[tuple[bytes, bytes]], reason: str) -> None:
    async def main() -> None:
        async with origin(saying(*turns)) as address, through(address, **keys) as p:
            assert (await refused(p))[:4] == (502, Reply.GENERAL_FAILURE, "UpstreamNotNegotiated", reason)

    run(main())


@pytest.mark.parametrize("turns", [[], [(GREETING, CHOICE)], [(GREETING, CHOICE), (ASKED, reply()[:9])]])
def test_a_silent_proxy(turns: list[tuple[bytes, bytes]]) -> None:
    async def main() -> None:
        handler = saying(*turns, then=until_end)
        async with origin(handler) as address, through(address, peer_negotiation_timeout="50ms") as p:
            found = await refused(p)
            assert found[:3] == (504, Reply.CONNECTION_TIMED_OUT, "UpstreamNotNegotiated")
            assert found[3] == "NegotiationPeerTimeout"

    run(main())


def test_a_proxy_that_is_not_there() -> None:
    async def main() -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            async with through(closed.getsockname()) as p:
                found = await refused(p)
                assert found[:4] == (521, Reply.CONNECTION_REFUSED, "UpstreamNotConnected", "ConnectFailed")

    run(main())


def test_a_client_that_goes_while_the_proxy_thinks_leaves_nothing() -> None:
    async def main() -> None:
        asked, gone = asyncio.Event(), asyncio.Event()

        async def then(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.set()
            assert await reader.read() == b""
            gone.set()

        handler: Handler = saying((GREETING, CHOICE), (ASKED, b""), then=then)
        async with origin(handler) as address:
            async with through(address) as p:
                reader, writer = await asyncio.open_connection(*p.http)
                writer.write(tunnel("a.test", 1))
                await asked.wait()
            # The daemon has quit, and cancelled the task.
            await gone.wait()
            writer.close()
            assert (await p.task_record())["reason"] == "CanceledAsServerQuit"
            assert await reader.read() == b""

    run(main())


def test_several_proxies_take_turns() -> None:
    async def main() -> None:
        served: list[int] = []

        def counting(number: int) -> Handler:
            async def then(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                served.append(number)
                await echo(reader, writer)

            return saying((GREETING, CHOICE), (ASKED, reply()), then=then)

        async with origin(counting(1)) as one, origin(counting(2)) as two:
            keys: dict[str, Any] = {"proxy_addr": [joined(one), joined(two)], "proxy_addr_pick_policy": "rr"}
            async with through(one, **keys) as p:
                for _ in range(4):
                    assert await talk(p.http, tunnel("a.test", 1), end=True) == GRANTED
        assert served in ([1, 2, 1, 2], [2, 1, 2, 1])

    run(main())


@pytest.mark.parametrize("secure", [False, True])
def test_ftp_through_the_proxy(tmp_path: Path, secure: bool) -> None:
    """The data connection goes the same way as the first one, also where the way is TLS."""
    (tmp_path / "big").write_bytes(BULK)
    (tmp_path / "sub").mkdir()

    async def main(port: int) -> None:
        pair = authority().issue("127.0.0.1").pair(tmp_path / "sub")
        keys: dict[str, Any] = {"type": "proxy_socks5s", "tls_client": trusting(tmp_path)} if secure else {}
        front = {"name": "front", "type": "plain_tls_port", "server": "socks", "tls_server": {"cert_pairs": [pair]}}
        socks = {"name": "socks", "type": "socks_proxy", "escaper": "direct"}
        name = "front" if secure else "socks"
        async with serving(socks, front) as exit_, through(exit_.addresses[name], **keys) as p:
            status, _, body = await fetch(p, ask(port, "/big"))
            assert (status, body) == (200, BULK)
            request = ask(port, "/up", LOGGED_IN, b"Content-Length: 3", method="PUT", body=b"abc")
            assert (await fetch(p, request))[0] == 201
            assert (tmp_path / "up").read_bytes() == b"abc"

    with ftp_site(tmp_path) as (_, port):
        run(main(port))


def test_an_ipv6_proxy_for_both() -> None:
    async def main() -> None:
        sock = socket.socket(socket.AF_INET6)
        sock.setblocking(False)
        sock.bind(("::1", 0))
        sock.listen()
        server = {"name": "socks", "type": "socks_proxy", "escaper": "direct", "use_udp_associate": True}
        keys = {"proxy_addr": f"[::1]:{sock.getsockname()[1]}", "bind_ipv6": "::1"}
        async with (
            serving(server, sockets={"socks": sock}),
            through(("::1", 1), {"use_udp_associate": True}, **keys) as p,
            origin(echo) as (_, to),
            associated(p.socks) as client,
        ):
            assert await talk(p.http, tunnel("127.0.0.1", to) + b"x", end=True) == GRANTED + b"x"
            with peer() as (_, port):
                assert await client.exchange(HERE, port, b"y") == (HERE, port, b"y")

    run(main())
