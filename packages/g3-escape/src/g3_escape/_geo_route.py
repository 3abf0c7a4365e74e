"""Routes by the place of the target's address: its network, its autonomous system, its country, its continent."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ._longest import Address, Network, Networks

N = TypeVar("N")


@dataclass(frozen=True, slots=True)
class GeoRule(Generic[N]):
    """One next node, and what leads to it."""

    next: N
    networks: tuple[Network, ...] = ()
    as_numbers: frozenset[int] = frozenset()
    """Numbers of autonomous systems."""
    countries: frozenset[str] = frozenset()
    """ISO 3166-1 alpha-2 codes, in upper case."""
    continents: frozenset[str] = frozenset()
    """AF, AN, AS, EU, NA, OC or SA."""


@dataclass(frozen=True, slots=True)
class Location:
    """What a location service knows of an address."""

    as_number: int | None = None
    country: str | None = None
    """The code of `GeoRule.countries`."""
    continent: str | None = None


class GeoRoute(Generic[N]):
    """``N`` is what the caller takes for a next node.

    Ask `route_address` first: the rules' own networks need no location. Of rules that name the same thing the first
    counts.
    """

    __slots__ = ("_as_numbers", "_continents", "_countries", "_default", "_networks", "needs_location")

    def __init__(self, default: N, rules: Iterable[GeoRule[N]]) -> None:
        """Raise ValueError for an IPv4 network that stands there in two spellings."""
        self._default = default
        networks: dict[Network, N] = {}
        self._as_numbers: dict[int, N] = {}
        self._countries: dict[str, N] = {}
        self._continents: dict[str, N] = {}
        for rule in rules:
            for network in rule.networks:
                networks.setdefault(network, rule.next)
            for as_number in rule.as_numbers:
                self._as_numbers.setdefault(as_number, rule.next)
            for country in rule.countries:
                self._countries.setdefault(country, rule.next)
            for continent in rule.continents:
                self._continents.setdefault(continent, rule.next)
        self._networks = Networks(networks)
        self.needs_location = bool(self._as_numbers or self._countries or self._continents)
        """Whether a location may make a difference where no network matches."""

    def route_address(self, address: Address) -> N | None:
        """Return the next node of the smallest network that holds an address; None leaves it to the location."""
        return self._networks.find(address)

    def route_location(self, location: Location | None) -> N:
        """Return the next node for a location, of which None knows nothing."""
        if location is not None:
            if location.as_number in self._as_numbers:
                return self._as_numbers[location.as_number]
            if location.country in self._countries:
                return self._countries[location.country]
            if location.continent in self._continents:
                return self._continents[location.continent]
        return self._default
