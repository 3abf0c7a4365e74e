"""What all routes do with the escaper that they have chosen, and each decision."""

import asyncio
from collections.abc import Coroutine
from ipaddress import ip_address
from typing import Any

import pytest
from escaper.network import FakeResolver, Task, run_virtually
from escaper.paths import End, make_route
from g3_acl import parse_host
from g3_escape import EgressPath
from g3proxyd.escaper.base import ConnectNotes
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.resolver.base import Query
from g3proxyd.resolver.errors import server_error
from g3proxyd.upstream import Upstream

BY_HOST = {"type": "route_upstream", "default_next": "a", "exact_match": [{"next": "b", "host": "b.test"}]}


def run(*coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
    async def main() -> list[Any]:
        return [await coroutine for coroutine in coroutines]

    return run_virtually(main)


def close(connection: Any, *ends: End) -> None:
    connection.close()
    for end in ends:
        for peer in end.peers:
            peer.close()


def chosen(route: Any, host: str, task: Task | None = None) -> str:
    """The name of the escaper for a target."""
    found = route.choose(Upstream(parse_host(host), 80), task or Task())
    name: str = found.name
    return name


def test_every_connection_is_that_of_the_next_escaper() -> None:
    a, b = End("a"), End("b")
    b.forwards_ftp = b.wants_server_addr = True
    route = make_route(BY_HOST, a, b)
    assert (route.name, route.type_name, route.forwards_ftp, route.wants_server_addr) == (
        "r",
        "RouteUpstream",
        True,
        True,
    )
    there, elsewhere, notes = Upstream("b.test", 80), Upstream("x.test", 80), ConnectNotes()

    async def main() -> None:
        for connecting in (
            route.tcp_connect(there, notes, Task()),
            route.udp_connect(there, notes, Task()),
            route.tcp_connect(elsewhere, notes, Task()),
        ):
            (await connecting).close()
        hop = await route.http_connect(there, notes, Task())
        assert (hop.proxy, hop.any_upstream) == (True, False)  # another upstream may have another way
        hop.connection.close()
        hop = await route.ftp_connect(there, b"GET", notes, Task())
        assert (hop.proxy, hop.any_upstream) == (True, False)
        hop.connection.close()
        assert await route.ftp_connect(elsewhere, b"GET", notes, Task()) is None
        for peer in a.peers + b.peers:
            peer.close()

    run_virtually(main)
    assert a.asked == ["tcp x.test:80"]
    assert b.asked == ["tcp b.test:80", "udp b.test:80", "http b.test:80", "ftp b.test:80"]
    assert (route.route_stats.request_passed, route.route_stats.request_failed) == (6, 0)


def test_a_second_connection_goes_where_the_first_one_went() -> None:
    a, b = End("a"), End("b")
    inner = make_route({"type": "route_mapping", "next": ["a", "b"]}, a, b)
    inner.name = "inner"
    outer = make_route({"type": "route_mapping", "next": ["inner"]}, inner)

    async def main() -> None:
        for name in ("a", "b", "b", "a"):
            first, beside = ConnectNotes(escaper=name), ConnectNotes()
            (await outer.tcp_connect_beside(Upstream("x.test", 21), first, beside, Task())).close()
            assert beside.escaper == name
        unknown = ConnectNotes(escaper="gone")
        (await outer.tcp_connect_beside(Upstream("x.test", 21), unknown, ConnectNotes(), Task())).close()
        for peer in a.peers + b.peers:
            peer.close()

    run_virtually(main)
    asked = a.asked + b.asked
    assert (asked.count("beside x.test:21"), asked.count("tcp x.test:21")) == (4, 1)


def test_a_failure_of_the_next_escaper_is_told_as_its_own() -> None:
    a = End("a", error=ConnectReason.TIMEOUT_BY_RULE)
    route = make_route({"type": "route_mapping", "next": "a"}, a)
    notes = ConnectNotes()
    with pytest.raises(TcpConnectError) as caught:
        run(route.tcp_connect(Upstream("x.test", 80), notes, Task()))
    assert caught.value.reason is ConnectReason.TIMEOUT_BY_RULE
    assert notes.escaper == "a"
    assert (route.route_stats.request_passed, route.route_stats.request_failed) == (1, 0)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("b.test", "b"), ("B.TEST.", "b"), ("x.b.test", "a"), ("192.0.2.1", "b"), ("192.0.2.2", "c"), ("10.0.0.1", "a"),
        ("::ffff:192.0.2.1", "b"), ("c.test", "c"), ("x.c.test", "c"), ("xc.test", "a"), ("x.z", "d"), ("z", "d"),
        ("img7.cdn.test", "e"), ("cdn.test", "a"), ("7.test", "e"),
    ],
)  # fmt: skip
def test_route_upstream(host: str, name: str) -> None:
    keys = {
        "type": "route_upstream",
        "default_next": "a",
        "exact_match": [{"next": "b", "hosts": ["b.test", "192.0.2.1"]}],
        "subnet_match": {"c": "192.0.2.0/24"},
        "child_match": {"c": "c.test"},
        "suffix_match": {"d": "z"},
        "regex_match": {"e": ["^[0-9]", {"parent": "cdn.test", "regex": "^img[0-9]$"}]},
    }
    assert chosen(make_route(keys, *map(End, "abcde")), host) == name


@pytest.mark.parametrize(
    ("client", "name"),
    [("192.0.2.9", "b"), ("192.0.2.8", "c"), ("::ffff:192.0.2.9", "b"), ("2001:db8::1%eth0", "c"), ("10.1.1.1", "a")],
)
def test_route_client(client: str, name: str) -> None:
    rules = {"exact_match": {"b": "192.0.2.9"}, "subnet_match": {"c": ["192.0.2.0/24", "2001:db8::/32"]}}
    route = make_route({"type": "route_client", "default_next": "a", **rules}, *map(End, "abc"))
    assert chosen(route, "x.test", Task(client_addr=(client, 5))) == name


def test_route_mapping() -> None:
    route = make_route({"type": "route_mapping", "next": ["a", "b", "c"]}, *map(End, "abc"))
    for number, name in ((1, "a"), (2, "b"), (3, "c"), (0, "c"), (4, "a")):
        assert chosen(route, "x.test", Task(egress_path=EgressPath(numbers={"r": number}))) == name
    others = Task(egress_path=EgressPath(numbers={"x": 1}))
    assert {chosen(route, "x.test", others) for _ in range(200)} == {"a", "b", "c"}


class TestSelect:
    def test_the_same_host_leads_to_the_same_escaper(self) -> None:
        route = make_route({"type": "route_select", "next_nodes": ["a", "b", "c"]}, *map(End, "abc"))
        found = [chosen(route, f"h{number}.test") for number in range(60)]
        assert set(found) == {"a", "b", "c"}
        assert found == [chosen(route, f"h{number}.test") for number in range(60)]
        for other in (Task(client_addr=("192.0.2.77", 1)), Task(user="joe")):
            assert found != [chosen(route, f"h{number}.test", other) for number in range(60)]

    def test_the_request_may_name_one(self) -> None:
        nodes = ["a", {"name": "b", "weight": 0}]
        keys = {"type": "route_select", "next_nodes": nodes, "next_pick_policy": "random"}
        route = make_route(keys, *map(End, "ab"))
        assert {chosen(route, "x.test") for _ in range(50)} == {"a"}
        assert chosen(route, "x.test", Task(egress_path=EgressPath(ids={"r": "b"}))) == "b"

    def test_one_that_is_not_there_fails_the_request(self) -> None:
        a = End("a")
        route = make_route({"type": "route_select", "next_nodes": "a"}, a)
        notes = ConnectNotes()
        task = Task(egress_path=EgressPath(ids={"r": "z"}))
        with pytest.raises(TcpConnectError, match="there is no node 'z' to select") as caught:
            run(route.tcp_connect(Upstream("x.test", 80), notes, task))
        assert caught.value.reason is ConnectReason.ESCAPER_NOT_USABLE
        assert (notes.escaper, a.asked, route.route_stats.request_failed) == ("r", [], 1)


class TestResolved:
    KEYS = {"type": "route_resolved", "resolver": "dns", "default_next": "a", "lpm_match": {"b": "10.0.0.0/8"}}  # noqa: RUF012

    def where(self, resolver: FakeResolver, host: str = "x.test", **keys: Any) -> tuple[str, float]:
        """The next escaper, and when it was known."""
        route = make_route({**self.KEYS, **keys}, *map(End, "ab"), resolver=resolver)

        async def main() -> tuple[str, float]:
            from escaper.network import elapsed

            upstream = Upstream(parse_host(host), 80)
            found = route.choose(upstream, Task()) or await route.decide(upstream, Task())
            return found.name, elapsed()

        result = run_virtually(main)
        assert all(query.cancelled for query in resolver.queries)
        return result

    def test_an_address_needs_no_resolver(self) -> None:
        assert self.where(FakeResolver(), "10.0.0.1") == ("b", 0.0)
        assert self.where(FakeResolver(), "::ffff:10.0.0.1") == ("b", 0.0)
        assert self.where(FakeResolver(), "192.0.2.1") == ("a", 0.0)

    @pytest.mark.parametrize(
        ("v4", "v6", "strategy", "found"),
        [
            ((None, "10.0.0.1"), (None, "::1"), "ipv4_first", ("b", 0.0)),
            ((None, "10.0.0.1"), (None, "::1"), "ipv6_first", ("a", 0.0)),
            ((1.0, "10.0.0.1"), (9.0, "::1"), "ipv4_first", ("b", 1.0)),
            ((1.0, "10.0.0.1"), (0.99, "::1"), "ipv4_first", ("b", 1.0)),
            ((2.0, "10.0.0.1"), (1.0, "::1"), "ipv4_first", ("a", 1.05)),
            ((2.0, "10.0.0.1"), (1.0, ""), "ipv6_first", ("b", 2.0)),
            ((2.0, "10.0.0.1"), (1.0, server_error("X", "x")), "ipv6_first", ("b", 2.0)),
            ((2.0, "10.0.0.1"), (1.0, "::1"), "ipv4_only", ("b", 2.0)),
        ],
    )
    def test_the_preferred_family_has_its_time(self, v4: Any, v6: Any, strategy: str, found: tuple[str, float]) -> None:
        assert self.where(FakeResolver(v4=v4, v6=v6), resolve_strategy=strategy) == found

    def test_which_address_of_several(self) -> None:
        resolver = FakeResolver(v4=(None, "10.0.0.1 192.0.2.1"))
        for _ in range(20):
            assert self.where(resolver, resolve_strategy={"pick": "first"})[0] == "b"
        assert {self.where(resolver)[0] for _ in range(60)} == {"a", "b"}

    @pytest.mark.parametrize(
        ("said", "reason"),
        [(server_error("X", "x"), ConnectReason.RESOLVE_FAILED), ("", ConnectReason.NO_ADDRESS_CONNECTED)],
    )
    def test_a_name_without_an_address_fails_the_request(self, said: Any, reason: ConnectReason) -> None:
        resolver = FakeResolver(v4=(1.0, said), v6=(None, ""))
        route = make_route(self.KEYS, *map(End, "ab"), resolver=resolver)
        notes = ConnectNotes()
        with pytest.raises(TcpConnectError) as caught:
            run(route.tcp_connect(Upstream("x.test", 80), notes, Task()))
        assert (caught.value.reason, notes.escaper, route.route_stats.request_failed) == (reason, "r", 1)
        assert str(caught.value.resolve_error or "") == ("server error: x" if said else "")


def test_who_cannot_decide_says_so() -> None:
    route = make_route({"type": "route_mapping", "next": "a"}, End("a"))
    with pytest.raises(TcpConnectError, match="r does not know what is next"):
        run(route.decide(Upstream(ip_address("192.0.2.1"), 80), Task()))


def test_a_thousand_routes_in_a_row() -> None:
    """Python calls functions to a depth of 1,000 at most; each fifth route here takes time to decide."""
    end = End("end")
    chain: list[Any] = [end]
    for number in range(2000):
        keys: dict[str, Any] = {"type": "route_mapping", "next": chain[-1].name}
        if number % 5 == 0:
            keys = {"type": "route_resolved", "default_next": chain[-1].name, "resolver": "dns"}
        route = make_route(keys, chain[-1], resolver=FakeResolver(v4=(0.0, "192.0.2.1"), v6=(0.0, "")))
        route.name = f"route{number}"
        chain.append(route)
    top, target, notes = chain[-1], Upstream("x.test", 80), ConnectNotes()

    async def main() -> None:
        for connecting in (top.tcp_connect(target, notes, Task()), top.udp_connect(target, notes, Task())):
            (await connecting).close()
        (await top.http_connect(target, notes, Task())).connection.close()
        found = asyncio.get_running_loop().create_future()
        outlet = top.udp_associate(notes, Task())
        assert isinstance(outlet.find(target, found.set_result), Query)
        assert (await found).reason is ConnectReason.NO_ADDRESS_CONNECTED  # that is what the end says of names
        assert outlet.way(target) is end.outlets[0]
        outlet.close()
        for peer in end.peers:
            peer.close()

    run_virtually(main)
    assert {route.route_stats.request_passed for route in chain[1:]} == {4}
