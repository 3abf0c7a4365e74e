"""The escaper that chooses by the address to which the target's name is resolved."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from g3_escape import AddressRoute

from ..resolver.base import Resolver
from ..upstream import Upstream
from .base import Escaper, TaskIdentity
from .first_address import FirstAddress
from .route import Route

if TYPE_CHECKING:
    from ..config.escaper import RouteResolvedConfig


class RouteResolvedEscaper(Route):
    """g3's ``route_resolved``."""

    type_name = "RouteResolved"

    def __init__(self, config: "RouteResolvedConfig", escapers: Mapping[str, Escaper], resolver: Resolver) -> None:
        """``escapers`` are those that exist, by their names."""
        subnets = {network: escapers[name] for network, name in config.lpm_match.items()}
        default = escapers[config.default_next]
        super().__init__(config.name, (default, *subnets.values()))
        self._table = AddressRoute(default, None, subnets)
        self._addresses = FirstAddress(config, resolver)

    def choose(self, upstream: Upstream, task: TaskIdentity) -> Escaper | None:
        """At once for an address."""
        host = upstream.host
        return None if isinstance(host, str) else self._table.route(host)

    async def decide(self, upstream: Upstream, task: TaskIdentity) -> Escaper:
        """By one address of the name."""
        return self._table.route(await self._addresses.of(str(upstream.host)))
