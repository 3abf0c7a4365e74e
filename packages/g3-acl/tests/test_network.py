"""Networks: the longest prefix decides, whatever stands around it."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import pytest
from g3_acl import Action, NetworkRule
from hypothesis import given
from hypothesis import strategies as st

FORBID_LOG, FORBID, PERMIT_LOG, PERMIT = Action


def rule_of(records: dict[str, Action], missed: Action = FORBID) -> NetworkRule:
    rule = NetworkRule(missed)
    for text, action in records.items():
        rule.add(ip_network(text), action)
    return rule


NESTED = rule_of(
    {
        "10.0.0.0/8": PERMIT,
        "10.1.0.0/16": FORBID,
        "10.1.2.0/24": PERMIT_LOG,
        "10.1.2.3/32": FORBID_LOG,
        "10.255.255.0/24": FORBID,
        "2001:db8::/32": PERMIT,
        "2001:db8::/64": FORBID,
        "2001:db8::1/128": PERMIT_LOG,
    }
)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("9.255.255.255", None),
        ("10.0.0.0", PERMIT),
        ("10.0.255.255", PERMIT),
        ("10.1.0.0", FORBID),
        ("10.1.1.255", FORBID),
        ("10.1.2.0", PERMIT_LOG),
        ("10.1.2.2", PERMIT_LOG),
        ("10.1.2.3", FORBID_LOG),
        ("10.1.2.4", PERMIT_LOG),
        ("10.1.2.255", PERMIT_LOG),
        ("10.1.3.0", FORBID),
        ("10.1.255.255", FORBID),
        ("10.2.0.0", PERMIT),
        ("10.255.254.255", PERMIT),
        ("10.255.255.0", FORBID),
        ("10.255.255.255", FORBID),
        ("11.0.0.0", None),
        ("0.0.0.0", None),
        ("255.255.255.255", None),
        ("::ffff:10.1.2.3", FORBID_LOG),
        ("::ffff:11.0.0.0", None),
        ("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", None),
        ("2001:db8::", FORBID),
        ("2001:db8::1", PERMIT_LOG),
        ("2001:db8::2", FORBID),
        ("2001:db8:0:1::", PERMIT),
        ("2001:db9::", None),
        ("::", None),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
        ("64:ff9b::10.1.2.4", None),
        ("64:ff9b::10.1.2.3", FORBID_LOG),
    ],
)
def test_nested(address: str, found: Action | None) -> None:
    assert NESTED.find(ip_address(address)) is found
    assert NESTED.check(ip_address(address)) is (found or FORBID)


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_everything(network: str) -> None:
    rule = rule_of({network: PERMIT_LOG})
    space = ip_network(network)
    assert rule.find(space[0]) is PERMIT_LOG
    assert rule.find(space[-1]) is PERMIT_LOG
    other = IPv6Address("2001:db8::1") if space.version == 4 else IPv4Address("192.0.2.1")
    assert rule.find(other) is None


@pytest.mark.parametrize("network", ["0.0.0.0/32", "255.255.255.255/32", "::/128"])
def test_ends_of_the_address_space(network: str) -> None:
    rule = rule_of({network: PERMIT})
    address = ip_network(network).network_address
    assert rule.find(address) is PERMIT
    assert rule.find(address + 1 if int(address) == 0 else address - 1) is None


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("::ffff:10.0.0.0/104", "10.255.255.255", "11.0.0.0"),
        ("::ffff:10.1.2.3/128", "10.1.2.3", "10.1.2.4"),
    ],
)
def test_mapped_networks(network: str, inside: str, outside: str) -> None:
    rule = rule_of({network: PERMIT})
    for prefix in ("", "::ffff:"):
        assert rule.find(ip_address(prefix + inside)) is PERMIT
        assert rule.find(ip_address(prefix + outside)) is None


def test_all_mapped_addresses() -> None:
    rule = rule_of({"::ffff:0:0/96": PERMIT})
    assert rule.find(IPv4Address("192.0.2.1")) is PERMIT
    assert rule.find(IPv6Address("::fffe:0:0")) is None


@pytest.mark.parametrize("network", ["::ffff:0:0/95", "::fffe:0:0/96", "::1:0:0:0/96", "::/0"])
def test_networks_around_mapped_addresses_are_ipv6(network: str) -> None:
    rule = NetworkRule()
    rule.add(IPv6Network(network, strict=False), PERMIT)
    assert rule.find(IPv4Address("192.0.2.1")) is None
    assert rule.find(IPv6Address("::ffff:192.0.2.1")) is None
    assert rule.find(IPv6Network(network, strict=False)[0]) is PERMIT


def test_the_later_record_wins() -> None:
    rule = rule_of({"10.0.0.0/8": PERMIT, "2001:db8::/32": PERMIT})
    assert rule.find(IPv4Address("10.0.0.1")) is PERMIT
    assert rule.find(IPv6Address("2001:db8::1")) is PERMIT
    rule.add(ip_network("10.0.0.0/8"), FORBID)
    rule.add(ip_network("2001:db8::/32"), PERMIT_LOG)
    assert rule.find(IPv4Address("10.0.0.1")) is FORBID
    assert rule.find(IPv6Address("2001:db8::1")) is PERMIT_LOG


def test_freeze() -> None:
    rule = rule_of({"10.0.0.0/8": PERMIT, "2001:db8::/32": PERMIT})
    assert rule.freeze() is rule
    assert rule.freeze() is rule
    assert rule.find(IPv4Address("10.0.0.1")) is PERMIT
    assert rule.find(IPv6Address("2001:db8::1")) is PERMIT
    with pytest.raises(RuntimeError, match=r"^this NetworkRule is frozen$"):
        rule.add(ip_network("10.0.0.0/8"), FORBID)
    assert rule._ipv4 == rule._ipv6 == {}


def test_default() -> None:
    assert NetworkRule().missed is FORBID
    assert NetworkRule(PERMIT).check(IPv4Address("10.0.0.1")) is PERMIT


def test_equality() -> None:
    halves = rule_of({"10.0.0.0/9": PERMIT, "10.128.0.0/9": PERMIT, "::/1": FORBID, "8000::/1": FORBID})
    assert halves == rule_of({"10.0.0.0/8": PERMIT, "::/0": FORBID}).freeze()
    assert halves != rule_of({"10.0.0.0/8": PERMIT_LOG, "::/0": FORBID})
    assert halves != rule_of({"10.0.0.0/8": PERMIT})
    assert rule_of({"10.0.0.0/8": PERMIT, "10.0.0.0/9": PERMIT}) == rule_of({"10.0.0.0/8": PERMIT})


def test_pieces_that_answer_alike_are_one() -> None:
    rule = rule_of({f"10.{second}.0.0/16": PERMIT for second in range(256)})
    starts, actions = rule._build()[0]
    assert starts == [0, 10 << 24, 11 << 24]
    assert actions == [None, PERMIT, None]


# Few bits, so that networks nest, touch and cover each other.
IPV4_NETWORKS = st.builds(
    lambda number, length: IPv4Network((number << 25, length), strict=False), st.integers(0, 127), st.integers(0, 7)
)
IPV6_NETWORKS = st.builds(
    lambda number, length: IPv6Network((number, length), strict=False), st.integers(0, 127), st.integers(121, 128)
)
RECORDS = st.lists(st.tuples(IPV4_NETWORKS | IPV6_NETWORKS, st.sampled_from(Action)), max_size=12)


def longest_prefix(records: list[tuple[Any, Action]], address: IPv4Address | IPv6Address) -> Action | None:
    """What a reader of the records would say."""
    best, found = -1, None
    for network, action in records:
        if address in network and network.prefixlen >= best:
            best, found = network.prefixlen, action
    return found


@given(RECORDS)
def test_agrees_with_brute_force(records: list[tuple[Any, Action]]) -> None:
    rule = NetworkRule()
    for network, action in records:
        rule.add(network, action)
    for number in range(128):
        ipv4, ipv6 = IPv4Address(number << 25), IPv6Address(number)
        assert rule.find(ipv4) is longest_prefix(records, ipv4)
        assert rule._find_ipv6(number) is longest_prefix(records, ipv6)
    rebuilt = NetworkRule()
    for network, action in sorted(dict(records).items(), key=lambda record: -record[0].prefixlen):
        rebuilt.add(network, action)
    assert rule == rebuilt
