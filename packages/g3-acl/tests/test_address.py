"""IPv4 addresses in IPv6 ones."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from g3_acl import embedded_ipv4, unmap
from g3_acl._address import HIDING_PLACES, hidden_ipv4
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:0.0.0.0", "0.0.0.0"),
        ("::ffff:192.0.2.1%eth0", "192.0.2.1"),
        ("::fffe:192.0.2.1", "::fffe:192.0.2.1"),
        ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_unmap(text: str, result: str) -> None:
    assert unmap(ip_address(text)) == ip_address(result)


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("::ffff:0.0.0.0", "0.0.0.0"),
        ("::127.0.0.1", "127.0.0.1"),
        ("::2", "0.0.0.2"),
        ("::1", None),
        ("::", None),
        ("::ffff:0:127.0.0.1", "127.0.0.1"),
        ("::ffff:1:127.0.0.1", None),
        ("64:ff9b::7f00:1", "127.0.0.1"),
        ("64:ff9b::", "0.0.0.0"),
        ("64:ff9b::1:7f00:1", None),
        ("64:ff9c::7f00:1", None),
        ("64:ff9b:1::7f00:1", "127.0.0.1"),
        ("64:ff9b:1:ffff:ffff:ffff:7f00:1", "127.0.0.1"),
        ("64:ff9b:1:7f00:0:100::", None),
        ("64:ff9b:2::7f00:1", None),
        ("2002:7f00:1::", "127.0.0.1"),
        ("2002:a00:1:2:3:4:5:6", "10.0.0.1"),
        ("2003:7f00:1::", None),
        ("2001:0:4136:e378:8000:63bf:80ff:fffe", "127.0.0.1"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45"),
        ("2001:1::80ff:fffe", None),
        ("2001:db8::7f00:1", None),
        ("fe80::7f00:1", None),
        ("1::", None),
    ],
)
def test_embedded(text: str, inner: str | None) -> None:
    assert embedded_ipv4(IPv6Address(text)) == (None if inner is None else IPv4Address(inner))


def test_quick_look() -> None:
    prefixes = ["::", "64:ff9b::", "64:ff9b:1::", "2001::", "2002::"]
    assert {int(IPv6Address(prefix)) >> 112 for prefix in prefixes} == HIDING_PLACES


@given(st.ip_addresses(v=6))
def test_addresses_elsewhere_hide_nothing(address: IPv6Address) -> None:
    if int(address) >> 112 not in HIDING_PLACES:
        assert hidden_ipv4(int(address)) is None
        assert embedded_ipv4(address) is None
