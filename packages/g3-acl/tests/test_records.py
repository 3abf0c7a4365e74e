"""Records of each kind, from plain data."""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest
from g3_acl import (
    AclError,
    Action,
    ChildDomainRule,
    HostRule,
    NetworkRule,
    PortRule,
    Problem,
    RegexDomainRule,
    RegexSetRule,
    RequestRule,
    RequestType,
    Rule,
    UserAgentRule,
)
from g3_acl._records import (
    add_child_domain,
    add_domain_pattern,
    add_host,
    add_network,
    add_pattern,
    add_ports,
    add_product,
    add_request_type,
)

PERMIT = Action.PERMIT
Add = Callable[[Any, object, Action], None]

KINDS: dict[str, tuple[type[Rule[Any]], Add]] = {
    "network": (NetworkRule, add_network),
    "host": (HostRule, add_host),
    "child": (ChildDomainRule, add_child_domain),
    "pattern": (RegexSetRule, add_pattern),
    "domain pattern": (RegexDomainRule, add_domain_pattern),
    "ports": (PortRule, add_ports),
    "product": (UserAgentRule, add_product),
    "request": (RequestRule, add_request_type),
}


def record(kind: str, data: object) -> Rule[Any]:
    make, add = KINDS[kind]
    rule = make()
    add(rule, data, PERMIT)
    return rule


def problems(kind: str, data: object) -> tuple[Problem, ...]:
    with pytest.raises(AclError) as raised:
        record(kind, data)
    return raised.value.problems


@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        ("network", "192.0.2.0/24", ip_address("192.0.2.255")),
        ("network", "192.0.2.1", ip_address("192.0.2.1")),
        ("network", "0.0.0.0/0", ip_address("192.0.2.1")),
        ("network", "192.0.2.1/32", ip_address("192.0.2.1")),
        ("network", "192.0.2.0/024", ip_address("192.0.2.255")),
        ("network", "2001:db8::/32", ip_address("2001:db8:ffff::")),
        ("network", "2001:db8::1", ip_address("2001:db8::1")),
        ("network", "2001:DB8::1/128", ip_address("2001:db8::1")),
        ("network", "::/0", ip_address("2001:db8::1")),
        ("network", "::ffff:192.0.2.0/120", ip_address("192.0.2.1")),
        ("host", "WWW.Example.com.", "www.example.com"),
        ("host", "127.1", ip_address("127.0.0.1")),
        ("child", ".Example.com", "www.example.com"),
        ("child", "example.com", "example.com"),
        ("pattern", "^a", "abc"),
        ("domain pattern", "^a", "a.example"),
        ("domain pattern", {"parent": "example.com", "regex": "^a$"}, "a.example.com"),
        ("domain pattern", {"Regex": ["^a$", "^b$"], "PARENT": ".example.com"}, "b.example.com"),
        ("domain pattern", {"regex": ("^a$",), "parent": "example.com"}, "a.example.com"),
        ("ports", 0, 0),
        ("ports", 65535, 65535),
        ("ports", "80", 80),
        ("ports", " 80 ", 80),
        ("ports", "080", 80),
        ("ports", "80-90", 90),
        ("ports", "80-80", 80),
        ("ports", "80,443", 443),
        ("ports", "8080, 9000 - 9100\n", 9050),
        ("ports", [80, "443", "1-2,9"], 9),
        ("ports", (80, "443"), 443),
        ("ports", "0-65535", 65535),
        ("product", "curl", "curl/8"),
        ("product", 7, "7/1"),
        ("product", 1.5, "1.5"),
        ("request", "HttpConnect", RequestType.HTTP_CONNECT),
    ],
)
def test_record(kind: str, data: object, value: Any) -> None:
    assert record(kind, data).find(value) is PERMIT


@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        ("network", "192.0.2.0/24", ip_address("192.0.3.0")),
        ("network", "192.0.2.1", ip_address("192.0.2.2")),
        ("network", "2001:db8::1", ip_address("2001:db8::2")),
        ("domain pattern", {"parent": "example.com", "regex": "^a$"}, "a.example.net"),
        ("ports", "80-90", 91),
        ("ports", "80-90", 79),
        ("ports", 80, 81),
        ("ports", [], 80),
        ("domain pattern", {"parent": "example.com", "regex": []}, "example.com"),
    ],
)
def test_no_more_than_the_record(kind: str, data: object, value: Any) -> None:
    assert record(kind, data).find(value) is None


BITS = "'192.0.2.1/24' has bits behind its prefix"
SCOPE = "has a scope id, which means nothing outside one machine"
CHILD = "is no exact host; a child rule matches a domain and all names below it"
ASTERISK = "has an asterisk; all names below a domain match without one"
REQUEST_TYPES = (
    "one of http_forward, https_forward, ftp_over_http, http_connect, socks_tcp_connect, socks_udp_associate"
)


@pytest.mark.parametrize(
    ("kind", "data", "problem"),
    [
        ("network", "192.0.2.1/24", Problem((), BITS, "", "192.0.2.0/24")),
        ("network", "::1/64", Problem((), "'::1/64' has bits behind its prefix", "", "::/64")),
        ("network", "x", Problem((), "'x' is no network")),
        ("network", "", Problem((), "'' is no network")),
        ("network", "192.0.2.0/", Problem((), "'192.0.2.0/' has no prefix length behind the slash")),
        ("network", "192.0.2.0/x", Problem((), "'192.0.2.0/x' has no prefix length behind the slash")),
        ("network", "10.0.0.0/255.0.0.0", Problem((), "'10.0.0.0/255.0.0.0' has no prefix length behind the slash")),
        ("network", "192.0.2.0/1٣", Problem((), "'192.0.2.0/1\\u0663' has no prefix length behind the slash")),
        ("network", "192.0.2.0/0024", Problem((), "'192.0.2.0/0024' has no prefix length behind the slash")),
        ("network", "192.0.2.0/33", Problem((), "'192.0.2.0/33' has a prefix of more than 32 bits")),
        ("network", "::/129", Problem((), "'::/129' has a prefix of more than 128 bits")),
        ("network", "0177.0.0.1", Problem((), "'0177.0.0.1' is no network")),
        ("network", "fe80::1%eth0", Problem((), f"'fe80::1%eth0' {SCOPE}")),
        ("network", "fe80::%eth0/10", Problem((), f"'fe80::%eth0/10' {SCOPE}")),
        ("network", 5, Problem((), "5 instead of text")),
        ("host", "a b", Problem((), "'a b' is no host name: it holds ' '")),
        ("host", "*.example.com", Problem((), f"'*.example.com' {CHILD}")),
        ("host", ".example.com", Problem((), f"'.example.com' {CHILD}")),
        ("host", None, Problem((), "nothing instead of text")),
        ("child", "*.example.com", Problem((), f"'*.example.com' {ASTERISK}")),
        ("child", "192.0.2.1", Problem((), "'192.0.2.1' is an address")),
        ("child", {}, Problem((), "a map instead of text")),
        ("pattern", "(", Problem((), "'(' is no regular expression: missing ): '('")),
        ("pattern", 5, Problem((), "5 instead of text")),
        ("domain pattern", "(", Problem((), "'(' is no regular expression: missing ): '('")),
        ("domain pattern", ["a"], Problem((), "a sequence instead of text")),
        ("ports", True, Problem((), "true instead of a port")),
        ("ports", 80.0, Problem((), "80.0 instead of a port")),
        ("ports", None, Problem((), "nothing instead of a port")),
        ("ports", {}, Problem((), "a map instead of a port")),
        ("ports", -1, Problem((), "-1 is no port and no range of ports")),
        ("ports", 65536, Problem((), "65536 is no port and no range of ports")),
        ("ports", 10**5000, Problem((), "a huge number is no port and no range of ports")),
        ("ports", "65536", Problem((), "'65536' is no port and no range of ports")),
        ("ports", "", Problem((), "'' is no port and no range of ports")),
        ("ports", "80,", Problem((), "'80,' is no port and no range of ports")),
        ("ports", "90-80", Problem((), "'90-80' is no port and no range of ports")),
        ("ports", "1-2-3", Problem((), "'1-2-3' is no port and no range of ports")),
        ("ports", "-5", Problem((), "'-5' is no port and no range of ports")),
        ("ports", "5-", Problem((), "'5-' is no port and no range of ports")),
        ("ports", "٣", Problem((), "'\\u0663' is no port and no range of ports")),
        ("ports", "1000000000", Problem((), "'1000000000' is no port and no range of ports")),
        ("ports", [80, [443]], Problem((1,), "a sequence instead of a port")),
        ("product", "a/", Problem((), "'a/' is no product")),
        ("product", "ü", Problem((), "'\\xfc' is no product")),
        ("product", True, Problem((), "true instead of text")),
        ("product", None, Problem((), "nothing instead of text")),
        ("product", 10**5000, Problem((), "a huge number is no product")),
        ("request", "connect", Problem((), "'connect' is no type of request", REQUEST_TYPES, "http_connect")),
        ("request", 5, Problem((), "5 instead of text")),
    ],
    ids=range(50),
)
def test_no_record(kind: str, data: object, problem: Problem) -> None:
    assert problems(kind, data) == (problem,)


def test_all_ports_are_told() -> None:
    assert problems("ports", ["x", 80, 70000]) == (
        Problem((0,), "'x' is no port and no range of ports"),
        Problem((2,), "70000 is no port and no range of ports"),
    )


MISSING = "a map of parent and regex"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, [Problem((), "parent and regex missing", MISSING)]),
        ({"parent": "a"}, [Problem((), "regex missing", MISSING)]),
        ({"regex": "a"}, [Problem((), "parent missing", MISSING)]),
        (
            {"regex": "(", "parnt": "a"},
            [
                Problem(("parnt",), "unknown key 'parnt'", "parent or regex", "parent"),
                Problem((), "parent missing", MISSING),
                Problem(("regex",), "'(' is no regular expression: missing ): '('", "a regular expression"),
            ],
        ),
        (
            {"Parent": "192.0.2.1", "Regex": ["a", 5, "("]},
            [
                Problem(("Parent",), "'192.0.2.1' is an address", "a domain name"),
                Problem(("Regex", 1), "5 instead of text", "a regular expression"),
                Problem(("Regex", 2), "'(' is no regular expression: missing ): '('", "a regular expression"),
            ],
        ),
        (
            {"x": 1, "parent": "::1", "regex": "a"},
            [
                Problem(("x",), "unknown key 'x'", "parent or regex"),
                Problem(("parent",), "'::1' is an address", "a domain name"),
            ],
        ),
        (
            {"parent": None, "regex": None},
            [
                Problem(("parent",), "nothing instead of text", "a domain name"),
                Problem(("regex",), "nothing instead of text", "a regular expression"),
            ],
        ),
        (
            {"parent": "a", "PARENT": "b", "regex": "c"},
            [Problem(("PARENT",), "'PARENT' is there already, written 'parent'")],
        ),
    ],
)
def test_maps_of_parent_and_regex(data: dict[object, object], expected: list[Problem]) -> None:
    assert list(problems("domain pattern", data)) == expected
