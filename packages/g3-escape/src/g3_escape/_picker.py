"""What every picker can do, and the three policies that look at no key."""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from heapq import heapreplace
from itertools import accumulate
from typing import Generic, TypeVar

from ._pick_policy import Node, join_nodes

T = TypeVar("T")

_TURN = 720_720 << 32
"""The time between two turns of a node of weight 1: whole numbers, so that no rounding adds up over years of turns, and
divided by 1 to 16 without a rest, so that nodes of such weights meet again."""


class Picker(ABC, Generic[T]):
    """Picks one of several nodes. ``nodes`` are those that it may pick."""

    __slots__ = ("nodes",)

    def __init__(self, nodes: Iterable[Node[T]]) -> None:
        """Nodes of weight 0 are left out, and a name that comes twice is one node with the sum of the weights.

        Raises ValueError if none is left, for more than `MAX_NODES`, and for a sum above `MAX_WEIGHT`.
        """
        self.nodes = join_nodes(nodes)

    @abstractmethod
    def pick(self, key: bytes) -> T:
        """Return the value of the node for a key; policies that look at no key ignore it."""

    @abstractmethod
    def order(self, key: bytes) -> Iterator[T]:
        """Yield each node's value once, the best first: what to try when the first one fails.

        It begins with the very node that `pick` would have returned, and counts as one turn, like a pick.
        """


class SerialPicker(Picker[T]):
    """The heaviest node, always; of equals the one that was named first."""

    __slots__ = ("_values",)

    def __init__(self, nodes: Iterable[Node[T]]) -> None:
        super().__init__(nodes)
        self._values = [node.value for node in sorted(self.nodes, key=lambda node: -node.weight)]

    def pick(self, key: bytes) -> T:
        return self._values[0]

    def order(self, key: bytes) -> Iterator[T]:
        return iter(self._values)


class RoundRobinPicker(Picker[T]):
    """Turns: a node of weight 3 has three while one of weight 1 has one, spread evenly."""

    __slots__ = ("_steps", "_turns")

    def __init__(self, nodes: Iterable[Node[T]]) -> None:
        super().__init__(nodes)
        self._steps = [round(_TURN / node.weight) for node in self.nodes]
        self._turns = sorted((step, index) for index, step in enumerate(self._steps))
        """A heap of when each node has its next turn."""

    def pick(self, key: bytes) -> T:
        due, index = self._turns[0]
        heapreplace(self._turns, (due + self._steps[index], index))
        return self.nodes[index].value

    def order(self, key: bytes) -> Iterator[T]:
        indexes = [index for _, index in sorted(self._turns)]
        self.pick(key)
        return (self.nodes[index].value for index in indexes)


class RandomPicker(Picker[T]):
    """Chance. ``random`` returns a number from 0 up to 1, without 1: `random.random` for instance."""

    __slots__ = ("_bounds", "_random")

    def __init__(self, nodes: Iterable[Node[T]], random: Callable[[], float]) -> None:
        super().__init__(nodes)
        self._random = random
        self._bounds = list(accumulate(node.weight for node in self.nodes))

    def pick(self, key: bytes) -> T:
        return self.nodes[_draw(self._bounds, self._random())].value

    def order(self, key: bytes) -> Iterator[T]:
        nodes, bounds = list(self.nodes), self._bounds
        while nodes:
            yield nodes.pop(_draw(bounds, self._random())).value
            bounds = list(accumulate(node.weight for node in nodes))


def _draw(bounds: list[float], chance: float) -> int:
    """Return the index of the node whose part of the whole ``chance`` falls into."""
    # The last bound stays out: rounding must not lead behind the last node.
    return bisect_right(bounds, chance * bounds[-1], hi=len(bounds) - 1)
