"""Access rules and hosts in configurations: what g3-acl finds wrong has its line and column."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from g3_acl import Action, default_egress_network_rule
from g3proxyd.config import Config, DirectFixedConfig, HttpProxyConfig
from g3proxyd.config.values.acl import parse_host

SERVER = """\
server:
  - name: a
    type: http_proxy
    escaper: d
    listen: 80
    {keys}
escaper: [{{name: d, type: dummy_deny}}]
"""
ESCAPER = """\
escaper: [{{name: d, type: direct_fixed, resolver: r, {keys}}}]
resolver: [{{name: r, type: deny_all}}]
"""


@pytest.fixture
def server(config: Callable[..., Config]) -> Callable[[str], HttpProxyConfig]:
    """Write a server with further keys, and read it."""

    def read(keys: str) -> HttpProxyConfig:
        found = config(SERVER.format(keys=keys)).servers["a"]
        assert isinstance(found, HttpProxyConfig)
        return found

    return read


def test_ingress(server: Callable[[str], HttpProxyConfig]) -> None:
    rule = server("ingress_net_filter: 192.0.2.0/24").ingress_network_filter
    assert rule is not None
    assert rule.check(ip_address("192.0.2.1")) is Action.PERMIT
    assert rule.check(ip_address("127.0.0.1")) is Action.PERMIT
    assert rule.check(ip_address("198.51.100.1")) is Action.FORBID
    assert server("ingress_network_filter: {}").ingress_network_filter is not None


def test_egress(config: Callable[..., Config]) -> None:
    def rule(keys: str) -> Callable[[str], Action]:
        escaper = config(ESCAPER.format(keys=keys)).escapers["d"]
        assert isinstance(escaper, DirectFixedConfig)
        return lambda text: escaper.egress_network_filter.check(ip_address(text))

    unset = rule("")
    assert (unset("192.0.2.1"), unset("127.0.0.1")) == (Action.PERMIT, Action.FORBID)
    given = rule("egress_network_filter: {default: allow, allow: [127.0.0.1], forbid: 10.0.0.0/8}")
    assert (given("192.0.2.1"), given("127.0.0.1")) == (Action.PERMIT, Action.PERMIT)
    assert (given("127.0.0.2"), given("10.1.2.3")) == (Action.FORBID, Action.FORBID)
    assert DirectFixedConfig(name="a", resolver="r").egress_network_filter == default_egress_network_rule()


def test_destinations(server: Callable[[str], HttpProxyConfig]) -> None:
    found = server(
        "dst_host_filter_set: {exact: [a.test, 192.0.2.1], child: b.test, regex: 'c[0-9]+[.]test'}\n"
        "    dst_port_filter: [80, '443', 8000-8080]"
    )
    assert found.dst_host_filter_set is not None
    hosts = ("a.test", IPv4Address("192.0.2.1"), "x.b.test", "c1.test", "d.test")
    assert [found.dst_host_filter_set.check(host) is Action.PERMIT for host in hosts] == [True] * 4 + [False]
    assert found.dst_port_filter is not None
    assert [found.dst_port_filter.check(port) is Action.PERMIT for port in (80, 443, 8080, 81)] == [True] * 3 + [False]


def test_hosts(server: Callable[[str], HttpProxyConfig]) -> None:
    hosts = server("local_server_name: [Proxy.TEST, 192.0.2.1, '::1', 例え.test]").local_server_name
    assert hosts == ("proxy.test", IPv4Address("192.0.2.1"), IPv6Address("::1"), "xn--r8jz45g.test")
    assert server("local_server_name: a.test").local_server_name == ("a.test",)


@pytest.mark.parametrize(
    ("keys", "places"),
    [
        ("dst_port_filter: [80, x, 443, 70000]", [
            "6:27 server a.dst_port_filter[1]", "6:35 server a.dst_port_filter[3]",
        ]),
        ("dst_port_filter: {alow: 80, default: yes}", [
            "6:29 server a.dst_port_filter.alow", "6:42 server a.dst_port_filter.default",
        ]),
        ("dst_host_filter_set: {exact: {forbid: [a.test, 'b c']}, xact: d}", [
            "6:52 server a.dst_host_filter_set.exact.forbid[1]", "6:67 server a.dst_host_filter_set.xact",
        ]),
        ("ingress_network_filter: [10.0.0.1/8]", ["6:30 server a.ingress_network_filter[0]"]),
        ("local_server_name: [a.test, 'a..b', 3]", [
            "6:33 server a.local_server_name[1]", "6:41 server a.local_server_name[2]",
        ]),
    ],
)  # fmt: skip
def test_places(keys: str, places: list[str], problems: Callable[..., list[str]]) -> None:
    found = [problem.split(":", 4) for problem in problems(SERVER.format(keys=keys))]
    assert [f"{line}:{column}{path}" for _, line, column, path, _ in found] == places


def test_what_g3_acl_says_is_passed_on(refused: Callable[..., list[str]], problems: Callable[..., list[str]]) -> None:
    assert refused(parse_host, "a b") == ["'a b' is no host name: it holds ' '; expected a host name or an address"]
    (problem,) = problems(SERVER.format(keys="ingress_network_filter: 10.0.0.1/8"))
    assert problem == (
        "main.yml:6:29: server a.ingress_network_filter: '10.0.0.1/8' has bits behind its prefix; "
        "expected a network like 192.0.2.0/24 or 2001:db8::/32, or an address; did you mean '10.0.0.0/8'?"
    )
