"""Routes by place."""

from ipaddress import ip_address, ip_network

import pytest
from g3_escape import GeoRoute, GeoRule, Location

ROUTE = GeoRoute(
    "default",
    [
        GeoRule("eu", continents=frozenset(["EU"])),
        GeoRule("de", countries=frozenset(["DE", "AT"]), networks=(ip_network("192.0.2.0/24"),)),
        GeoRule("as", as_numbers=frozenset([64496]), networks=(ip_network("192.0.2.0/25"),)),
        GeoRule("late", (ip_network("192.0.2.0/24"),), frozenset([64496]), frozenset(["DE"]), frozenset(["EU"])),
    ],
)


@pytest.mark.parametrize(
    ("address", "node"), [("192.0.2.1", "as"), ("192.0.2.200", "de"), ("198.51.100.1", None), ("::1", None)]
)
def test_networks_need_no_location(address: str, node: str | None) -> None:
    assert ROUTE.route_address(ip_address(address)) == node


@pytest.mark.parametrize(
    ("location", "node"),
    [
        (None, "default"),
        (Location(), "default"),
        (Location(64496, "DE", "EU"), "as"),
        (Location(64497, "DE", "EU"), "de"),
        (Location(None, "AT", "EU"), "de"),
        (Location(64497, "FR", "EU"), "eu"),
        (Location(64497, "US", "NA"), "default"),
    ],
)
def test_locations(location: Location | None, node: str) -> None:
    assert ROUTE.route_location(location) == node


def test_whether_a_location_matters() -> None:
    assert ROUTE.needs_location
    assert not GeoRoute("default", []).needs_location
    assert not GeoRoute("default", [GeoRule("a", networks=(ip_network("192.0.2.0/24"),))]).needs_location
    for rule in (
        GeoRule("a", as_numbers=frozenset([1])),
        GeoRule("a", countries=frozenset(["DE"])),
        GeoRule("a", continents=frozenset(["EU"])),
    ):
        assert GeoRoute("default", [rule]).needs_location


def test_a_network_in_two_spellings() -> None:
    with pytest.raises(ValueError, match="stands there twice"):
        GeoRoute("default", [GeoRule("a", (ip_network("192.0.2.0/24"), ip_network("::ffff:192.0.2.0/120")))])
