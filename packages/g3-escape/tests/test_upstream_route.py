"""Routes by the host of the target."""

from ipaddress import ip_address, ip_network

import pytest
from g3_acl import HostError, PatternError, parse_host
from g3_escape import RegexRoute, UpstreamRoute

ROUTE = UpstreamRoute(
    "default",
    exact={"WWW.Example.net": "exact", ip_address("192.0.2.1"): "exact4", "2001:db8::1": "exact6"},
    subnets={ip_network("192.0.2.0/24"): "net", ip_network("2001:db8::/32"): "net6"},
    children={"example.net": "child", "deep.example.net": "deep"},
    suffixes={"ample.net": "suffix", "-cdn.org": "cdn"},
    regexes=[
        RegexRoute("^a", "first"),
        RegexRoute("b$", "second"),
        RegexRoute("^abc", "third"),
        RegexRoute("^x[0-9]+$", "below", "example.com"),
        RegexRoute("^y", "below too", "example.com"),
        RegexRoute("^z", "below too", ".Example.COM"),
        RegexRoute("^$", "itself", "www.example.com"),
    ],
)


@pytest.mark.parametrize(
    ("host", "node"),
    [
        ("www.example.net", "exact"),
        ("192.0.2.1", "exact4"),
        ("::ffff:192.0.2.1", "exact4"),
        ("192.0.2.7", "net"),
        ("2001:db8::1", "exact6"),
        ("2001:db8::2", "net6"),
        ("198.51.100.1", "default"),
        ("example.net", "child"),
        ("x.www.example.net", "child"),
        ("a.deep.example.net", "deep"),
        ("sample.net", "suffix"),
        ("x-cdn.org", "cdn"),
        ("other.org", "default"),
        ("abc", "first"),
        ("abb", "first"),
        ("bb", "second"),
        ("x12.example.com", "below"),
        ("x.example.com", "default"),
        ("ax.example.com", "first"),
        ("y.example.com", "below too"),
        ("zz.y.example.com", "below too"),
        ("www.example.com", "itself"),
        ("x1.www.example.com", "default"),
        ("example.com", "default"),
    ],
)
def test_routes(host: str, node: str) -> None:
    assert ROUTE.route(parse_host(host)) == node


def test_nothing_but_a_default() -> None:
    route = UpstreamRoute("default")
    assert [route.route(parse_host(text)) for text in ("example.net", "192.0.2.1")] == ["default", "default"]


def test_hosts_twice() -> None:
    with pytest.raises(ValueError, match=r"example\.net stands there twice"):
        UpstreamRoute("default", exact={"example.net": "a", "Example.net.": "b"})
    with pytest.raises(ValueError, match=r"192\.0\.2\.1 stands there twice"):
        UpstreamRoute("default", exact={"192.0.2.1": "a", ip_address("192.0.2.1"): "b"})


def test_what_is_no_host_and_no_pattern() -> None:
    with pytest.raises(HostError):
        UpstreamRoute("default", exact={"a b": "a"})
    with pytest.raises(HostError):
        UpstreamRoute("default", regexes=[RegexRoute("a", "a", "a b")])
    with pytest.raises(PatternError):
        UpstreamRoute("default", regexes=[RegexRoute("(", "a")])
