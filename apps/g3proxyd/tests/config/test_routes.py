"""Escapers that lead to others: rules, names and circles, each with its place in the file."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from g3_escape import PickPolicy
from g3proxyd.config import Config
from g3proxyd.config.conflicts import MAX_FAILOVERS
from g3proxyd.config.escaper import (
    RouteClientConfig,
    RouteFailoverConfig,
    RouteMappingConfig,
    RouteQueryConfig,
    RouteResolvedConfig,
    RouteSelectConfig,
    RouteUpstreamConfig,
)
from g3proxyd.config.escaper.route_select import WeightedName
from g3proxyd.config.graph import bottom_up, uses
from g3proxyd.config.values.address import SocketAddress
from g3proxyd.control.operations import Change
from g3proxyd.supervisor.reload import changes

Lines = Callable[..., list[str]]
Read = Callable[..., Config]

ENDS = "  - {name: a, type: dummy_deny}\n  - {name: b, type: dummy_deny}\n"


def with_route(keys: str) -> str:
    """A configuration with two escapers and a route ``r`` to them, whose keys begin in line 4, column 17."""
    return f"escaper:\n{ENDS}  - {{name: r, {keys}}}\nresolver: [{{name: dns, type: deny_all}}]\n"


class TestKeys:
    def test_route_client(self, config: Read) -> None:
        rules = "exact_match: [{next: a, ips: [192.0.2.1, '::1']}], SUBNET-rules: [{escaper: b, subnet: 10.0.0.0/8}]"
        route = config(with_route(f"type: RouteClient, default_next: b, {rules}")).escapers["r"]
        assert isinstance(route, RouteClientConfig)
        assert route.exact_match == {ip_address("192.0.2.1"): "a", ip_address("::1"): "a"}
        assert route.subnet_match == {ip_network("10.0.0.0/8"): "b"}
        assert list(uses(route)) == [("escaper", "b"), ("escaper", "a")]

    def test_route_failover(self, config: Read) -> None:
        route = config(with_route("type: route_failover, primary: a, standby: b, delay: 2s")).escapers["r"]
        assert isinstance(route, RouteFailoverConfig)
        assert (route.primary_next, route.standby_next, route.fallback_delay) == ("a", "b", 2.0)

    def test_route_mapping(self, config: Read) -> None:
        for text, names in (("a", ("a",)), ("[b, a]", ("b", "a"))):
            route = config(with_route(f"type: route_mapping, next: {text}")).escapers["r"]
            assert isinstance(route, RouteMappingConfig)
            assert route.next == names

    def test_another_name_of_the_service(self, config: Read) -> None:
        keys = "type: route_query, fallback_node: a, query_allowed_next: [b], query_peer_address: 192.0.2.1:7"
        route = config(with_route(keys)).escapers["r"]
        assert isinstance(route, RouteQueryConfig)
        assert str(route.query_peer_addr) == "192.0.2.1:7"

    def test_route_query(self, config: Read) -> None:
        route = config(with_route("type: route_query, fallback_node: a, query_allowed_next: [b]")).escapers["r"]
        assert isinstance(route, RouteQueryConfig)
        assert route.query_peer_addr == SocketAddress(IPv4Address("127.0.0.1"), 1053)
        assert (route.cache_request_timeout, route.query_wait_timeout, route.cache_vanish_wait) == (0.1, 10.0, 30.0)
        assert (route.protective_cache_ttl, route.maximum_cache_ttl) == (10, 1800)
        assert (route.cache_pick_policy, route.query_pass_client_ip) == (PickPolicy.KETAMA, False)

    def test_route_resolved(self, config: Read) -> None:
        for key in ("networks", "network", "nets", "net"):
            rules = f"lpm_rules: [{{next: b, {key}: ['::ffff:10.0.0.0/104', 192.0.2.7]}}]"
            text = with_route(f"type: route_dst_ip, resolver: dns, default_next: a, {rules}")
            route = config(text).escapers["r"]
            assert isinstance(route, RouteResolvedConfig)
            assert route.lpm_match == {ip_network("10.0.0.0/8"): "b", ip_network("192.0.2.7"): "b"}
            assert route.resolution_delay == 0.05

    def test_route_select(self, config: Read) -> None:
        nodes = "[a, {name: b, weight: 0}]"
        route = config(with_route(f"type: route_select, next_nodes: {nodes}, next_pick_policy: rr")).escapers["r"]
        assert isinstance(route, RouteSelectConfig)
        assert route.next_nodes == (WeightedName("a"), WeightedName("b", 0.0))
        assert route.next_pick_policy is PickPolicy.ROUND_ROBIN
        alone = config(with_route("type: route_select, next_nodes: a")).escapers["r"]
        assert isinstance(alone, RouteSelectConfig)
        assert (alone.next_nodes, alone.next_pick_policy) == ((WeightedName("a"),), PickPolicy.KETAMA)

    def test_route_upstream(self, config: Read) -> None:
        rules = (
            "exact_match: {b: [A.test., 192.0.2.1]}, subnet_match: [{next: b, subnets: 10.0.0.0/8}], "
            "child_match: [{next: b, domains: .b.test}], radix_match: [{next: b, suffixes: [C.test, .名前]}], "
            "regex_match: [{next: b, rules: [^x, {parent: d.test, regex: [y, z]}]}]"
        )
        route = config(with_route(f"type: route_upstream, default_next: a, {rules}")).escapers["r"]
        assert isinstance(route, RouteUpstreamConfig)
        assert route.exact_match == {"a.test": "b", ip_address("192.0.2.1"): "b"}
        assert route.child_match == {"b.test": "b"}
        assert route.suffix_match == {"c.test": "b", ".xn--ldr85b": "b"}
        assert list(route.regex_match) == [(None, "^x"), ("d.test", "y"), ("d.test", "z")]


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ("x", "default_next: there is no escaper called 'x'; expected one of a, b, r"),
        ("a, exact_match: x", "exact_match: 'x' is not a list of rules; expected maps of next and hosts"),
        ("a, exact_match: [x]", "exact_match[0]: 'x' is not a map; expected a map of next and hosts"),
        ("a, exact_match: [{hosts: x}]", "exact_match[0]: the key 'next' is missing"),
        ("a, exact_match: [{next: a, escaper: b}]", "exact_match[0].escaper: given twice"),
        ("a, exact_match: [{next: a, hots: x}]", "exact_match[0].hots: unknown key; did you mean 'hosts'?"),
        ("a, exact_match: [{next: a, host: 'a b'}]", "exact_match[0].host"),
        ("a, exact_match: [{next: c}]", "exact_match[0].next: there is no escaper called 'c'; expected one of a, b, r"),
        ("a, exact_match: {c: x}", "exact_match.c: there is no escaper called 'c'; expected one of a, b, r"),
        (
            "a, exact_match: [{next: a, hosts: [x, X.]}, {next: b, host: x}]",
            "exact_match[1]: 'x' leads to 'a' already",
        ),
        ("a, subnet_match: [{next: a, subnet: 10.0.0.1/8}]", "10.0.0.1/8' has bits behind its prefix"),
        ("a, subnet_match: [{next: a, subnet: 10.0.0.0/255.0.0.0}]", "10.0.0.0/255.0.0.0' is not a network"),
        ("a, subnet_match: [{next: a, subnet: 'fe80::%1/64'}]", "is not a network"),
        ("a, subnet_match: {a: 10.0.0.0/8, b: '::ffff:10.0.0.0/104'}", "'10.0.0.0/8' leads to 'a' already"),
        ("a, child_match: {a: 192.0.2.1}", "child_match.a: '192.0.2.1' is an address; expected a domain name"),
        ("a, suffix_match: {a: '..'}", "suffix_match.a: '..' is not the end of a name"),
        ("a, regex_match: {a: '('}", "regex_match.a"),
        ("a, regex_match: {a: 3}", "regex_match.a: 3 is not a regular expression"),
        ("a, regex_match: {a: {parent: x}}", "regex_match.a: the rule is not complete"),
        ("a, regex_match: {a: {parent: x, regexp: y}}", "regex_match.a.regexp: unknown key; did you mean 'regex'?"),
        ("a, regex_match: {a: {parent: 192.0.2.1, regex: y}}", "regex_match.a.parent: '192.0.2.1' is an address"),
        ("a, regex_match: {a: {parent: x.test, regex: ['(']}}", "regex_match.a.regex[0]"),
        (
            "a, regex_match: {a: {parent: x.test, regex: y}, b: {parent: x.test, regex: y}}",
            "regex_match.b: 'y' below x.test leads to 'a' already",
        ),
    ],
)
def test_rules_that_are_wrong(rules: str, problem: str, problems: Lines) -> None:
    (found,) = problems(with_route(f"type: route_upstream, default_next: {rules}"))
    assert found.startswith("main.yml:4:")
    assert problem in found


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("type: route_mapping, next: []", "there is nowhere to go"),
        ("type: route_mapping, next: [a, b, a]", "a is there twice"),
        ("type: route_mapping, next: [a, c]", "main.yml:4:46: escaper r.next[1]: there is no escaper called 'c'"),
        ("type: route_select, next_nodes: []", "0 escapers; expected 1 to 1024"),
        ("type: route_select, next_nodes: {name: c}", "escaper r.next_nodes.name: there is no escaper called 'c'"),
        ("type: route_select, next_nodes: [a, c]", "escaper r.next_nodes[1]: there is no escaper called 'c'"),
        ("type: route_select, next_nodes: [{weight: 1}]", "next_nodes[0]: the key 'name' is missing"),
        ("type: route_select, next_nodes: [{name: a, weight: -1}]", "next_nodes[0].weight: -1 is out of range"),
        ("type: route_select, next_nodes: [{name: a, wait: 1}]", "next_nodes[0].wait: unknown key"),
        ("type: route_query, fallback_node: a, query_allowed_next: [c]", "query_allowed_next[0]: there is no escaper"),
        ("type: route_query, fallback_node: a, query_allowed_next: a, query_wait_timeout: 0", "leave no time"),
    ],
)
def test_values_that_are_wrong(keys: str, problem: str, problems: Lines) -> None:
    (found,) = problems(with_route(keys))
    assert problem in found


@pytest.mark.parametrize(
    ("keys", "warning"),
    [
        ("type: route_failover, primary: a, standby: a", "standby: is the primary escaper itself"),
        (
            "type: route_query, fallback_node: a, query_allowed_next: b, cache_request_batch_count: 5",
            "cache_request_batch_count: has no effect here: no request waits for the turn of another one",
        ),
    ],
)
def test_values_worth_a_warning(keys: str, warning: str, warnings: Lines) -> None:
    (found,) = warnings(with_route(keys))
    assert found.endswith(warning)


def test_circles(problems: Lines) -> None:
    text = """\
    escaper:
      - {name: one, type: route_mapping, next: [end, two]}
      - {name: two, type: route_upstream, default_next: end, exact_match: {three: x}}
      - {name: three, type: route_select, next_nodes: [{name: one}]}
      - {name: end, type: dummy_deny}
    """
    (problem,) = problems(text)
    assert problem == (
        "main.yml:4:59: escaper three.next_nodes[0].name: the names lead in a circle: "
        "escaper one -> escaper two -> escaper three -> escaper one"
    )


CHAIN = """\
escaper:
  - {name: top, type: route_mapping, next: [middle, end]}
  - {name: middle, type: route_failover, primary: end, standby: other}
  - {name: end, type: dummy_deny}
  - {name: other, type: dummy_deny}
server: [{name: s, type: socks_proxy, listen: 80, escaper: top}]
"""


def test_those_that_others_lead_to_are_made_first(config: Read) -> None:
    order = bottom_up(config(CHAIN).escapers, "escaper")
    assert sorted(order) == ["end", "middle", "other", "top"]
    assert order.index("end") < order.index("middle") < order.index("top")


def test_a_reload_rebuilds_what_leads_to_a_changed_one(config: Read) -> None:
    before = config(CHAIN)
    after = config(CHAIN.replace("{name: other, type: dummy_deny}", "{name: other, type: route_mapping, next: end}"))
    found = {change.name: change.change for change in changes(before, replace(after))}
    rebuilt = dict.fromkeys(("top", "middle", "other", "s"), Change.REBUILT)
    assert found == {**rebuilt, "end": Change.KEPT}


def nested_failovers(count: int) -> str:
    escapers = ["{name: f0, type: dummy_deny}"]
    for number in range(count):
        escapers += [
            f"{{name: f{number + 1}, type: route_failover, primary: f0, standby: r{number}}}",
            f"{{name: r{number}, type: route_mapping, next: f{number}}}",
        ]
    return f"escaper: [{', '.join(escapers)}]\n"


def test_failovers_in_failovers(config: Read, problems: Callable[[str], list[str]]) -> None:
    assert config(nested_failovers(MAX_FAILOVERS)).escapers
    (problem,) = problems(nested_failovers(MAX_FAILOVERS + 1))
    assert "escaper f17: there are more failovers behind it than 15, one behind the other" in problem
