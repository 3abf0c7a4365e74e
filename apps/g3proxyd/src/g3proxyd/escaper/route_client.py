"""The escaper that chooses by the client's address."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from g3_escape import AddressRoute

from ..upstream import Upstream
from .base import Escaper, TaskIdentity, client_host
from .route import Route

if TYPE_CHECKING:
    from ..config.escaper import RouteClientConfig


class RouteClientEscaper(Route):
    """g3's ``route_client``."""

    type_name = "RouteClient"

    def __init__(self, config: "RouteClientConfig", escapers: Mapping[str, Escaper]) -> None:
        """``escapers`` are those that exist, by their names."""
        exact = {address: escapers[name] for address, name in config.exact_match.items()}
        subnets = {network: escapers[name] for network, name in config.subnet_match.items()}
        default = escapers[config.default_next]
        super().__init__(config.name, (default, *exact.values(), *subnets.values()))
        self._table = AddressRoute(default, exact, subnets)

    def choose(self, upstream: Upstream, task: TaskIdentity) -> Escaper:
        """An exact address counts, then the smallest network."""
        return self._table.route(client_host(task))
