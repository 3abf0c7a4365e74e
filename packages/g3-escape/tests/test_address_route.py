"""Routes by address."""

from ipaddress import ip_address, ip_network

import pytest
from g3_escape import AddressRoute

ROUTE = AddressRoute(
    "default",
    {ip_address("192.0.2.1"): "exact", ip_address("2001:db8::1"): "exact6"},
    {ip_network("192.0.2.0/24"): "net", ip_network("192.0.2.1/32"): "host", ip_network("2001:db8::/32"): "net6"},
)


@pytest.mark.parametrize(
    ("address", "node"),
    [
        ("192.0.2.1", "exact"),
        ("::ffff:192.0.2.1", "exact"),
        ("192.0.2.2", "net"),
        ("198.51.100.1", "default"),
        ("2001:db8::1", "exact6"),
        ("2001:db8::2", "net6"),
        ("2001:db9::", "default"),
    ],
)
def test_routes(address: str, node: str) -> None:
    assert ROUTE.route(ip_address(address)) == node


def test_nothing_but_a_default() -> None:
    assert AddressRoute("default").route(ip_address("192.0.2.1")) == "default"


def test_an_address_twice() -> None:
    with pytest.raises(ValueError, match="stands there twice"):
        AddressRoute("default", {ip_address("192.0.2.1"): "a", ip_address("::ffff:192.0.2.1"): "b"})
