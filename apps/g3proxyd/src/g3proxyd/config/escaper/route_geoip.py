"""The escaper that chooses by the place of the target's address."""

from __future__ import annotations

from typing import Annotated, Literal

from ..keys import Aliases
from ..module import NameOf, TypeName
from ..section import Section
from ..section_list import SectionList
from ..values.geo_code import Continents, Countries
from ..values.geo_database import GeoDatabases
from ..values.ip_locate import IpLocateService
from ..values.mistake import Mistake
from ..values.network import NetworkList
from ..values.numbers import U32List
from .route_resolved import ResolvingRouteConfig

__all__ = ["GeoRuleConfig", "RouteGeoipConfig"]


class GeoRuleConfig(Section):
    """An escaper, and the addresses that it is for."""

    next: Annotated[str, NameOf("escaper"), Aliases("escaper")]
    """The escaper."""
    networks: Annotated[NetworkList, Aliases("network", "net")] = ()
    """Networks; the smallest that holds the address counts, and no location is looked up."""
    as_numbers: Annotated[U32List, Aliases("as_number", "asn")] = ()
    """Numbers of autonomous systems."""
    countries: Annotated[Countries, Aliases("country")] = ()
    """Countries by their codes (ISO 3166-1) of two or three letters."""
    continents: Annotated[Continents, Aliases("continent")] = ()
    """Continents: AF, AN, AS, EU, NA, OC, SA."""


class RouteGeoipConfig(ResolvingRouteConfig):
    """Chooses the next escaper by the place of the target's address: its network, else its autonomous system, else its
    country, else its continent."""

    type: Annotated[Literal["route_geoip"], TypeName("route_geoip")] = "route_geoip"
    """What the object is."""
    ip_locate_service: IpLocateService | None = None
    """The service that knows where an address is. Unset is one at 127.0.0.1:2888 if there are no databases either."""
    databases: GeoDatabases = ()
    """Files in MaxMind's format that know where an address is; the service is asked what they do not know."""
    geo_rules: Annotated[tuple[GeoRuleConfig, ...], Aliases("geo_match"), SectionList(GeoRuleConfig)] = ()
    """Which places lead to which escapers."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        for key in ("networks", "as_numbers", "countries", "continents"):
            leads: dict[object, str] = {}
            for rule in self.geo_rules:
                for item in getattr(rule, key):
                    if leads.setdefault(item, rule.next) != rule.next:
                        message = f"{item} leads to {leads[item]!r} and to {rule.next!r}"
                        conflicts.append(Mistake(message, path=("geo_rules",)))
        return {}

    @property
    def service(self) -> IpLocateService | None:
        """The service to ask, if there is any."""
        return self.ip_locate_service or (None if self.databases else IpLocateService())
