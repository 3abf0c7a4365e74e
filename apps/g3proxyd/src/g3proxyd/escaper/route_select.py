"""The escaper that picks one of several by a policy."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from g3_escape import Node, RouteError, SelectRoute

from ..upstream import Upstream
from .base import Escaper, TaskIdentity, pick_key
from .errors import ConnectReason, TcpConnectError
from .route import Route

if TYPE_CHECKING:
    from ..config.escaper import RouteSelectConfig


class RouteSelectEscaper(Route):
    """g3's ``route_select``."""

    type_name = "RouteSelect"

    def __init__(self, config: "RouteSelectConfig", escapers: Mapping[str, Escaper]) -> None:
        """``escapers`` are those that exist, by their names."""
        nodes = [Node(escapers[each.name], each.name.encode(), each.weight) for each in config.next_nodes]
        super().__init__(config.name, (node.value for node in nodes))
        self._keyed = config.next_pick_policy.keyed
        self._table = SelectRoute(nodes, config.next_pick_policy, random.random)

    def choose(self, upstream: Upstream, task: TaskIdentity) -> Escaper:
        """The one with the request's id, else the policy's pick."""
        path = task.egress_path
        path_id = None if path is None else path.ids.get(self.name)
        key = pick_key(upstream, task) if self._keyed else b""
        try:
            return self._table.route(key, path_id)
        except RouteError as error:
            raise TcpConnectError(ConnectReason.ESCAPER_NOT_USABLE, detail=str(error)) from None
