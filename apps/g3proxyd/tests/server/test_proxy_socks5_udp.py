"""UDP associations through SOCKS5 proxies: daemons of ours."""

import random
import socket
from contextlib import ExitStack
from ipaddress import IPv6Address
from typing import Any

import pytest
from chain import HERE, joined, last, through
from g3_socks import pack_header
from g3proxyd.io.udp_socket import UDP_SEGMENT
from loopback import run
from server.test_socks_udp import GARBAGE
from serving import serving
from udp import UdpClient, associated, peer, socks_server

FULL = {"use_udp_associate": True, "udp_relay_packet_size": "64KiB"}
ONE = {"udp_relay_packet_size": "64KiB"}
MODES = pytest.mark.parametrize("mode", [FULL, ONE], ids=["full", "one"])


async def echoes(client: UdpClient, port: int, payload: bytes, host: Any = HERE) -> None:
    assert await client.exchange(host, port, payload) == (host, port, payload)


@MODES
@pytest.mark.parametrize("end", [FULL, ONE], ids=["to_full", "to_one"])
def test_datagrams_of_every_size_come_back(mode: dict[str, Any], end: dict[str, Any]) -> None:
    async def main() -> None:
        sizes = [0, 1, 9, 10, 11, 512, 1199, 1200, 1462, 1472, 4096, 9000, 60000, 65487]
        async with last(**end) as exit_, through(exit_.socks, mode) as p, associated(p.socks) as client:
            with peer() as (_, port):
                for size in sizes:
                    await echoes(client, port, random.Random(size).randbytes(size))
            client.writer.close()
            (record,) = await p.records.wait(log_type="Task", task_event="Finished")
            assert record["task_type"] == ("UdpAssociate" if mode is FULL else "UdpConnect")
            assert (record["reason"], record["escaper"]) == ("ClosedByClient", "direct")
            # Datagrams have headers on both sides.
            for side in ("c_rd", "c_wr", "r_rd", "r_wr"):
                assert record[f"{side}_packets"] == len(sizes)
                assert record[f"{side}_bytes"] == sum(sizes) + 10 * len(sizes)
            (there,) = await exit_.records.wait(log_type="Task", task_event="Finished")
            assert there["reason"] == "ClosedByClient"
            if mode is ONE:
                assert record["next_peer_addr"] == there["udp_listen_addr"]
                assert record["next_bound_addr"] == there["udp_client_addr"]

    run(main())


@MODES
@pytest.mark.parametrize("size", [None, 64, 1200])
def test_windows_of_64_through_a_chain_of_three(mode: dict[str, Any], size: int | None) -> None:
    async def main() -> None:
        dice = random.Random(7)
        async with (
            last(**FULL) as c,
            through(c.socks, FULL) as b,
            through(b.socks, mode) as a,
            associated(a.socks) as client,
        ):
            with ExitStack() as peers:
                ports = [peers.enter_context(peer())[1] for _ in range(4 if mode is FULL else 1)]
                sent: dict[int, list[bytes]] = {port: [] for port in ports}
                got: dict[int, list[bytes]] = {port: [] for port in ports}
                for _ in range(10):
                    run_length = dice.choice((1, 2, 16))
                    port = dice.choice(ports)
                    for number in range(64):
                        if number % run_length == 0:
                            port = dice.choice(ports)
                        payload = dice.randbytes(dice.choice((0, 1, 40, 700, 1400, 3000)) if size is None else size)
                        sent[port].append(payload)
                        client.send(HERE, port, payload)
                    for _ in range(64):
                        answer = await client.receive()
                        got[answer.port].append(bytes(answer.payload))
                assert got == sent

    run(main())


def train(client: UdpClient, head: bytes, payloads: list[bytes]) -> None:
    """Send datagrams of one size as the kernel glues them together."""
    segment = (socket.IPPROTO_UDP, UDP_SEGMENT, (len(head) + len(payloads[0])).to_bytes(2, "little"))
    client.sock.sendmsg([head + payload for payload in payloads], [segment], 0, client.relay)


@MODES
def test_trains(mode: dict[str, Any]) -> None:
    async def main() -> None:
        dice = random.Random(3)
        async with last(**FULL) as exit_, through(exit_.socks, mode) as p, associated(p.socks) as client:
            with peer() as (_, port):
                for host in (HERE,) if mode is ONE else (HERE, "origin.test"):
                    for size, count in ((100, 60), (1200, 40), (1472 - 22, 20), (1473, 1)):
                        payloads = [dice.randbytes(size) for _ in range(count)]
                        payloads[-1] = payloads[-1][: size // 2]
                        train(client, pack_header(host, port), payloads)
                        assert [bytes((await client.receive()).payload) for _ in payloads] == payloads

    run(main())


def test_names_and_both_families_in_one_association() -> None:
    async def main() -> None:
        async with last(**FULL) as exit_, through(exit_.socks, FULL) as p, associated(p.socks) as client:
            with peer() as (_, port), peer("::1") as (_, port6, *_):
                # The daemon that resolves is the last one: the first one's resolver denies everything.
                assert await client.exchange("origin.test", port, b"a") == (HERE, port, b"a")
                assert await client.exchange("ORIGIN.test.", port, b"b") == (HERE, port, b"b")
                await echoes(client, port6, b"c", IPv6Address("::1"))
                assert await client.exchange("127.0.0.1", port, b"d") == (HERE, port, b"d")
                client.say(b"\0\0\0\4" + IPv6Address("::ffff:127.0.0.1").packed + port.to_bytes(2) + b"e")
                answer = await client.receive()
                assert (answer.host, answer.port, bytes(answer.payload)) == (HERE, port, b"e")
            client.writer.close()
            (there,) = await exit_.records.wait(log_type="Task", task_event="Finished")
            assert there["initial_peer"] == f"origin.test:{port}"

    run(main())


def test_one_target_keeps_its_name() -> None:
    async def main() -> None:
        async with last(**FULL) as exit_, through(exit_.socks, ONE) as p, associated(p.socks) as client:
            with peer() as (_, port), peer() as (_, other):
                for payload in (b"a", b"b" * 3000):
                    await echoes(client, port, payload, "ORIGIN.test")
                client.send("origin.test", other, b"x")
                await client.ended()
                assert (await p.task_record())["reason"] == "InvalidClientProtocol"

    run(main())


def test_rules_are_asked_for_every_target_at_each_proxy() -> None:
    async def main() -> None:
        rules = {"dst_port_filter": {"forbid": 25, "default": "permit"}}
        async with last(**FULL) as exit_, through(exit_.socks, {**FULL, **rules}) as p, associated(p.socks) as client:
            with peer() as (_, port):
                await echoes(client, port, b"a")
                for host in (HERE, "origin.test"):
                    client.send(host, 25, b"mail")
                client.send("unknown.test", 80, b"web")
                await echoes(client, port, b"b")
                assert socks_server(p).stats.dest_denied == 2
                (lost,) = await exit_.records.wait(log_type="Escape", escape_type="UdpSendto")
                assert lost["upstream"] == "unknown.test:80"
                assert [r for r in exit_.records.records if "25" in r.get("upstream", "")] == []

    run(main())


@MODES
def test_garbage_and_large_payloads_go_nowhere(mode: dict[str, Any]) -> None:
    async def main() -> None:
        keys = {**mode, "udp_relay_packet_size": "1000"}
        async with last(**FULL) as exit_, through(exit_.socks, keys) as p, associated(p.socks) as client:
            with peer(answer=lambda data: data * 2) as (_, port):
                await client.exchange(HERE, port, b"first")
                for raw in GARBAGE:
                    if b"a.tes" not in raw:  # a second target
                        client.say(raw)
                for size in (1001, 500, 1000, 501, 499):
                    client.send(HERE, port, bytes(size))
                assert [len((await client.receive()).payload) for _ in range(2)] == [1000, 998]

    run(main())


@MODES
def test_a_forbidden_first_target(mode: dict[str, Any]) -> None:
    """No association is asked for as long as there is nothing that may go through it."""

    async def main() -> None:
        rules = {"dst_port_filter": {"forbid": 25, "default": "permit"}}
        async with last(**FULL) as exit_, through(exit_.socks, {**mode, **rules}) as p, associated(p.socks) as client:
            client.send(HERE, 25, b"mail")
            if mode is FULL:
                with peer() as (_, port):
                    await echoes(client, port, b"a")
                assert socks_server(exit_).stats.task_total == 1
            else:
                await client.ended()
                assert (await p.task_record())["reason"] == "ForbiddenByRule"
                assert socks_server(exit_).stats.task_total == 0

    run(main())


def test_routes_to_direct_and_to_a_next_proxy_in_one_association() -> None:
    async def main() -> None:
        async with last(**FULL) as exit_:
            rules = {"exact_match": [{"next": "hop", "hosts": ["origin.test"]}]}
            routes: list[dict[str, Any]] = [
                {"name": "hop", "type": "proxy_socks5", "proxy_addr": joined(exit_.socks)},
                {"name": "route", "type": "route_upstream", "default_next": "direct", **rules},
            ]
            async with (
                serving({"name": "socks", "type": "socks_proxy", "escaper": "route", **FULL}, routes=routes) as p,
                associated(p.socks) as client,
            ):
                with peer() as (_, port):
                    await echoes(client, port, b"direct")
                    assert socks_server(exit_).stats.task_total == 0
                    assert await client.exchange("origin.test", port, b"hop") == (HERE, port, b"hop")
                    assert socks_server(exit_).stats.task_total == 1
                    await echoes(client, port, b"direct")

    run(main())
