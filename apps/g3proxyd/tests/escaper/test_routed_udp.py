"""Datagrams through escapers that are chosen for each target."""

import asyncio
from ipaddress import ip_address
from typing import Any

import pytest
from escaper.network import Task, run_virtually
from escaper.paths import End, make_route
from escaper.services import packed, service
from g3_acl import parse_host
from g3proxyd.escaper.base import ConnectNotes
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.escaper.routed_udp import WAYS_MAX, Decision
from g3proxyd.upstream import Upstream

BY_HOST = {"type": "route_upstream", "default_next": "a", "subnet_match": {"b": "10.0.0.0/8", "c": "192.0.2.0/24"}}


def to(host: str) -> Upstream:
    return Upstream(parse_host(host), 53)


def unexpected(way: Any) -> None:
    raise AssertionError(f"nobody waits for {way}")


def test_each_target_has_its_way() -> None:
    a, b, c = End("a"), End("b"), End("c", error=ConnectReason.METHOD_UNAVAILABLE)
    route = make_route(BY_HOST, a, b, c)
    notes = ConnectNotes()
    outlet = route.udp_associate(notes, Task())
    assert notes.escaper == "r"
    for host in ("10.0.0.1", "8.8.8.8", "10.0.0.2", "10.0.0.1"):
        assert outlet.find(to(host), unexpected) == ip_address(host)
    assert notes.escaper == "b"  # the first
    assert (len(a.outlets), len(b.outlets)) == (1, 1)
    assert outlet.way(to("10.0.0.2")) is b.outlets[0]
    assert outlet.way(to("8.8.8.8")) is a.outlets[0]
    refused = outlet.find(to("192.0.2.1"), unexpected)
    assert isinstance(refused, TcpConnectError)
    assert refused.reason is ConnectReason.METHOD_UNAVAILABLE
    outlet.report(to("192.0.2.1"), refused)  # it has no way, and so nobody to tell
    outlet.report(to("10.0.0.1"), TcpConnectError(ConnectReason.CONNECT_FAILED))
    assert (a.outlets[0].reports, b.outlets[0].reports) == ([], ["10.0.0.1:53 ConnectFailed"])
    assert route.route_stats.request_passed == 5
    outlet.close()
    assert a.outlets[0].closed
    assert b.outlets[0].closed


def test_a_target_that_was_forgotten() -> None:
    a = End("a")
    outlet = make_route({"type": "route_mapping", "next": "a"}, a).udp_associate(ConnectNotes(), Task())
    for number in range(WAYS_MAX + 1):
        outlet.find(Upstream(ip_address(number), 53), unexpected)
    assert outlet.way(Upstream(ip_address(1), 53)) is a.outlets[0]
    way = outlet.way(Upstream(ip_address(0), 53))
    with pytest.raises(TcpConnectError, match="the target was forgotten"):
        way.open(4)


def test_a_choice_that_fails() -> None:
    from g3_escape import EgressPath

    route = make_route({"type": "route_select", "next_nodes": "a"}, End("a"))
    notes = ConnectNotes()
    outlet = route.udp_associate(notes, Task(egress_path=EgressPath(ids={"r": "z"})))
    found = outlet.find(to("192.0.2.1"), unexpected)
    assert isinstance(found, TcpConnectError)
    assert (found.reason, notes.escaper, route.route_stats.request_failed) == (ConnectReason.ESCAPER_NOT_USABLE, "r", 1)


KEYS = {"type": "route_query", "fallback_node": "a", "query_allowed_next": ["b"]}


def test_a_choice_that_takes_time() -> None:
    async def main() -> None:
        a, b = End("a"), End("b")
        with service(lambda question: packed(id=question["id"], nodes="b")) as served:
            route = make_route({**KEYS, "query_peer_addr": f"127.0.0.1:{served.port}"}, a, b)
            inner = make_route({"type": "route_mapping", "next": ["r"]}, route)  # and behind another route
            outlet = inner.udp_associate(ConnectNotes(), Task())
            found: list[Any] = []
            query = outlet.find(to("192.0.2.1"), found.append)
            assert isinstance(query, Decision)
            await asyncio.sleep(0.01)
            assert found == [ip_address("192.0.2.1")]
            assert outlet.way(to("192.0.2.1")) is b.outlets[0]
            query.cancel()  # may be called at any time
            assert outlet.find(to("192.0.2.1"), unexpected) == ip_address("192.0.2.1")
            left = outlet.find(to("192.0.2.2"), unexpected)
            left.cancel()
            await asyncio.sleep(1)
            refused: list[Any] = []
            outlet.find(to("x.test"), refused.append)
            await asyncio.sleep(0.01)
            assert isinstance(refused[0], TcpConnectError)
            assert served.questions[-1]["host"] == "x.test"
            slow = outlet.find(to("slow.test"), unexpected)
            await asyncio.sleep(0.01)
            assert not b.queries[0].cancelled
            slow.cancel()
            assert b.queries[0].cancelled
            await route.close()

    run_virtually(main)


def test_a_decision_that_fails() -> None:
    async def main() -> None:
        from escaper.network import FakeResolver

        keys = {"type": "route_resolved", "resolver": "dns", "default_next": "a"}
        route = make_route(keys, End("a"), resolver=FakeResolver(v4=(1.0, ""), v6=(1.0, "")))
        outlet = route.udp_associate(ConnectNotes(), Task())
        found: list[Any] = []
        outlet.find(to("x.test"), found.append)
        await asyncio.sleep(2)
        assert found[0].reason is ConnectReason.NO_ADDRESS_CONNECTED

    run_virtually(main)
