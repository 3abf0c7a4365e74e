"""The escaper that lets the request choose by a number."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from g3_escape import MappingRoute

from ..upstream import Upstream
from .base import Escaper, TaskIdentity
from .route import Route

if TYPE_CHECKING:
    from ..config.escaper import RouteMappingConfig


class RouteMappingEscaper(Route):
    """g3's ``route_mapping``."""

    type_name = "RouteMapping"

    def __init__(self, config: "RouteMappingConfig", escapers: Mapping[str, Escaper]) -> None:
        """``escapers`` are those that exist, by their names."""
        following = [escapers[name] for name in config.next]
        super().__init__(config.name, following)
        self._table = MappingRoute(following, random.random)

    def choose(self, upstream: Upstream, task: TaskIdentity) -> Escaper:
        """The one with the request's number, else any."""
        path = task.egress_path
        return self._table.route(None if path is None else path.numbers.get(self.name))
