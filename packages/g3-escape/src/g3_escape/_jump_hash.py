"""Jump consistent hash: no table at all (Lamping and Veach, https://arxiv.org/abs/1406.2294)."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from math import ceil
from typing import TypeVar

from ._key_hash import hash_key
from ._pick_policy import Node
from ._picker import Picker

T = TypeVar("T")

_MASK = (1 << 64) - 1


def jump_hash(number: int, buckets: int) -> int:
    """Return the bucket, from 0, of a 64 bit number; ``buckets`` is 1 to 2**31."""
    bucket, following = 0, 0
    while following < buckets:
        bucket = following
        number = (number * 2_862_933_555_777_941_757 + 1) & _MASK
        following = int((bucket + 1) * (2147483648.0 / ((number >> 33) + 1)))
    return bucket


class JumpHashPicker(Picker[T]):
    """Weights are rounded up: a node has one bucket for each whole unit, in the order in which nodes were named.

    Only at the end of the list a node may come or go without moving the keys of others.
    """

    __slots__ = ("_bounds",)

    def __init__(self, nodes: Iterable[Node[T]]) -> None:
        super().__init__(nodes)
        self._bounds = _buckets(self.nodes)

    def pick(self, key: bytes) -> T:
        bounds = self._bounds
        return self.nodes[bisect_right(bounds, jump_hash(hash_key(key), bounds[-1]))].value

    def order(self, key: bytes) -> Iterator[T]:
        nodes, bounds = list(self.nodes), self._bounds
        number = hash_key(key)
        while True:
            yield nodes.pop(bisect_right(bounds, jump_hash(number, bounds[-1]))).value
            if not nodes:
                return
            # Another number for each retry: the keys of a node that fails are spread over all others.
            number = hash_key(number.to_bytes(8, "little"))
            bounds = _buckets(nodes)


def _buckets(nodes: Iterable[Node[T]]) -> list[int]:
    """Where the buckets of each node end."""
    return list(accumulate(ceil(node.weight) for node in nodes))
