"""The two address families and the orders in which a configuration may ask for them."""

from enum import Enum


class Family(Enum):
    """An IP version."""

    IPV4 = 4
    IPV6 = 6


class Strategy(Enum):
    """Which families to resolve, the preferred one first; the values are the words of the configuration."""

    IPV4_ONLY = "ipv4_only"
    IPV6_ONLY = "ipv6_only"
    IPV4_FIRST = "ipv4_first"
    IPV6_FIRST = "ipv6_first"

    @property
    def families(self) -> tuple[Family, ...]:
        """The families in the order of preference."""
        return _ORDERS[self]


_ORDERS = {
    Strategy.IPV4_ONLY: (Family.IPV4,),
    Strategy.IPV6_ONLY: (Family.IPV6,),
    Strategy.IPV4_FIRST: (Family.IPV4, Family.IPV6),
    Strategy.IPV6_FIRST: (Family.IPV6, Family.IPV4),
}
