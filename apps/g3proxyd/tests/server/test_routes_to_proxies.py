"""Routes whose ends are next proxies: kept connections, a dead proxy, datagrams."""

import asyncio
from ipaddress import IPv4Address
from typing import Any

from chain import joined, last
from hops import Say, next_proxy
from loopback import run
from proxy import read_response, talk
from serving import serving
from udp import associated, peer

HTTP = {"name": "http", "type": "http_proxy", "escaper": "route"}
SOCKS = {"name": "socks", "type": "socks_proxy", "escaper": "route"}


def forwarding(name: bytes) -> Say:
    """A next proxy that answers every request with its name."""

    async def say(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name))
            await reader.readuntil(b"\r\n\r\n")

    return say


def proxy_http(name: str, port: int) -> dict[str, Any]:
    return {"name": name, "type": "proxy_http", "proxy_addr": f"127.0.0.1:{port}"}


def test_a_kept_connection_to_a_proxy_is_not_used_for_another_ones_target() -> None:
    async def main() -> None:
        rules = {"child_match": {"two": "b.test"}}
        route = {"name": "route", "type": "route_upstream", "default_next": "one", **rules}
        async with next_proxy(forwarding(b"one")) as a, next_proxy(forwarding(b"two")) as b:
            routes = (proxy_http("one", a.port), proxy_http("two", b.port), route)
            async with serving(HTTP, routes=routes) as p:
                reader, writer = await asyncio.open_connection(*p.addresses["http"])
                for host, name in ((b"a", b"one"), (b"b", b"two"), (b"b", b"two"), (b"a", b"one"), (b"c", b"one")):
                    writer.write(b"GET http://%b.test/ HTTP/1.1\r\nHost: %b.test\r\n\r\n" % (host, host))
                    assert (await read_response(reader))[1] == name
                writer.close()
                records = await p.records.wait(5, task_event="Finished")
                assert [record["escaper"] for record in records] == ["one", "two", "two", "one", "one"]
                assert [record["reuse_connection"] for record in records] == [False, False, True, False, False]

    run(main())


def test_a_dead_proxy_is_stood_in_for() -> None:
    async def main() -> None:
        route = {"name": "route", "type": "route_failover", "primary_next": "dead", "standby_next": "one"}
        async with next_proxy(forwarding(b"one")) as a:
            with peer() as (_, closed):  # a port for UDP, and none for TCP
                routes = (proxy_http("dead", closed), proxy_http("one", a.port), route)
                async with serving(HTTP, routes=routes) as p:
                    request = b"GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
                    assert (await talk(p.addresses["http"], request)).endswith(b"\r\n\r\none")
                    assert (await p.task_record())["escaper"] == "one"

    run(main())


def test_some_datagrams_go_through_a_proxy_and_others_do_not() -> None:
    async def main() -> None:
        async with last(use_udp_associate=True) as far:
            routes = (
                {"name": "near", "type": "direct_fixed", "resolver": "dns", "egress_network_filter": "127.0.0.0/8"},
                {"name": "far", "type": "proxy_socks5", "proxy_addr": joined(far.addresses["socks"])},
                {
                    "name": "route",
                    "type": "route_upstream",
                    "default_next": "near",
                    "exact_match": {"far": "127.0.6.2"},
                },
            )
            served = serving({**SOCKS, "use_udp_associate": True}, routes=routes)
            async with served as p, associated(p.addresses["socks"]) as client:
                for _ in range(3):
                    for text in ("127.0.6.1", "127.0.6.2"):
                        with peer(text) as (_, port):
                            host = IPv4Address(text)
                            assert await client.exchange(host, port, b"hello") == (host, port, b"hello")
                client.writer.close()
                assert (await p.task_record())["r_wr_packets"] == 6
                assert (await far.task_record())["r_wr_packets"] == 3

    run(main())
