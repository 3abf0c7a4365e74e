"""Whole daemons whose servers have routes: HTTP, FTP and datagrams go where the route says."""

import asyncio
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from escaper.network import Task
from ftp_site import ftp_site
from g3proxyd.upstream import Upstream
from g3proxyd.worker.worker import Worker
from loopback import run
from proxy import Handler, origin, read_response, talk
from serving import serving, with_servers
from udp import associated, bound, peer, receive

HERE = IPv4Address("127.0.0.1")
HTTP = {"name": "http", "type": "http_proxy", "escaper": "route"}
SOCKS = {"name": "socks", "type": "socks_proxy", "escaper": "route", "use_udp_associate": True}
DENY = {"name": "deny", "type": "dummy_deny"}
BY_HOST = {"name": "route", "type": "route_upstream", "default_next": "direct", "child_match": {"deny": "no.test"}}


def answering(body: bytes = b"ok") -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    return handler


def test_http() -> None:
    async def main() -> None:
        async with serving(HTTP, routes=(DENY, BY_HOST)) as p, origin(answering()) as (_, port):
            for host, status in ((b"origin.test", b"200"), (b"www.no.test", b"403"), (b"no.test", b"403")):
                request = b"GET http://%b:%d/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % (host, port)
                assert (await talk(p.addresses["http"], request)).split(b" ")[1] == status
            request = b"CONNECT no.test:443 HTTP/1.1\r\nHost: no.test:443\r\n\r\n"
            assert (await talk(p.addresses["http"], request)).startswith(b"HTTP/1.1 403 ")
            records = await p.records.wait(4, task_event="Finished")
            assert [record["escaper"] for record in records] == ["direct", "deny", "deny", "deny"]

    run(main())


def test_a_header_chooses_by_number() -> None:
    ways = [
        {"name": name, "type": "direct_fixed", "resolver": "dns", "bind_ip": ip, "egress_network_filter": "127.0.0.0/8"}
        for name, ip in (("one", "127.0.5.1"), ("two", "127.0.5.2"))
    ]
    by_number = {"name": "route", "type": "route_mapping", "next": ["one", "two"]}
    server = {**HTTP, "egress_path_selection_header": "X-Path"}

    async def main() -> None:
        async with serving(server, routes=(*ways, by_number)) as p, origin(answering()) as (_, port):
            reader, writer = await asyncio.open_connection(*p.addresses["http"])
            for number in (1, 2, 2, 0, 3):
                writer.write(b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: x\r\nX-Path: %d\r\n\r\n" % (port, number))
                assert (await read_response(reader))[1] == b"ok"
            writer.close()
            records = await p.records.wait(5, task_event="Finished")
            assert [record["escaper"] for record in records] == ["one", "two", "two", "two", "one"]
            assert [record["next_bind_ip"][-1] for record in records] == ["1", "2", "2", "2", "1"]

    run(main())


def test_both_connections_of_ftp_go_the_same_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"hi")
    ways = [
        {"name": name, "type": "direct_fixed", "resolver": "dns", "bind_ip": ip, "egress_network_filter": "127.0.0.0/8"}
        for name, ip in (("one", "127.0.5.1"), ("two", "127.0.5.2"), ("three", "127.0.5.3"))
    ]
    by_chance = {"name": "route", "type": "route_mapping", "next": ["one", "two", "three"]}

    async def main() -> None:
        async with serving(HTTP, routes=(*ways, by_chance)) as p:
            request = b"GET ftp://127.0.0.1:%d/file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % port
            for _ in range(6):
                assert (await talk(p.addresses["http"], request)).startswith(b"HTTP/1.1 200 ")
            for record in await p.records.wait(6, task_type="FtpOverHttp", task_event="Finished"):
                control, data = (record[f"ftp_{which}_bound_addr"].partition(":")[0] for which in "cd")
                assert control == data

    with ftp_site(tmp_path) as (_, port):
        run(main())


def test_datagrams_of_one_association_go_their_ways() -> None:
    ways = [
        {"name": name, "type": "direct_fixed", "resolver": "dns", "bind_ip": ip, "egress_network_filter": "127.0.0.0/8"}
        for name, ip in (("one", "127.0.5.1"), ("two", "127.0.5.2"))
    ]
    rules = {"deny": "127.0.6.3", "two": "127.0.6.2"}
    route = {"name": "route", "type": "route_upstream", "default_next": "one", "exact_match": rules}
    # A service that nobody has started: what is next is known a little later.
    slow = {"name": "slow", "type": "route_query", "fallback_node": "route", "query_allowed_next": [], **PEER}

    async def main(server: dict[str, Any]) -> None:
        served = serving(server, routes=(DENY, *ways, route, slow))
        async with served as p, associated(p.addresses["socks"]) as client:
            with bound("127.0.6.1") as one, bound("127.0.6.2") as two, bound("127.0.6.3") as three:
                client.send(IPv4Address("127.0.6.3"), three.getsockname()[1], b"forbidden")
                for sock, source in ((one, "127.0.5.1"), (two, "127.0.5.2"), (one, "127.0.5.1")):
                    host, port = sock.getsockname()
                    client.send(IPv4Address(host), port, b"hello")
                    data, sender = await receive(sock)
                    assert (data, sender[0]) == (b"hello", source)
                    sock.sendto(b"you too", sender)
                    assert bytes((await client.receive()).payload) == b"you too"
                with pytest.raises(BlockingIOError):
                    three.recv(1)
            client.writer.close()
            record = await p.task_record()
            assert (record["reason"], record["r_wr_packets"]) == ("ClosedByClient", 3)

    run(main(SOCKS))
    run(main({**SOCKS, "escaper": "slow"}))


def test_the_speed_limit_of_the_escaper_that_was_chosen() -> None:
    async def main() -> None:
        limit = {"udp_sock_speed_limit": {"shift": 12, "upload_packets": 10}}
        served = serving(SOCKS, escaper=limit, routes=(DENY, BY_HOST))
        async with served as p, associated(p.addresses["socks"]) as client:
            with peer() as (_, port):
                for _ in range(40):
                    client.send(HERE, port, b"x")
                for _ in range(9):
                    await client.receive()
            client.writer.close()
            assert (await p.task_record())["c_wr_packets"] < 20

    run(main())


def test_the_other_mode_of_udp() -> None:
    async def main() -> None:
        served = serving({**SOCKS, "use_udp_associate": False}, routes=(DENY, BY_HOST))
        async with served as p, associated(p.addresses["socks"]) as client:
            with peer() as (_, port):
                assert await client.exchange(HERE, port, b"hello") == (HERE, port, b"hello")

    run(main())


PEER = {"query_peer_addr": "127.0.0.1:9", "cache_request_timeout": "10ms"}


def test_a_reload_that_cannot_be_changes_nothing(tmp_path: Path) -> None:
    code = tmp_path / "choose.py"

    def with_code(text: str) -> tuple[dict[str, Any], ...]:
        code.write_text(text)
        route = {"name": "route", "type": "route_python", "file": str(code), "default_next": "deny"}
        return DENY, {**route, "allowed_next": "direct"}

    async def main() -> None:
        good = with_code("def choose(request):\n    return 'direct'\n")
        async with serving(HTTP, routes=good) as p, origin(answering()) as (_, port):
            bad = with_servers(HTTP, routes=with_code("def choose(request): ...\n1 / 0\n"))
            with pytest.raises(ValueError, match="ZeroDivisionError"):
                p.worker.prepare(bad)
            request = b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % port
            assert (await talk(p.addresses["http"], request)).startswith(b"HTTP/1.1 200 ")
            p.worker.prepare(with_servers(HTTP, routes=with_code("def choose(request): ...\n")))
            p.worker.commit({})
            assert p.worker.modules is not None
            route: Any = p.worker.modules.escapers["route"]
            assert route.choose(Upstream("x.test", 80), Task()).name == "deny"

    run(main())


def test_what_a_reload_leaves_behind_is_closed() -> None:
    async def main() -> None:
        query = {"name": "route", "type": "route_query", "fallback_node": "direct", "query_allowed_next": [], **PEER}
        async with serving(HTTP, routes=(query,)) as p, origin(answering()) as (_, port):
            request = b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % port
            assert (await talk(p.addresses["http"], request)).startswith(b"HTTP/1.1 200 ")
            worker: Worker = p.worker
            assert worker.modules is not None
            old: Any = worker.modules.escapers["route"]
            direct = worker.modules.escapers["direct"]
            assert old.client.stats.queries == 1
            assert not old.client._closed
            worker.prepare(with_servers(HTTP, routes=({**query, "maximum_cache_ttl": 5},)))
            worker.commit({})
            assert worker.modules.escapers["route"] is not old
            assert worker.modules.escapers["direct"] is direct
            while not old.client._closed:
                await asyncio.sleep(0)
            worker.prepare(with_servers(HTTP, routes=({**query, "maximum_cache_ttl": 5},)))
            kept = worker.modules.escapers["route"]
            worker.commit({})
            assert worker.modules.escapers["route"] is kept

    run(main())
