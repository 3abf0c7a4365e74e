"""What rules about addresses share: every address is looked at as what it reaches, not as how it is written."""

from abc import abstractmethod
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

from ._action import Action
from ._address import HIDING_PLACES, MAPPED_PREFIX, hidden_ipv4
from ._rule import Rule

V_contra = TypeVar("V_contra", contravariant=True)


class AddressRule(Rule[V_contra]):
    """Records about addresses.

    An IPv4-mapped IPv6 address is the IPv4 address. For an IPv6 address that a translator or tunnel carries to an IPv4
    one (`embedded_ipv4`), the records about the IPv4 address count as well, but only to make the answer stricter: a
    forbidden network stays forbidden behind NAT64, and a permitted one does not open a way through it.
    """

    __slots__ = ()

    def find_address(self, address: IPv4Address | IPv6Address, /) -> Action | None:
        """Return the action of the record that decides about an address, or None when no record matches."""
        number = int(address)
        if isinstance(address, IPv4Address):
            return self._find_ipv4(number)
        if number >> 32 == MAPPED_PREFIX:
            return self._find_ipv4(number & 0xFFFF_FFFF)
        found = self._find_ipv6(number)
        if number >> 112 in HIDING_PLACES:
            hidden = hidden_ipv4(number)
            if hidden is not None:
                return self._stricter(found, self._find_ipv4(hidden))
        return found

    def _stricter(self, found: Action | None, behind: Action | None) -> Action | None:
        otherwise = self._missed if found is None else found
        return behind if behind is not None and behind < otherwise else found

    @abstractmethod
    def _find_ipv4(self, number: int) -> Action | None: ...

    @abstractmethod
    def _find_ipv6(self, number: int) -> Action | None: ...
