"""The simplified UDP mode of g3 between real sockets: the first datagram names the one target."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address

import pytest
from g3_socks import UdpAssociate, pack_header
from g3proxyd.escaper.dummy_deny import DummyDenyEscaper
from loopback import run
from proxy import Proxy, proxy
from udp import UdpClient, associated, bound, peer, receive, socks_server

HERE = IPv4Address("127.0.0.1")


@asynccontextmanager
async def session(**keys: object) -> AsyncIterator[tuple[Proxy, UdpClient]]:
    async with proxy(socks=keys) as p, associated(p.socks) as client:
        yield p, client


async def echoes(client: UdpClient, host: str | IPv4Address | IPv6Address, port: int, payload: bytes) -> None:
    assert await client.exchange(host, port, payload) == (host, port, payload)


@pytest.mark.parametrize("size", [None, 200, 1200])
def test_datagrams_come_back_in_order(size: int | None) -> None:
    async def main() -> None:
        async with session(flush_task_log_on_connected=True) as (p, client):
            with peer() as (_, port):
                count = 0
                for first in range(5):
                    payloads = [bytes([first, n]) * ((n * 50 + 1) if size is None else size // 2) for n in range(40)]
                    for payload in payloads:
                        client.send(HERE, port, payload)
                    for payload in payloads:
                        answer = await client.receive()
                        assert (answer.host, answer.port, bytes(answer.payload)) == (HERE, port, payload)
                    count += len(payloads)
                client.writer.close()
                (connected,) = await p.records.wait(task_event="Connected")
                assert connected["next_peer_addr"] == f"127.0.0.1:{port}"
                record = await p.task_record()
                assert (record["task_type"], record["reason"]) == ("UdpConnect", "ClosedByClient")
                assert record["upstream"] == f"127.0.0.1:{port}"
                assert record["next_peer_addr"] == f"127.0.0.1:{port}"
                assert record["next_bound_addr"].startswith("127.0.0.1:")
                assert {record[f"{side}_packets"] for side in ("c_rd", "c_wr", "r_rd", "r_wr")} == {count}
                assert not {"initial_peer", "client_addr", "server_addr"} & record.keys()

    run(main())


def test_answers_name_the_target_as_the_client_did() -> None:
    async def main() -> None:
        async with session() as (p, client):
            with peer() as (_, port):
                await echoes(client, "ORIGIN.test", port, b"a")
                # The same target in other clothes is the same target, and the first clothes stay.
                client.send("origin.test.", port, b"b")
                answer = await client.receive()
                assert (answer.host, bytes(answer.payload)) == ("ORIGIN.test", b"b")
                await echoes(client, "ORIGIN.test", port, b"c" * 3000)
                client.writer.close()
                assert (await p.task_record())["upstream"] == f"origin.test:{port}"

    run(main())


def test_an_ipv6_target() -> None:
    async def main() -> None:
        async with session() as (_, client):
            with peer("::1") as (_, port, *_rest):
                for number in range(3):
                    await echoes(client, IPv6Address("::1"), port, b"%d" % number)

    run(main())


@pytest.mark.parametrize("together", [False, True])
def test_a_second_target_ends_the_session(together: bool) -> None:
    async def main() -> None:
        async with session() as (p, client):
            with peer() as (_, port), peer() as (_, other):
                await echoes(client, HERE, port, b"a")
                if together:
                    for _ in range(10):
                        client.send(HERE, port, b"x" * 100)
                client.send(HERE, other, b"y" * 100)
                assert await client.ended() == b""
                record = await p.task_record()
                assert record["reason"] == "InvalidClientProtocol"
                assert record["msg"] == f"a datagram to 127.0.0.1:{other} in a session with 127.0.0.1:{port}"

    run(main())


def test_garbage_and_fragments_end_nothing() -> None:
    async def main() -> None:
        async with session() as (_, client):
            with peer() as (_, port):
                whole = pack_header(HERE, port)
                bad = [b"", b"\0", whole[:-1], b"\0\0\1" + whole[3:] + b"x", b"\0\0\0\2" + whole[4:], b"\xff" * 300]
                for raw in bad:
                    client.say(raw)
                await echoes(client, HERE, port, b"a")
                for raw in bad:
                    client.say(raw)
                await echoes(client, HERE, port, b"b")

    run(main())


def test_only_the_target_may_answer() -> None:
    async def main() -> None:
        async with session() as (_, client):
            with bound() as target, bound() as stranger:
                client.send(HERE, target.getsockname()[1], b"a")
                _, source = await receive(target)
                stranger.sendto(b"intrusion", source)
                target.sendto(b"right", source)
                assert bytes((await client.receive()).payload) == b"right"

    run(main())


def test_a_target_that_dies_and_comes_back() -> None:
    async def main() -> None:
        async with session() as (_, client):
            with peer() as address:
                port = address[1]
                await echoes(client, HERE, port, b"a")
            for _ in range(5):
                client.send(HERE, port, b"anybody?")
                await asyncio.sleep(0)
            with peer("127.0.0.1", port=port):
                client.send(HERE, port, b"back")
                while bytes((await client.receive()).payload) != b"back":
                    pass

    run(main())


def test_targets_that_the_rules_forbid_end_the_session() -> None:
    async def main() -> None:
        rules = {"dst_port_filter": {"forbid": 25, "default": "permit"}}
        async with proxy(socks=rules, escaper={"egress_network_filter": {"default": "permit"}}) as p:
            for host, port, reason in (
                (HERE, 25, "ForbiddenByRule"),
                (HERE, 53, "ForbiddenByRule"),
                ("unknown.test", 53, "InternalResolverError"),
            ):
                async with associated(p.socks) as client:
                    client.send(host, port, b"x")
                    assert await client.ended() == b""
                await p.records.wait(log_type="Task", reason=reason, upstream=f"{host}:{port}")
            lost = await p.records.wait(2, log_type="Escape", escape_type="UdpSendto")
            assert [record["reason"] for record in lost] == ["ForbiddenRemoteAddress", "ResolveFailed"]

    run(main())


def test_an_escaper_without_udp_ends_the_session() -> None:
    async def main() -> None:
        async with session() as (p, client):
            object.__setattr__(socks_server(p).context, "escaper", DummyDenyEscaper("no"))
            client.send(HERE, 53, b"x")
            assert await client.ended() == b""
            record = await p.task_record()
            assert (record["reason"], record["escaper"]) == ("ForbiddenByRule", "no")

    run(main())


def test_the_client_leaves_while_its_target_is_looked_up() -> None:
    async def main() -> None:
        with bound() as silent_name_server:
            port = silent_name_server.getsockname()[1]
            resolver = {"type": "c_ares", "server": f"127.0.0.1:{port}", "graceful_stop_wait": "0s"}
            async with proxy(resolver=resolver) as p, associated(p.socks) as client:
                client.send("slow.test", 53, b"x")
                await receive(silent_name_server)
                client.writer.close()
                record = await p.task_record()
                assert (record["reason"], record["stage"]) == ("ClosedByClient", "Connecting")

    run(main())


def test_foreign_senders_are_dropped_while_the_target_is_looked_up() -> None:
    async def main() -> None:
        async with proxy() as p, associated(p.socks, UdpAssociate(IPv4Address(0), 9)) as client:
            with peer() as (_, port), bound("127.0.0.2") as stranger:
                client.send("origin.test", port, b"first")
                for _ in range(10):
                    stranger.sendto(pack_header(HERE, port) + b"intrusion", client.relay)
                    client.send("origin.test", port, b"next")
                got = [bytes((await client.receive()).payload) for _ in range(11)]
                assert got == [b"first"] + [b"next"] * 10

    run(main())
