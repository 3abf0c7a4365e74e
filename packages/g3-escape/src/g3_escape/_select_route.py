"""Routes that choose among nodes: by the request's own selection, or by a policy."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Generic, TypeVar

from ._egress_path import select_by_number
from ._make_picker import make_picker
from ._pick_policy import Node, PickPolicy
from ._picker import Picker
from ._route_error import RouteError, RouteFault

N = TypeVar("N")

MAX_PICKERS = 256
"""Pickers that an `AnswerRoute` keeps: the answers of a service name few different sets of nodes; a ring is large."""


class MappingRoute(Generic[N]):
    """A request's number says which of the nodes is next; without one it is chance."""

    __slots__ = ("_nodes", "_random")

    def __init__(self, nodes: Sequence[N], random: Callable[[], float]) -> None:
        """``random`` returns a number from 0 up to 1, without 1. Raises ValueError for no node."""
        if not nodes:
            raise ValueError("there is no node to choose from")
        self._nodes = tuple(nodes)
        self._random = random

    def route(self, number: int | None) -> N:
        """Return the next node for the number of a path selection, as `select_by_number` does, or for None."""
        if number is None:
            return self._nodes[int(self._random() * len(self._nodes))]
        return select_by_number(self._nodes, number)


class SelectRoute(Generic[N]):
    """A request's id says which of the nodes is next; without one it is a policy's pick."""

    __slots__ = ("_by_name", "_picker")

    def __init__(self, nodes: Iterable[Node[N]], policy: PickPolicy, random: Callable[[], float]) -> None:
        """A node of weight 0 is reached by its id alone, which is its name. Raises ValueError as `make_picker` does."""
        listed = tuple(nodes)
        self._by_name = {node.name: node.value for node in reversed(listed)}
        weighted = any(node.weight for node in listed)
        self._picker = make_picker(policy, listed, random) if weighted else None

    def route(self, key: bytes, path_id: str | None = None) -> N:
        """Return the next node for a key, or the one with this id.

        Raises RouteError for an id that no node has, and if there is only weight 0 to pick from.
        """
        return self._chosen(path_id) if path_id is not None else self._usable().pick(key)

    def order(self, key: bytes, path_id: str | None = None) -> Iterator[N]:
        """Yield the nodes to try, the best first: an id leaves no choice. Raises as `route` does."""
        return iter([self._chosen(path_id)]) if path_id is not None else self._usable().order(key)

    def _chosen(self, path_id: str) -> N:
        try:
            return self._by_name[path_id.encode("utf-8", "surrogatepass")]
        except KeyError:
            raise RouteError(RouteFault.UNKNOWN_NODE, f"there is no node {path_id[:64]!a} to select") from None

    def _usable(self) -> Picker[N]:
        if self._picker is None:
            raise RouteError(RouteFault.NO_NODE, "no node has a weight above 0, and the request names none")
        return self._picker


class AnswerRoute(Generic[N]):
    """A service's answer says which nodes may be next; all that goes wrong leads to the fallback."""

    __slots__ = ("_allowed", "_fallback", "_picker")

    def __init__(self, fallback: N, allowed: Mapping[str, N], policy: PickPolicy, random: Callable[[], float]) -> None:
        """``allowed`` has the nodes that an answer may name."""
        self._fallback = fallback
        self._allowed = dict(allowed)
        self._picker = lru_cache(MAX_PICKERS)(lambda nodes: make_picker(policy, nodes, random))

    def route(self, answer: tuple[Node[str], ...] | None, key: bytes) -> N:
        """Return the next node: the pick for the key, or the fallback.

        It is the fallback for no answer, for one without a node of weight, and when the pick is not allowed.
        """
        if not answer:
            return self._fallback
        try:
            name = self._picker(answer).pick(key)
        except ValueError:
            return self._fallback
        return self._allowed.get(name, self._fallback)
