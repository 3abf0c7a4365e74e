"""Exact hosts."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from g3_acl import Action, HostError, HostRule

FORBID_LOG, FORBID, PERMIT_LOG, PERMIT = Action


def example() -> HostRule:
    rule = HostRule()
    rule.add("www.example.com", PERMIT)
    rule.add("192.0.2.1", PERMIT_LOG)
    rule.add(IPv4Address("192.0.2.2"), FORBID_LOG)
    rule.add("2001:db8::1", PERMIT)
    rule.add(IPv6Address("::ffff:192.0.2.3"), FORBID_LOG)
    return rule


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("www.example.com", PERMIT),
        ("example.com", None),
        ("a.www.example.com", None),
        ("192.0.2.1", None),
        (IPv4Address("192.0.2.1"), PERMIT_LOG),
        (IPv6Address("::ffff:192.0.2.1"), PERMIT_LOG),
        (IPv4Address("192.0.2.2"), FORBID_LOG),
        (IPv4Address("192.0.2.3"), FORBID_LOG),
        (IPv4Address("192.0.2.4"), None),
        (IPv6Address("2001:db8::1"), PERMIT),
        (IPv6Address("2001:db8::1%eth0"), PERMIT),
        (IPv6Address("2001:db8::2"), None),
        (IPv6Address("64:ff9b::192.0.2.2"), FORBID_LOG),
        (IPv6Address("64:ff9b::192.0.2.1"), None),
        (IPv6Address(int(IPv4Address("192.0.2.1")) << 96), None),
    ],
)
def test_find(host: str | IPv4Address | IPv6Address, found: Action | None) -> None:
    assert example().find(host) is found
    assert example().check(host) is (found or FORBID)


def test_names_are_normalised() -> None:
    rule = HostRule()
    for text in ("WWW.Example.COM.", "bücher.example", "0x7f.1", "[::1]"):
        rule.add(text, PERMIT)
    for host in ("www.example.com", "xn--bcher-kva.example", ip_address("127.0.0.1"), ip_address("::1")):
        assert rule.find(host) is PERMIT
    with pytest.raises(HostError, match=r"^'a b' is no host name"):
        rule.add("a b", PERMIT)


def test_the_later_record_wins() -> None:
    rule = example()
    for host in ("www.example.com", "192.0.2.1", "2001:db8::1"):
        rule.add(host, FORBID)
    assert rule.find("www.example.com") is FORBID
    assert rule.find(ip_address("192.0.2.1")) is FORBID
    assert rule.find(ip_address("2001:db8::1")) is FORBID


def test_missed() -> None:
    assert HostRule().missed is FORBID
    assert HostRule(PERMIT_LOG).check("a") is PERMIT_LOG


def test_freeze() -> None:
    rule = example().freeze()
    with pytest.raises(RuntimeError, match=r"^this HostRule is frozen$"):
        rule.add("example.com", PERMIT)
    assert rule.find("example.com") is None


def test_equality() -> None:
    assert example() == example().freeze()
    for host in ("example.com", "192.0.2.9", "2001:db8::9"):
        other = example()
        other.add(host, PERMIT)
        assert other != example()
