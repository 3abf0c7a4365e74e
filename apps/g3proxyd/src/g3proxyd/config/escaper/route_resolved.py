"""The escaper that chooses by the address to which the target's name is resolved."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..keys import Aliases
from ..module import NameOf, TypeName
from ..values.duration import Duration
from ..values.network import NETWORK_SCHEMA, Network, parse_network
from ..values.resolve import ResolveStrategy
from ..values.value import list_of
from .common import EscaperConfig
from .next_rules import NextRules

__all__ = ["ResolvingRouteConfig", "RouteResolvedConfig"]


class ResolvingRouteConfig(EscaperConfig):
    """What every escaper has that looks at the target's address."""

    resolver: Annotated[str, NameOf("resolver")]
    """The resolver for the names that clients ask for."""
    resolve_strategy: ResolveStrategy = ResolveStrategy()
    """Which address families to ask for, and which address of the preferred one to look at."""
    default_next: Annotated[str, NameOf("escaper")]
    """The escaper for addresses that no rule names."""
    resolution_delay: Duration = 0.05
    """How long the preferred family has to answer once the other one has."""


class RouteResolvedConfig(ResolvingRouteConfig):
    """Chooses the next escaper by the target's address. A name is resolved here, and once more by what is next."""

    type: Annotated[Literal["route_resolved"], TypeName("route_resolved", "route_dst_ip")] = "route_resolved"
    """What the object is."""
    lpm_match: Annotated[
        dict[Network, str],
        Aliases("lpm_rules"),
        NextRules(("networks", "network", "nets", "net"), list_of(parse_network), NETWORK_SCHEMA),
    ] = Field(default_factory=dict)
    """Escapers for networks; the smallest that holds the address counts."""
