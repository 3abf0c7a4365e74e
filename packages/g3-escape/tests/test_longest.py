"""The longest record that matches: networks, domains, suffixes, each beside a search through all of them."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from g3_acl import HostError
from g3_escape._longest import Domains, Networks, Suffixes, parse_domain
from hypothesis import given
from hypothesis import strategies as st


def networks(*texts: str) -> Networks[str]:
    return Networks({ip_network(text): text for text in texts})


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("192.0.2.1", "192.0.2.1/32"),
        ("192.0.2.2", "192.0.2.0/24"),
        ("192.0.3.1", "192.0.0.0/16"),
        ("198.51.100.1", None),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("::ffff:203.0.113.9", "::ffff:203.0.113.0/120"),
        ("203.0.113.9", "::ffff:203.0.113.0/120"),
        ("203.0.114.9", None),
        ("2001:db8::1", "2001:db8::/32"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("2001:db9::1", "::/0"),
        ("::192.0.2.1", "::/0"),
    ],
)
def test_networks(address: str, found: str | None) -> None:
    table = networks(
        "192.0.0.0/16", "192.0.2.0/24", "192.0.2.1/32", "::ffff:203.0.113.0/120", "::/0", "2001:db8::/32",
        "2001:db8:0:1::/64",
    )  # fmt: skip
    assert table.find(ip_address(address)) == found


def test_a_network_around_all_mapped_addresses_is_none_of_ipv4() -> None:
    assert networks("::/0", "::fffe:0:0/95").find(ip_address("::ffff:192.0.2.1")) is None
    assert networks("::ffff:0:0/96").find(ip_address("192.0.2.1")) == "::ffff:0:0/96"
    assert networks("0.0.0.0/0").find(ip_address("::1")) is None


def test_networks_twice() -> None:
    with pytest.raises(ValueError, match=r"^::ffff:(c000:200|192\.0\.2\.0)/120 stands there twice"):
        networks("192.0.2.0/24", "::ffff:192.0.2.0/120")


@given(
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32))),
    st.lists(st.tuples(st.integers(2**48, 2**128 - 1), st.integers(0, 128))),
    st.data(),
)
def test_the_smallest_network_counts(
    ipv4: list[tuple[int, int]], ipv6: list[tuple[int, int]], data: st.DataObject
) -> None:
    listed: list[IPv4Network | IPv6Network] = [IPv4Network(pair, strict=False) for pair in ipv4]
    listed += [IPv6Network(pair, strict=False) for pair in ipv6]
    table = Networks({network: network for network in listed})
    near = [network.network_address for network in listed]
    address = data.draw(st.sampled_from(near) if near else st.just(IPv4Address(0)))
    shifted = int(address) ^ data.draw(st.sampled_from([0, 1, 255, 1 << 16]))
    address = IPv4Address(shifted & 0xFFFFFFFF) if address.version == 4 else IPv6Address(shifted)
    if address.version == 6 and int(address) >> 32 == 0xFFFF:
        return  # the table above has examples
    holding = [network for network in listed if network.version == address.version and address in network]
    assert table.find(address) == max(holding, key=lambda network: network.prefixlen, default=None)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("example.net", "example.net"),
        ("www.example.net", "example.net"),
        ("a.b.www.example.net", "example.net"),
        ("cdn.example.net", "cdn.example.net"),
        ("x.cdn.example.net", "cdn.example.net"),
        ("myexample.net", None),
        ("net", None),
        ("other.org", "org"),
        ("x." * 100 + "org", "org"),
    ],
)
def test_domains(name: str, found: str | None) -> None:
    table = Domains({domain: domain.upper() for domain in ("example.net", ".cdn.example.net", "ORG")})
    hit = table.find(name)
    assert (None if hit is None else hit[0]) == found
    if hit is not None:
        assert hit[1].lower().removeprefix(".") == found


def test_no_domains() -> None:
    assert Domains[str]({}).find("a.example.net") is None
    assert Domains[str]({}).find("net") is None


def test_domains_twice() -> None:
    with pytest.raises(ValueError, match="a domain stands there twice"):
        Domains({"example.net": 1, "EXAMPLE.net.": 2})


def test_no_domain() -> None:
    assert parse_domain(".Example.NET.") == "example.net"
    with pytest.raises(ValueError, match=r"192\.0\.2\.1 is an address; a domain was expected"):
        parse_domain("192.0.2.1")
    with pytest.raises(HostError):
        parse_domain("a b")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("example.net", 1),
        ("myexample.net", 1),
        ("www.example.net", 2),
        ("le.net", None),
        ("net", None),
        ("x.org", 3),
    ],
)
def test_suffixes(name: str, found: int | None) -> None:
    assert Suffixes({"Example.net": 1, ".example.net.": 2, "g": 3}).find(name) == found


def test_suffixes_that_make_no_sense() -> None:
    for text in ("", "."):
        with pytest.raises(ValueError, match="a suffix is not empty"):
            Suffixes({text: 1})
    with pytest.raises(ValueError, match="the suffix 'a' stands there twice"):
        Suffixes({"a": 1, "A": 2})
