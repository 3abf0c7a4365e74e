"""A server that leads to fixed places."""

import asyncio
import socket
from ipaddress import ip_address
from typing import Any

import pytest
from daemon import free_port
from g3_proxyproto import Inet, pack_v2
from loopback import run
from proxy import Handler, echo, origin, talk
from serving import serving


def stream(*upstreams: Any, **keys: Any) -> dict[str, Any]:
    return {"name": "stream", "type": "tcp_stream", "escaper": "direct", "upstream": list(upstreams), **keys}


def saying(word: bytes) -> Handler:
    """A handler that says a word and closes."""

    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(word)

    return handler


def test_both_ways_and_the_log() -> None:
    async def main() -> None:
        data = bytes(range(256)) * 4000
        async with origin(echo) as (_, to), serving(stream(f"127.0.0.1:{to}")) as p:
            assert await talk(p.addresses["stream"], data, end=True) == data
            record = await p.task_record()
            assert (record["server_type"], record["server_name"]) == ("TcpStream", "stream")
            assert (record["task_type"], record["reason"], record["stage"]) == ("TcpConnect", "Finished", "Relaying")
            assert record["upstream"] == record["next_peer_addr"] == f"127.0.0.1:{to}"
            assert record["escaper"] == "direct"
            counted = [record[name] for name in ("c_rd_bytes", "r_wr_bytes", "r_rd_bytes", "c_wr_bytes")]
            assert counted == [len(data)] * 4

    run(main())


def test_an_origin_that_speaks_first_under_a_name() -> None:
    async def main() -> None:
        async with origin(saying(b"220 hello\r\n")) as (_, to), serving(stream(f"origin.test:{to}")) as p:
            assert await talk(p.addresses["stream"], b"") == b"220 hello\r\n"
            record = await p.task_record()
            assert (record["upstream"], record["next_peer_addr"]) == (f"origin.test:{to}", f"127.0.0.1:{to}")

    run(main())


def test_behind_a_port_with_early_bytes() -> None:
    async def main() -> None:
        port = {"name": "port", "type": "plain_tcp_port", "server": "stream", "proxy_protocol": 2}
        header = pack_v2(Inet(ip_address("192.0.2.7"), 5), Inet(ip_address("192.0.2.8"), 6))
        async with origin(echo) as (_, to), serving(port, stream(f"127.0.0.1:{to}")) as p:
            assert await talk(p.addresses["port"], header + b"early", end=True) == b"early"
            record = await p.task_record()
            assert (record["client_addr"], record["server_addr"]) == ("192.0.2.7:5", "192.0.2.8:6")
            assert [record[name] for name in ("c_rd_bytes", "r_wr_bytes", "r_rd_bytes", "c_wr_bytes")] == [5, 5, 5, 5]

    run(main())


def test_an_upstream_that_is_not_there() -> None:
    async def main() -> None:
        with socket.socket() as dead:
            dead.bind(("127.0.0.1", 0))
            async with serving(stream(f"127.0.0.1:{dead.getsockname()[1]}")) as p:
                assert await talk(p.addresses["stream"], b"") == b""
                record = await p.task_record()
                assert (record["reason"], record["stage"]) == ("UpstreamNotConnected", "Connecting")

    run(main())


def test_an_upstream_that_is_the_server_itself() -> None:
    async def main() -> None:
        own = free_port()
        sock = socket.create_server(("127.0.0.1", own))
        sock.setblocking(False)
        async with serving(stream(f"127.0.0.1:{own}"), sockets={"stream": sock}) as p:
            assert await talk(p.addresses["stream"], b"") == b""
            record = (await p.records.wait(log_type="Task", reason="ForbiddenByRule"))[0]
            assert record["upstream"] == f"127.0.0.1:{own}"
            await p.records.wait(2, log_type="Task", task_event="Finished")

    run(main())


def test_the_escapers_rules_hold() -> None:
    async def main() -> None:
        async with origin(echo) as (_, to):
            forbidding = {"egress_network_filter": {"default": "permit", "forbid": "127.0.0.1"}}
            async with serving(stream(f"127.0.0.1:{to}"), escaper=forbidding) as p:
                assert await talk(p.addresses["stream"], b"") == b""
                assert (await p.task_record())["reason"] == "ForbiddenByRule"

    run(main())


def test_a_quit_while_it_connects() -> None:
    async def main() -> None:
        with socket.socket() as full, socket.socket() as waiting:
            full.bind(("127.0.0.1", 0))
            full.listen(0)  # the kernel has room for one connection, and lets others wait
            waiting.connect(full.getsockname())
            async with serving(stream(f"127.0.0.1:{full.getsockname()[1]}")) as p:
                reader, writer = await asyncio.open_connection(*p.addresses["stream"])
                while not p.worker.modules or not p.worker.modules.servers["stream"].stats.task_total:
                    await asyncio.sleep(0)
                await p.worker.modules.servers["stream"].abort()
                assert await reader.read() == b""
                writer.close()
                assert (await p.task_record())["reason"] == "CanceledAsServerQuit"

    run(main())


def test_every_wanted_moment_is_logged() -> None:
    async def main() -> None:
        moments = {"flush_task_log_on_created": True, "flush_task_log_on_connected": True}
        async with origin(echo) as (_, to), serving(stream(f"127.0.0.1:{to}", **moments)) as p:
            assert await talk(p.addresses["stream"], b"x", end=True) == b"x"
            await p.task_record()
            events = [record["task_event"] for record in p.records.records if record["log_type"] == "Task"]
            assert events == ["Created", "Connected", "ClientShutdown", "Finished"]

    run(main())


@pytest.mark.parametrize("policy", ["random", "serial", "round_robin", "ketama", "rendezvous", "jump_hash"])
def test_policies(policy: str) -> None:
    """One client asks twelve times: all weights count with chance and turns, one upstream has it all elsewhere."""

    async def main() -> None:
        async with origin(saying(b"a")) as (_, a), origin(saying(b"b")) as (_, b), origin(saying(b"c")) as (_, c):
            places: list[Any] = [
                {"addr": f"127.0.0.1:{a}", "weight": 2},
                {"address": f"127.0.0.1:{b}", "weight": 4},
                {"addr": f"127.0.0.1:{c}", "weight": 0},
            ]
            async with serving(stream(*places, upstream_pick_policy=policy)) as p:
                answers = [await talk(p.addresses["stream"], b"") for _ in range(12)]
        counts = {word: answers.count(word) for word in (b"a", b"b", b"c")}
        assert counts[b"c"] == 0
        assert sum(counts.values()) == 12
        if policy == "round_robin":
            assert counts == {b"a": 4, b"b": 8, b"c": 0}
        elif policy == "serial":
            assert counts[b"b"] == 12
        elif policy != "random":
            assert set(counts.values()) == {0, 12}

    run(main())


def test_a_consistent_policy_tells_clients_and_servers_apart() -> None:
    """By the addresses of the header, so that all clients of one load balancer don't end at one upstream."""

    async def main() -> None:
        port = {"name": "port", "type": "plain_tcp_port", "server": "stream", "proxy_protocol": 2}
        async with origin(saying(b"a")) as (_, a), origin(saying(b"b")) as (_, b):
            places = (f"127.0.0.1:{a}", f"127.0.0.1:{b}")
            async with serving(port, stream(*places, upstream_pick_policy="rendezvous")) as p:

                async def answers(client: str, server: str) -> bytes:
                    header = pack_v2(Inet(ip_address(client), 5), Inet(ip_address(server), 6))
                    return await talk(p.addresses["port"], header)

                clients = [await answers(f"192.0.2.{number}", "198.51.100.1") for number in range(16)]
                servers = [await answers("192.0.2.1", f"198.51.100.{number}") for number in range(16)]
                assert set(clients) == set(servers) == {b"a", b"b"}
                assert [await answers(f"192.0.2.{number}", "198.51.100.1") for number in range(16)] == clients

    run(main())
