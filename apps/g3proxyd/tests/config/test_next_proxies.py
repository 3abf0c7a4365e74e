"""Escapers whose next hops are proxies: their keys and what goes together."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import pytest
from g3_escape import PickPolicy
from g3proxyd.config import Config
from g3proxyd.config.escaper import ProxySocks5Config, ProxySocks5sConfig
from g3proxyd.config.values.keepalive import TcpKeepalive
from g3proxyd.upstream import Upstream

Lines = Callable[..., list[str]]
Read = Callable[..., Config]

ESCAPER = """\
escaper: [{{name: d, type: {type}, {keys}}}]
resolver: [{{name: r, type: deny_all}}]
"""
SOCKS = ["proxy_socks5", "proxy_socks5s"]


def read(config: Read, keys: str, type_name: str = "proxy_socks5") -> ProxySocks5Config | ProxySocks5sConfig:
    found = config(ESCAPER.format(type=type_name, keys=keys)).escapers["d"]
    assert isinstance(found, ProxySocks5Config | ProxySocks5sConfig)
    return found


@pytest.mark.parametrize("type_name", [*SOCKS, "ProxySocks5", "proxysocks5s"])
def test_defaults(config: Read, type_name: str) -> None:
    found = read(config, "proxy_addr: 192.0.2.1", type_name)
    (peer,) = found.proxy_addr
    assert (peer.upstream, peer.weight) == (Upstream(IPv4Address("192.0.2.1"), 1080), 1.0)
    assert found.proxy_addr_pick_policy is PickPolicy.RANDOM
    assert (found.proxy_username, found.proxy_password, found.peer_negotiation_timeout) == (None, None, 10.0)
    assert found.tcp_keepalive == TcpKeepalive(enable=True, idle_time=60.0)
    assert (found.transmute_udp_peer_ip, found.end_on_control_closed) == (None, False)
    assert (found.bind_ipv4, found.bind_ipv6, found.resolver) == (None, None, None)
    if isinstance(found, ProxySocks5sConfig):
        assert found.tls_name is None
        assert found.tls_client.handshake_timeout == 10.0


def test_values(config: Read) -> None:
    keys = """proxy_addr: [p.test, {addr: "[::1]:1081", weight: 2}], proxy_addr_pick_policy: rr, resolver: r,
      proxy_user: joe, proxy_passwd: secret, peer_negotiation_timeout: 3s, relay_limit: 1M, udp_misc_opts: {ttl: 9},
      transmute_udp_peer_ip: {"192.0.2.1": "2001:db8::1"}, end_on_control_closed: on, tcp_keepalive: 20,
      bind_ipv4: 127.0.0.9, tls: null, tls_name: Q.Test"""
    found = read(config, keys, "proxy_socks5s")
    assert isinstance(found, ProxySocks5sConfig)
    assert [(str(each), each.weight) for each in found.proxy_addr] == [("p.test:1080", 1.0), ("[::1]:1081", 2.0)]
    assert (found.proxy_username, found.proxy_password, found.peer_negotiation_timeout) == ("joe", "secret", 3.0)
    assert found.udp_sock_speed_limit is not None
    assert found.udp_misc_opts.time_to_live == 9
    assert found.transmute_udp_peer_ip == {IPv4Address("192.0.2.1"): IPv6Address("2001:db8::1")}
    assert found.end_on_control_closed
    assert found.tcp_keepalive.idle_time == 20.0
    assert found.tls_name == "q.test"


@pytest.mark.parametrize(("text", "found"), [("true", {}), ("false", None), ("{}", {})])
def test_transmutation_by_a_switch(config: Read, text: str, found: object) -> None:
    assert read(config, f"proxy_addr: 127.0.0.1, transmute_udp_peer_ip: {text}").transmute_udp_peer_ip == found


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("resolver: r", "the key 'proxy_addr' is missing"),
        ("proxy_addr: p.test", ".proxy_addr: a resolver is needed for p.test"),
        ("proxy_addr: 127.0.0.1, proxy_username: joe", ".proxy_username: needs 'proxy_password' beside it"),
        (
            "proxy_addr: 127.0.0.1, proxy_username: joe, proxy_password: ''",
            ".proxy_password: SOCKS5 has no empty passwords",
        ),
        (
            "proxy_addr: 127.0.0.1, peer_negotiation_timeout: 0",
            ".peer_negotiation_timeout: 0 would leave no time for anything; expected a duration above zero",
        ),
        ("proxy_addr: 127.0.0.1, use_proxy_protocol: 1", ".use_proxy_protocol: unknown key"),
    ],
)
@pytest.mark.parametrize("type_name", SOCKS)
def test_mistakes(problems: Lines, keys: str, message: str, type_name: str) -> None:
    (problem,) = problems(ESCAPER.format(type=type_name, keys=keys))
    assert message in problem


def test_tls_is_for_the_secure_type_alone(problems: Lines) -> None:
    (problem,) = problems(ESCAPER.format(type="proxy_socks5", keys="proxy_addr: 127.0.0.1, tls_client: {}"))
    assert "unknown key" in problem


def test_a_password_without_a_user(config: Read) -> None:
    found = config(ESCAPER.format(type="proxy_socks5", keys="proxy_addr: 127.0.0.1, proxy_password: x"))
    assert ["has no effect without 'proxy_username'" in str(warning) for warning in found.warnings] == [True]
