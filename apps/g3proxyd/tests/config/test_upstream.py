"""Places to go, with weights, and how one of them is picked."""

from collections.abc import Callable
from ipaddress import ip_address

import pytest
from g3_escape import MAX_NODES, PickPolicy
from g3proxyd.config import Config, TcpStreamConfig
from g3proxyd.config.values.upstream import (
    WeightedUpstream,
    parse_policy,
    parse_upstream,
    parse_weighted_upstreams,
)
from g3proxyd.config.values.upstream_tls import UpstreamTls
from g3proxyd.upstream import Upstream

Refused = Callable[[Callable[[object], object], object], list[str]]

STREAM = """\
server: [{{name: a, type: tcp_stream, escaper: d, listen: 80, {keys}}}]
escaper: [{{name: d, type: dummy_deny}}]
"""


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("A.Example.:443", "a.example", 443),
        ("127.0.0.1:1", ip_address("127.0.0.1"), 1),
        ("[::1]:65535", ip_address("::1"), 65535),
        ("[::ffff:192.0.2.1]:80", ip_address("192.0.2.1"), 80),
        ("0x7f.1:80", ip_address("127.0.0.1"), 80),
    ],
)
def test_a_host_and_a_port(text: str, host: object, port: int) -> None:
    found = parse_upstream(text)
    assert (found.host, found.port) == (host, port)
    assert parse_upstream(str(found)) == found


def test_a_port_that_goes_without_saying() -> None:
    assert parse_upstream("a.example", 3128) == Upstream("a.example", 3128)
    assert parse_upstream("::1", 3128) == Upstream(ip_address("::1"), 3128)
    assert parse_upstream("[::1]", 3128) == Upstream(ip_address("::1"), 3128)
    assert parse_upstream("a.example:80", 3128) == Upstream("a.example", 80)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("a.example", "'a.example' has no port; expected a host and a port such as"),
        ("::1", "'::1' has no port; expected a host and a port such as"),
        ("a.example:0", "the port of 'a.example:0' is out of range; expected a port from 1 to 65535"),
        ("a.example:65536", "the port of 'a.example:65536' is out of range"),
        ("a b:80", "'a b' is no host name"),
        (":80", "an empty host name"),
        (80, "80 is not a host and a port"),
    ],
)
def test_no_host_and_port(data: object, message: str, refused: Refused) -> None:
    (found,) = refused(parse_upstream, data)
    assert found.startswith(message)


def test_one_or_several_with_weights() -> None:
    parse = parse_weighted_upstreams()
    a, b = Upstream("a", 1), Upstream("b", 2)
    assert parse("a:1") == (WeightedUpstream(a),)
    assert parse({"Address": "a:1", "weight": "2.5"}) == (WeightedUpstream(a, 2.5),)
    assert parse(["a:1", {"addr": "b:2", "weight": 0}]) == (WeightedUpstream(a, 1.0), WeightedUpstream(b, 0.0))
    assert str(WeightedUpstream(b, 5)) == "b:2"
    assert parse_weighted_upstreams(8)("a") == (WeightedUpstream(Upstream("a", 8)),)


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        ([], ["there is nowhere to go; expected one with a weight above 0"]),
        ([{"addr": "a:1", "weight": 0}], ["there is nowhere to go; expected one with a weight above 0"]),
        (["a:1"] * (MAX_NODES + 1), [f"{MAX_NODES + 1} are too many; expected at most {MAX_NODES}"]),
        ({"adr": "a:1"}, ["['adr']; unknown key; suggested addr"]),
        ({"addr": "a:1", "address": "a:1"}, ["['address']; given twice"]),
        ({"addr": "a:1", "weight": -1}, ["['weight']; -1 is out of range; expected 0, or 1e-06 to 1e+06"]),
        ({"addr": "a:1", "weight": 2e6}, ["['weight']; 2000000.0 is out of range; expected 0, or 1e-06 to 1e+06"]),
    ],
)
def test_wrong_lists(data: object, messages: list[str], refused: Refused) -> None:
    assert refused(parse_weighted_upstreams(), data) == messages


def test_each_mistake_of_a_list(refused: Refused) -> None:
    found = refused(parse_weighted_upstreams(), ["a", {"weight": 1}, {"addr": 5, "weight": "x"}])
    assert [line.partition(";")[0] for line in found] == ["[0]", "[1]", "[2]['addr']", "[2]['weight']"]
    assert "the key 'addr' is missing" in found[1]


@pytest.mark.parametrize(
    ("word", "policy"),
    [
        ("Random", PickPolicy.RANDOM),
        ("serial", PickPolicy.SERIAL),
        ("sequence", PickPolicy.SERIAL),
        ("rr", PickPolicy.ROUND_ROBIN),
        ("Round-Robin", PickPolicy.ROUND_ROBIN),
        ("ketama", PickPolicy.KETAMA),
        ("rendezvous", PickPolicy.RENDEZVOUS),
        ("jump", PickPolicy.JUMP_HASH),
    ],
)
def test_policies(word: str, policy: PickPolicy) -> None:
    assert parse_policy(word) is policy


def test_no_policies(refused: Refused) -> None:
    words = "random, serial, round_robin, ketama, rendezvous, jump_hash"
    assert refused(parse_policy, "ketma") == [
        f"'ketma' is not a pick policy; expected one of {words}; suggested ketama"
    ]
    assert refused(parse_policy, 1) == [f"1 is not a pick policy; expected one of {words}"]


def test_a_server(config: Callable[..., Config], problems: Callable[..., list[str]]) -> None:
    server = config(STREAM.format(keys="proxy_pass: 'a.example:80', upstream_pick_policy: jump")).servers["a"]
    assert isinstance(server, TcpStreamConfig)
    assert server.upstream == (WeightedUpstream(Upstream("a.example", 80)),)
    assert server.upstream_pick_policy is PickPolicy.JUMP_HASH
    assert TcpStreamConfig(name="a", escaper="d", upstream=server.upstream).upstream_pick_policy is PickPolicy.RANDOM
    assert [line.partition(": ")[2] for line in problems(STREAM.format(keys="auth_by_client_ip: 1"))] == [
        "server a: the key 'upstream' is missing",
        "server a.auth_by_client_ip: not supported yet: users and their authentication arrive with the user groups",
    ]
    (problem,) = problems(STREAM.format(keys="upstream: 'a:1', dst_port_filter: 80"))
    assert "server a.dst_port_filter: unknown key" in problem


@pytest.mark.parametrize(("text", "on"), [("true", True), ("'on'", True), ("{}", True), ("false", False), ("0", False)])
def test_tls_towards_the_upstream(text: str, on: bool, config: Callable[..., Config]) -> None:
    server = config(STREAM.format(keys=f"upstream: 'a:1', tls_client: {text}")).servers["a"]
    assert isinstance(server, TcpStreamConfig)
    assert server.tls_client == (UpstreamTls() if on else None)


def test_mistakes_about_tls(problems: Callable[..., list[str]], warnings: Callable[..., list[str]]) -> None:
    (problem,) = problems(STREAM.format(keys="upstream: 'a:1', tls_client: maybe"))
    assert "server a.tls_client: 'maybe' is not a boolean; expected true or false" in problem
    (problem,) = problems(STREAM.format(keys="upstream: 'a:1', tls_client: {handshake_timeout: 0}"))
    assert "server a.tls_client.handshake_timeout: 0 would leave no time for anything" in problem
    (warning,) = warnings(STREAM.format(keys="upstream: 'a:1', upstream_tls_name: b"))
    assert warning.endswith("server a.upstream_tls_name: has no effect without 'tls_client'")
    assert warnings(STREAM.format(keys="upstream: 'a:1', upstream_tls_name: b, tls_client: yes")) == []
