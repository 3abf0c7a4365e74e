"""The escaper that asks a service which escaper is next."""

import os
import random
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

from g3_escape import AnswerRoute, Node, QueryLimits

from ..upstream import Upstream
from .base import Escaper, TaskIdentity, client_host
from .route import Route
from .route_query_messages import QUERY_ID, QueryKey, pack_query, parse_answer
from .service_client import ServiceClient

if TYPE_CHECKING:
    from ..config.escaper import RouteQueryConfig

ANSWER_MAX = 4096
"""Bytes of an answer, as in g3."""

Nodes = tuple[Node[str], ...]


class RouteQueryEscaper(Route):
    """g3's ``route_query``."""

    type_name = "RouteQuery"

    def __init__(self, config: "RouteQueryConfig", escapers: Mapping[str, Escaper]) -> None:
        """``escapers`` are those that exist, by their names."""
        allowed = {name: escapers[name] for name in config.query_allowed_next}
        fallback = escapers[config.fallback_node]
        super().__init__(config.name, (fallback, *allowed.values()))
        self.client = QueryClient(config)
        self._pass_client_ip = config.query_pass_client_ip
        self._table = AnswerRoute(fallback, allowed, config.cache_pick_policy, random.random)

    def choose(self, upstream: Upstream, task: TaskIdentity) -> Escaper | None:
        """At once by an answer that is known."""
        client_ip = str(client_host(task))
        answer = self.client.known(self._key(upstream, task, client_ip))
        return None if answer is None else self._table.route(answer.value, client_ip.encode())

    async def decide(self, upstream: Upstream, task: TaskIdentity) -> Escaper:
        """By the answer of the service, if it comes in time."""
        client_ip = str(client_host(task))
        nodes = await self.client.ask(self._key(upstream, task, client_ip))
        return self._table.route(nodes, client_ip.encode())

    async def close(self) -> None:
        """Ask nothing any more."""
        await self.client.close()

    def _key(self, upstream: Upstream, task: TaskIdentity, client_ip: str) -> QueryKey:
        return QueryKey(task.user or "", str(upstream.host), client_ip if self._pass_client_ip else None)


class QueryClient(ServiceClient[QueryKey, Nodes]):
    """Asks about users and hosts; an answer carries the random id of its question."""

    def __init__(self, config: "RouteQueryConfig") -> None:
        limits = QueryLimits(
            request_timeout=config.cache_request_timeout,
            query_timeout=config.query_wait_timeout,
            protective_ttl=config.protective_cache_ttl,
            maximum_ttl=config.maximum_cache_ttl,
            vanish_wait=config.cache_vanish_wait,
        )
        super().__init__(config.query_peer_addr, limits, config.query_socket_buffer, ANSWER_MAX)

    def pack(self, key: QueryKey) -> tuple[Hashable, bytes]:
        query_id = os.urandom(QUERY_ID)
        return query_id, pack_query(query_id, key)

    def read(self, data: bytes) -> bool:
        found = parse_answer(data)
        return found is not None and self.answer(found.query_id, found.nodes, found.ttl)
