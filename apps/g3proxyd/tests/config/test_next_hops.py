"""Escapers with next hops: where they are, and what has to be said beside what."""

from collections.abc import Callable
from ipaddress import ip_address

import pytest
from g3proxyd.config import Config
from g3proxyd.config.escaper import ProxyHttpConfig, ProxyHttpsConfig
from g3proxyd.config.values.http_forward import HttpForwardCapability
from g3proxyd.upstream import Upstream

Lines = Callable[..., list[str]]
Read = Callable[..., Config]


def text(keys: str, kind: str = "proxy_http") -> str:
    return f"escaper: [{{name: out, type: {kind}, {keys}}}]\nresolver: [{{name: r, type: deny_all}}]\n"


def read(config: Read, keys: str) -> ProxyHttpConfig:
    found = config(text(keys)).escapers["out"]
    assert isinstance(found, ProxyHttpConfig)
    return found


def test_one_next_hop_or_several(config: Read) -> None:
    one = read(config, "proxy_addr: 192.0.2.1")
    assert [(each.upstream, each.weight) for each in one.proxy_addr] == [(Upstream(ip_address("192.0.2.1"), 3128), 1.0)]
    several = "proxy_addr: ['[2001:db8::1]:80', {addr: a.test, weight: 2}], resolver: r"
    found = read(config, several).proxy_addr
    assert [(str(each), each.weight) for each in found] == [("[2001:db8::1]:80", 1.0), ("a.test:3128", 2.0)]


def test_defaults(config: Read) -> None:
    found = read(config, "proxy_addr: 192.0.2.1")
    assert (found.peer_negotiation_timeout, found.http_connect_rsp_header_max_size) == (10.0, 4096)
    assert (found.tcp_keepalive.enable, found.proxy_addr_pick_policy.value) == (False, "random")
    assert found.http_forward_capability.ftp_methods == frozenset()


def test_old_and_other_names(config: Read) -> None:
    found = config(text("proxy_addr: 192.0.2.1, conn_limit: 1M, proxy-user: joe, proxy_passwd: x", "Proxy-HTTP"))
    assert len(found.warnings) == 1
    tls = config(text("proxy_addr: 192.0.2.1, tls: {no_session_cache: true}", "ProxyHttps")).escapers["out"]
    assert isinstance(tls, ProxyHttpsConfig)
    assert tls.tls_client.no_session_cache


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("resolver: r", "the key 'proxy_addr' is missing"),
        ("proxy_addr: a.test", "out.proxy_addr: a resolver is needed for a.test"),
        ("proxy_addr: [192.0.2.1, 'a.test:80']", "out.proxy_addr: a resolver is needed for a.test"),
        ("proxy_addr: {addr: 192.0.2.1, weight: 0}", "out.proxy_addr: there is nowhere to go"),
        ("proxy_addr: 192.0.2.1, peer_negotiation_timeout: 0", "0 would leave no time for anything"),
        ("proxy_addr: 192.0.2.1, proxy_username: joe", "out.proxy_username: needs 'proxy_password' beside it"),
        ("proxy_addr: 192.0.2.1, proxy_username: 'a:b', proxy_password: x", "a colon cannot be part of a user name"),
        (
            'proxy_addr: 192.0.2.1, proxy_username: ab, proxy_password: "a\\nb"',
            "control characters cannot be part of a password",
        ),
        (f"proxy_addr: 192.0.2.1, proxy_password: {'s' * 256}", "a password of 256 bytes is too long"),
        ("proxy_addr: 192.0.2.1, http_connect_rsp_header_max_size: 63", "63 is too small for any answer"),
        (
            "proxy_addr: 192.0.2.1, proxy_username: joe, proxy_password: x, pass_proxy_userid: true",
            "out.pass_proxy_userid: there is one user name at a time: 'proxy_username' is set",
        ),
        ("proxy_addr: 192.0.2.1, use_proxy_protocol: 3", "3 is out of range"),
        ("proxy_addr: 192.0.2.1, tls_client: {}", "unknown key"),
        ("proxy_addr: 192.0.2.1, udp_misc_opts: {}", "unknown key"),
        ("proxy_addr: 192.0.2.1, no_ipv4: true, no_ipv6: true", "both address families are switched off"),
    ],
)
def test_mistakes(problems: Lines, keys: str, message: str) -> None:
    (problem,) = problems(text(keys))
    assert message in problem
    assert "sss" not in problem


def test_user_names_that_nobody_has(config: Read) -> None:
    (warning,) = config(text("proxy_addr: 192.0.2.1, pass_proxy_userid: true")).warnings
    assert "out.pass_proxy_userid: has no effect here: clients have no names before" in str(warning)


def test_a_password_without_a_user_name(config: Read) -> None:
    (warning,) = config(text("proxy_addr: 192.0.2.1, proxy_password: x")).warnings
    assert "has no effect without 'proxy_username'" in str(warning)


@pytest.mark.parametrize(
    ("keys", "methods"),
    [
        ({"forward_https": True}, ""),
        ({"forward_ftp": True}, "DELETE GET HEAD PUT"),
        ({"forward_ftp": True, "forward_ftp_get": False}, "DELETE PUT"),
        ({"forward_ftp_get": True, "forward_ftp_del": True}, "DELETE GET HEAD"),
        ({"forward_ftp": False, "forward_ftp_put": True}, "PUT"),
    ],
)
def test_what_is_forwarded(keys: dict[str, bool], methods: str) -> None:
    found = HttpForwardCapability.model_validate(keys).ftp_methods
    assert b" ".join(sorted(found)).decode() == methods
