"""The escaper that chooses by the client's address."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..keys import Aliases
from ..module import NameOf, TypeName
from ..values.address import IP_SCHEMA, IpAddress, parse_ip
from ..values.network import NETWORK_SCHEMA, Network, parse_network
from ..values.value import list_of
from .common import EscaperConfig
from .next_rules import NextRules

__all__ = ["RouteClientConfig"]


class RouteClientConfig(EscaperConfig):
    """Chooses the next escaper by the client's address: an exact rule counts, then the smallest network."""

    type: Annotated[Literal["route_client"], TypeName("route_client")] = "route_client"
    """What the object is."""
    default_next: Annotated[str, NameOf("escaper")]
    """The escaper for clients that no rule names."""
    exact_match: Annotated[
        dict[IpAddress, str], Aliases("exact_rules"), NextRules(("ips", "ip"), list_of(parse_ip), IP_SCHEMA)
    ] = Field(default_factory=dict)
    """Escapers for addresses."""
    subnet_match: Annotated[
        dict[Network, str],
        Aliases("subnet_rules"),
        NextRules(("subnets", "subnet"), list_of(parse_network), NETWORK_SCHEMA),
    ] = Field(default_factory=dict)
    """Escapers for networks; the smallest that holds the address counts."""
