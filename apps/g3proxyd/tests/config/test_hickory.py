"""The keys of hickory."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from g3proxyd.config import Config
from g3proxyd.config.resolver import HickoryConfig
from g3proxyd.config.resolver.hickory import parse_servers
from g3proxyd.config.values.dns_encryption import DnsEncryption, DnsProtocol, parse_dns_protocol
from g3proxyd.config.values.sockopts import TcpMiscSockOpts, UdpMiscSockOpts
from g3proxyd.config.values.tls_client import RustlsTlsClient
from pydantic import ValidationError

Lines = Callable[..., list[str]]

NO_EFFECT = "what has no addresses is kept for negative_min_ttl, whatever the server says"
RESOLVER = "resolver: [{{name: r, type: {type}, server: 192.0.2.1, {keys}}}]\n"


def read(**keys: Any) -> HickoryConfig:
    return HickoryConfig.model_validate({"name": "r", "server": "192.0.2.1", **keys})


def test_defaults() -> None:
    resolver = read()
    assert (resolver.port, resolver.encryption, resolver.bind_ip, resolver.bind_interface) == (53, None, None, None)
    assert (resolver.connect_timeout, resolver.request_timeout, resolver.each_timeout) == (10.0, 5.0, 5.0)
    assert (resolver.each_tries, resolver.retry_interval) == (2, 1.0)
    assert (resolver.positive_min_ttl, resolver.positive_max_ttl, resolver.negative_min_ttl) == (30, 3600, 30)
    assert (resolver.graceful_stop_wait, resolver.protective_query_timeout) == (30.0, 60.0)
    assert (resolver.tcp_misc_opts, resolver.udp_misc_opts) == (TcpMiscSockOpts(), UdpMiscSockOpts())


@pytest.mark.parametrize("type_name", ["hickory", "Hickory", "hickory_dns", "HickoryDns", "trust-dns", "trustdns"])
def test_names_of_the_type(type_name: str, config: Callable[..., Config]) -> None:
    assert config(RESOLVER.format(type=type_name, keys="")).resolvers["r"] == read()


def test_every_key(config: Callable[..., Config]) -> None:
    keys = (
        "server_port: 5353, encrypt: a.test, connect_timeout: 1s, request_timeout: 2s, retry_attempts: 3, "
        "each_timeout: 4s, retry_interval: 500ms, bind_ip: 192.0.2.9, tcp_misc_opts: {ttl: 5}, udp_misc_opts: {tos: 6},"
        "positive_min_ttl: 7, positive_max_ttl: 8, negative_ttl: 9, graceful_stop_wait: 10, "
        "protective_query_timeout: 11"
    )
    assert config(RESOLVER.format(type="hickory", keys=keys)).resolvers["r"] == HickoryConfig(
        name="r",
        server=(IPv4Address("192.0.2.1"),),
        server_port=5353,
        encryption=DnsEncryption(tls_name="a.test"),
        connect_timeout=1.0,
        request_timeout=2.0,
        each_tries=3,
        each_timeout=4.0,
        retry_interval=0.5,
        bind_ip=IPv4Address("192.0.2.9"),
        tcp_misc_opts=TcpMiscSockOpts(time_to_live=5),
        udp_misc_opts=UdpMiscSockOpts(type_of_service=6),
        positive_min_ttl=7,
        positive_max_ttl=8,
        negative_min_ttl=9,
        graceful_stop_wait=10.0,
        protective_query_timeout=11.0,
    )


def test_an_interface(config: Callable[..., Config]) -> None:
    resolver = config(RESOLVER.format(type="hickory", keys="bind_interface: lo")).resolvers["r"]
    assert isinstance(resolver, HickoryConfig)
    assert resolver.bind_interface == "lo"


@pytest.mark.parametrize(
    ("data", "servers"),
    [
        ("192.0.2.1", ["192.0.2.1"]),
        (" 192.0.2.1  2001:db8::1 ", ["192.0.2.1", "2001:db8::1"]),
        (["192.0.2.1", "192.0.2.2", "192.0.2.1"], ["192.0.2.1", "192.0.2.2"]),
        ((IPv6Address("::1"),), ["::1"]),
    ],
)
def test_servers(data: object, servers: list[str]) -> None:
    assert [str(server) for server in parse_servers(data)] == servers


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "'' is not a list of name servers"),
        ("  ", "there is no name server"),
        ([], "a list is not a list of name servers"),
        (None, "nothing is not a list of name servers"),
        (1, "1 is not a list of name servers"),
        ("192.0.2.1:53", "'192.0.2.1:53' is not an IP address; the port of all servers is 'server_port'"),
        ("ns.test", "'ns.test' is not an IP address;"),
        ("0.0.0.0", "0.0.0.0 cannot be a name server"),
        (["ff02::1"], "ff02::1 cannot be a name server"),
    ],
)
def test_what_is_no_server(data: object, message: str, refused: Lines) -> None:
    (line,) = refused(parse_servers, data)
    assert message in line


@pytest.mark.parametrize(
    ("words", "protocol", "port"),
    [
        (("tls", "DoT", "dns-over-tls"), DnsProtocol.TLS, 853),
        (("https", "H2", "doh", "dns_over_https"), DnsProtocol.HTTPS, 443),
        (("h3", "HTTP/3", "DoH3", "dns-over-http/3"), DnsProtocol.H3, 443),
        (("quic", "DoQ", "dns_over_quic"), DnsProtocol.QUIC, 853),
    ],
)
def test_protocols(words: tuple[str, ...], protocol: DnsProtocol, port: int) -> None:
    for word in words:
        assert parse_dns_protocol(word) is protocol
    resolver = read(encryption={"tls_name": "a.test", "protocol": words[0]})
    assert resolver.port == port
    assert read(server_port=1, encryption="a.test").port == 1


@pytest.mark.parametrize("data", ["", "tsl", 1, None, "http"])
def test_what_is_no_protocol(data: object, refused: Lines) -> None:
    (line,) = refused(parse_dns_protocol, data)
    assert "is not a protocol for name servers; expected one of dns_over_tls, dns_over_https" in line


@pytest.mark.parametrize("protocol", ["dns_over_http/3", "dns_over_quic"])
def test_tls_of_quic(protocol: str, problems: Lines, warnings: Lines) -> None:
    keys = f"encryption: {{tls_name: a.test, protocol: {protocol}, tls_client: {{%s}}}}"
    (line,) = problems(RESOLVER.format(type="hickory", keys=keys % "disable_sni: true"))
    assert f"encryption.tls_client: 'disable_sni' does not go with {protocol}" in line
    for key in ("no_session_cache: true", "max_fragment_size: 1024"):
        (line,) = warnings(RESOLVER.format(type="hickory", keys=keys % key))
        name = key.partition(":")[0]
        assert f"encryption.tls_client: '{name}' has no effect with {protocol}" in line


def test_the_name_alone_is_dns_over_tls() -> None:
    encryption = read(encryption="Dns.Test").encryption
    assert encryption == DnsEncryption(tls_name="dns.test", protocol=DnsProtocol.TLS, tls_client=RustlsTlsClient())
    assert read(encryption="192.0.2.1").encryption == DnsEncryption(tls_name=IPv4Address("192.0.2.1"))


@pytest.mark.parametrize("encryption", [{}, {"protocol": "tls"}, 1, True, [], {"tls_name": ""}, {"tls_name": "a b"}])
def test_encryption_needs_a_name(encryption: object) -> None:
    with pytest.raises(ValidationError):
        read(encryption=encryption)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("connect_timeout: 0", "connect_timeout: 0 would leave no time for anything; expected a duration above zero"),
        ("request_timeout: 0", "request_timeout: 0 would leave no time for anything; expected a duration above zero"),
        ("each_timeout: 0s", "each_timeout: 0 would leave no time for anything; expected a duration above zero"),
        ("bind_ip: '::1'", "bind_ip: ::1 does not lead to 192.0.2.1; expected an IPv4 address"),
        ("server_port: 0", "server_port: 0 is out of range; expected a whole number from 1 to 65535"),
    ],
)
def test_what_does_not_fit(keys: str, message: str, problems: Lines) -> None:
    (problem,) = problems(RESOLVER.format(type="hickory", keys=keys))
    assert problem.partition(": ")[2] == f"resolver r.{message}"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("each_tries: 0", "each_tries: 0 is taken for 1"),
        ("bind_ip: 127.0.0.1, bind_interface: lo", "bind_interface: has no effect beside 'bind_ip'"),
        ("positive_max_ttl: 3", "positive_max_ttl: 3 is below positive_min_ttl: 30 is used"),
        (
            "negative_max_ttl: 3",
            f"negative_max_ttl: has no effect here: {NO_EFFECT}",
        ),
    ],
)
def test_what_is_warned_about(keys: str, message: str, warnings: Lines) -> None:
    (warning,) = warnings(RESOLVER.format(type="hickory", keys=keys))
    assert warning.partition(": ")[2] == f"resolver r.{message}"


def test_no_tries_are_one() -> None:
    assert read(each_tries=-3).each_tries == 1
