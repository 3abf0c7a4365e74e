"""Ketama: weighted nodes as points on a ring.

The ring is that of Karger et al., "Consistent hashing and random trees" (1997). A key has several places on it and
belongs to the point that is nearest behind one of them (Appleton and O'Reilly, "Multi-probe consistent hashing",
https://arxiv.org/abs/1505.00062): that evens out the gaps, which a plain ring does only with many more points.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from heapq import heapify, heapreplace
from math import frexp, ldexp
from struct import Struct
from typing import TypeVar

from ._pick_policy import MAX_NODES, Node
from ._picker import Picker

T = TypeVar("T")

POINTS = 2048
"""Points of a node whose weight is a power of two and the largest: shares are then within 2 % of the weights."""

PROBES = 5
"""Places of a key: with one there would have to be ten times as many points."""

_CIRCLE = 1 << 64
_OWNER = MAX_NODES - 1
"""The low bits of a point, which say whose it is: one number for both halves the memory and the time to look."""
_read_places = Struct(f"<{PROBES}Q").unpack
_read_points = Struct("<8Q").unpack


class KetamaPicker(Picker[T]):
    """A node that goes takes only its own keys with it: each moves to the node that was next in order.

    That holds as long as the number of points for a unit of weight stays. It follows from the heaviest node: when the
    power of two at or above its weight changes, other keys move as well. A pick takes the same time for any number of
    nodes; the ring takes 16 KiB for each.
    """

    __slots__ = ("_points", "_values")

    def __init__(self, nodes: Iterable[Node[T]]) -> None:
        super().__init__(nodes)
        fraction, exponent = frexp(max(node.weight for node in self.nodes))
        unit = ldexp(1, exponent - (fraction == 0.5))  # the power of two at or above the heaviest
        # By name, so that the order of the configuration plays no part.
        by_name = sorted(self.nodes, key=lambda node: node.name)
        self._values = [node.value for node in by_name]
        ring = [
            point & ~_OWNER | owner
            for owner, node in enumerate(by_name)
            for point in _points(node.name, max(1, round(POINTS * node.weight / unit)))
        ]
        ring.sort()
        self._points = array("Q", ring)

    def pick(self, key: bytes) -> T:
        points = self._points
        count = len(points)
        nearest = _CIRCLE
        winner = 0
        for place in _places(key):
            at = bisect_left(points, place)
            point = points[at] if at < count else points[0]
            distance = (point - place) % _CIRCLE
            if distance < nearest:
                nearest, winner = distance, point
        return self._values[winner & _OWNER]

    def order(self, key: bytes) -> Iterator[T]:
        """The nodes around the ring, as seen from all places of the key at once."""
        points = self._points
        walkers = []
        for number, place in enumerate(_places(key)):
            at = bisect_left(points, place) % len(points)
            walkers.append(((points[at] - place) % _CIRCLE, number, at, place))
        heapify(walkers)
        met: set[int] = set()
        while len(met) < len(self._values):
            _, number, at, place = walkers[0]
            owner = points[at] & _OWNER
            if owner not in met:
                met.add(owner)
                yield self._values[owner]
            at = (at + 1) % len(points)
            heapreplace(walkers, ((points[at] - place) % _CIRCLE, number, at, place))


def _places(key: bytes) -> tuple[int, ...]:
    return _read_places(blake2b(key, digest_size=8 * PROBES).digest())


def _points(name: bytes, count: int) -> Iterator[int]:
    """Yield the first points of a node: fewer are always the beginning of more."""
    for block in range(0, count, 8):
        digest = blake2b(name, digest_size=64, salt=block.to_bytes(16, "little")).digest()
        yield from _read_points(digest)[: count - block]
