"""How one of several weighted nodes is picked: the policies by the words of the configuration, and what a node is."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_NODES = 1024
"""Nodes of one picker: a ring of as many takes 16 MiB and two seconds to build. More is a list that went astray."""

MIN_WEIGHT = 1e-6
"""The smallest weight but 0: below it no policy could keep the promise of a share."""

MAX_WEIGHT = 1e6
"""The largest weight: with all nodes as heavy as this jump hash still has a bucket for each whole unit."""


class PickPolicy(Enum):
    """Which node is next; the values are the words of the configuration."""

    RANDOM = "random"
    """Any node, as often as its weight asks for."""
    SERIAL = "serial"
    """The heaviest, always; the others are for retries, in the order of their weights."""
    ROUND_ROBIN = "round_robin"
    """In turns, as often as its weight asks for."""
    KETAMA = "ketama"
    """The same node for the same key: the next point on a ring."""
    RENDEZVOUS = "rendezvous"
    """The same node for the same key: the node that scores best with it."""
    JUMP_HASH = "jump_hash"
    """The same node for the same key: the bucket to which it jumps."""

    @property
    def keyed(self) -> bool:
        """Whether the key says which node is next."""
        return self in (PickPolicy.KETAMA, PickPolicy.RENDEZVOUS, PickPolicy.JUMP_HASH)


_ALIASES = {
    "sequence": PickPolicy.SERIAL,
    "roundrobin": PickPolicy.ROUND_ROBIN,
    "rr": PickPolicy.ROUND_ROBIN,
    "jumphash": PickPolicy.JUMP_HASH,
    "jump": PickPolicy.JUMP_HASH,
}


def parse_pick_policy(text: str) -> PickPolicy:
    """Return the policy that a word of the configuration means, in any case and with ``-`` or ``_``.

    Raises ValueError, which names the words there are.
    """
    word = text.lower().replace("-", "_")
    if word in _ALIASES:
        return _ALIASES[word]
    try:
        return PickPolicy(word)
    except ValueError:
        words = ", ".join(policy.value for policy in PickPolicy)
        raise ValueError(f"{text[:64]!r} is no pick policy; there are {words}") from None


@dataclass(frozen=True, slots=True)
class Node(Generic[T]):
    """One of the things to pick from."""

    value: T
    """What a pick returns."""
    name: bytes
    """What the consistent policies know it by: give it the same name everywhere, and it gets the same keys."""
    weight: float = 1.0
    """How much it gets beside the others: 0 for nothing at all, or `MIN_WEIGHT` to `MAX_WEIGHT`."""

    def __post_init__(self) -> None:
        """Raise ValueError for a weight out of range."""
        if self.weight != 0 and not MIN_WEIGHT <= self.weight <= MAX_WEIGHT:
            raise ValueError(f"a weight is 0 or {MIN_WEIGHT:g} to {MAX_WEIGHT:g}, not {self.weight!r}")


def join_nodes(nodes: Iterable[Node[T]]) -> tuple[Node[T], ...]:
    """Return those that may be picked, in the order in which they came; a name that comes twice adds up.

    Raises ValueError if none has a weight, for more than `MAX_NODES`, and when a sum exceeds `MAX_WEIGHT`.
    """
    joined: dict[bytes, Node[T]] = {}
    for node in nodes:
        if node.weight:
            first = joined.get(node.name)
            joined[node.name] = Node(first.value, node.name, first.weight + node.weight) if first else node
    if not joined:
        raise ValueError("there is no node with a weight above 0")
    if len(joined) > MAX_NODES:
        raise ValueError(f"{len(joined)} nodes, {MAX_NODES} are allowed")
    return tuple(joined.values())
