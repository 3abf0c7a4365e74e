"""The escaper that chooses by the place of the target's address."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from g3_acl import unmap
from g3_escape import GeoRoute, GeoRule, Location

from ..resolver.base import Resolver
from ..upstream import Upstream
from .base import Escaper, TaskIdentity
from .first_address import FirstAddress
from .geo_database import GeoReader
from .ip_locate import IpLocateClient
from .route import Route

if TYPE_CHECKING:
    from ..config.escaper import RouteGeoipConfig

NOWHERE = Location()
FACTS = ("as_number", "country", "continent")


class RouteGeoipEscaper(Route):
    """g3's ``route_geoip``."""

    type_name = "RouteGeoIp"

    def __init__(self, config: "RouteGeoipConfig", escapers: Mapping[str, Escaper], resolver: Resolver) -> None:
        """``escapers`` are those that exist, by their names. Raises ValueError for a database that is gone."""
        rules = [
            GeoRule(
                escapers[rule.next],
                rule.networks,
                frozenset(rule.as_numbers),
                frozenset(rule.countries),
                frozenset(rule.continents),
            )
            for rule in config.geo_rules
        ]
        default = escapers[config.default_next]
        super().__init__(config.name, (default, *(rule.next for rule in rules)))
        self._table = GeoRoute(default, rules)
        self._addresses = FirstAddress(config, resolver)
        self._wanted = [
            fact
            for fact, key in zip(FACTS, ("as_numbers", "countries", "continents"), strict=True)
            if any(getattr(rule, key) for rule in rules)
        ]
        self._databases = GeoReader(config.name, config.databases) if config.databases else None
        service = config.service
        self.client = None if service is None else IpLocateClient(service)

    def choose(self, upstream: Upstream, task: TaskIdentity) -> Escaper | None:
        """At once for an address whose place is known."""
        host = upstream.host
        return None if isinstance(host, str) else self._known(unmap(host))

    async def decide(self, upstream: Upstream, task: TaskIdentity) -> Escaper:
        """By one address of a name, and what the service knows of it."""
        host = upstream.host
        address = await self._addresses.of(host) if isinstance(host, str) else unmap(host)
        return self._known(address) or self._table.route_location(await self._ask(address))

    async def close(self) -> None:
        """Ask nothing any more."""
        if self.client is not None:
            await self.client.close()
        if self._databases is not None:
            self._databases.close()

    def _known(self, address: IPv4Address | IPv6Address) -> Escaper | None:
        """The next escaper if nobody has to be asked."""
        escaper = self._table.route_address(address)
        if escaper is not None:
            return escaper
        if not self._wanted:
            return self._table.route_location(None)
        location = NOWHERE if self._databases is None else self._databases.find(address)
        if self.client is None or all(getattr(location, fact) is not None for fact in self._wanted):
            return self._table.route_location(location)
        answer = self.client.known(address)
        return None if answer is None else self._table.route_location(_joined(location, answer.value))

    async def _ask(self, address: IPv4Address | IPv6Address) -> Location:
        location = NOWHERE if self._databases is None else self._databases.find(address)
        return location if self.client is None else _joined(location, await self.client.ask(address))


def _joined(location: Location, more: Location | None) -> Location:
    """What is known, and of the rest what somebody else says."""
    if more is None:
        return location
    facts = {fact: getattr(location, fact) for fact in FACTS}
    return Location(**{fact: getattr(more, fact) if value is None else value for fact, value in facts.items()})
