"""The picker that a policy asks for."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from ._jump_hash import JumpHashPicker
from ._ketama import KetamaPicker
from ._pick_policy import Node, PickPolicy
from ._picker import Picker, RandomPicker, RoundRobinPicker, SerialPicker
from ._rendezvous import RendezvousPicker

T = TypeVar("T")


def make_picker(policy: PickPolicy, nodes: Iterable[Node[T]], random: Callable[[], float]) -> Picker[T]:
    """Return a picker of one policy. ``random`` returns a number from 0 up to 1; only `PickPolicy.RANDOM` asks it.

    Nodes of weight 0 are left out, and a name that comes twice is one node with the sum of the weights. Raises
    ValueError if none is left, for more than `MAX_NODES`, and for a sum above `MAX_WEIGHT`.
    """
    match policy:
        case PickPolicy.RANDOM:
            return RandomPicker(nodes, random)
        case PickPolicy.SERIAL:
            return SerialPicker(nodes)
        case PickPolicy.ROUND_ROBIN:
            return RoundRobinPicker(nodes)
        case PickPolicy.KETAMA:
            return KetamaPicker(nodes)
        case PickPolicy.RENDEZVOUS:
            return RendezvousPicker(nodes)
    return JumpHashPicker(nodes)
