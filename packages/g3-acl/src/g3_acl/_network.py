"""Rules about networks: the longest prefix decides."""

from bisect import bisect_right
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Self, TypeAlias

from ._action import Action
from ._address import MAPPED_PREFIX
from ._address_rule import AddressRule

Network: TypeAlias = IPv4Network | IPv6Network
_Ranges: TypeAlias = tuple[list[int], list[Action | None]]


class NetworkRule(AddressRule[IPv4Address | IPv6Address]):
    """Records are networks; of all that hold an address, the smallest decides.

    A network inside ::ffff:0:0/96 is the IPv4 network that it maps.
    """

    __slots__ = ("_ipv4", "_ipv6", "_ranges4", "_ranges6")

    def __init__(self, missed: Action = Action.FORBID) -> None:
        super().__init__(missed)
        self._ipv4: dict[tuple[int, int], Action] = {}
        self._ipv6: dict[tuple[int, int], Action] = {}
        self._ranges4: _Ranges | None = None
        self._ranges6: _Ranges | None = None

    def add(self, network: Network, action: Action) -> None:
        """Add a network."""
        self._open()
        first, length = int(network.network_address), network.prefixlen
        if isinstance(network, IPv6Network) and first >> 32 != MAPPED_PREFIX:
            self._ipv6[first, length] = action
            self._ranges6 = None
        else:
            self._ipv4[first & 0xFFFF_FFFF, length - network.max_prefixlen + 32] = action
            self._ranges4 = None

    find = AddressRule.find_address

    def _find_ipv4(self, number: int) -> Action | None:
        starts, actions = self._ranges4 or self._build()[0]
        return actions[bisect_right(starts, number) - 1]

    def _find_ipv6(self, number: int) -> Action | None:
        starts, actions = self._ranges6 or self._build()[1]
        return actions[bisect_right(starts, number) - 1]

    def _build(self) -> tuple[_Ranges, _Ranges]:
        self._ranges4 = self._ranges4 or _flatten(self._ipv4, 32)
        self._ranges6 = self._ranges6 or _flatten(self._ipv6, 128)
        return self._ranges4, self._ranges6

    def freeze(self) -> Self:
        """Return this rule, built: from now on ``add`` raises RuntimeError."""
        super().freeze()
        self._ipv4, self._ipv6 = {}, {}  # a large rule's records take five times as much memory as its ranges
        return self


def _flatten(networks: dict[tuple[int, int], Action], bits: int) -> _Ranges:
    """Cut the address space where the answer changes; return where each piece starts and its answer.

    Nested networks become neighbours, so that one binary search finds the longest prefix.
    """
    ranges: _Ranges = ([0], [None])
    enclosing: list[tuple[int, Action]] = []  # the networks around the place where we are, with what follows each
    for (first, length), action in sorted(networks.items()):
        while enclosing and enclosing[-1][0] <= first:
            _leave(ranges, enclosing)
        _append(ranges, first, action)
        enclosing.append((first + (1 << bits - length), action))
    while enclosing:
        _leave(ranges, enclosing)
    return ranges


def _leave(ranges: _Ranges, enclosing: list[tuple[int, Action]]) -> None:
    behind, _ = enclosing.pop()
    _append(ranges, behind, enclosing[-1][1] if enclosing else None)


def _append(ranges: _Ranges, start: int, action: Action | None) -> None:
    starts, actions = ranges
    if starts[-1] == start:
        starts.pop()
        actions.pop()
    if not actions or actions[-1] is not action:
        starts.append(start)
        actions.append(action)
