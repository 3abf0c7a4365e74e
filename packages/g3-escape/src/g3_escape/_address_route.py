"""Routes by address: that of the client, or that to which the target's name was resolved."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Generic, TypeVar

from ._longest import Address, Network, Networks

N = TypeVar("N")


class AddressRoute(Generic[N]):
    """``N`` is what the caller takes for a next node.

    Exact addresses count before networks, small networks before large ones. An IPv4-mapped IPv6 address is the IPv4
    address.
    """

    __slots__ = ("_default", "_exact", "_subnets")

    def __init__(
        self, default: N, exact: Mapping[Address, N] | None = None, subnets: Mapping[Network, N] | None = None
    ) -> None:
        """Raise ValueError for an address or a network that stands there twice."""
        self._default = default
        self._exact: Networks[N] = Networks({ip_network(address): entry for address, entry in (exact or {}).items()})
        self._subnets: Networks[N] = Networks(subnets or {})

    def route(self, address: Address) -> N:
        """Return the next node for an address."""
        found = self._exact.find(address)
        if found is None:
            found = self._subnets.find(address)
        return self._default if found is None else found
