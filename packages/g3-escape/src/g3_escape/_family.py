"""The two address families, as the configuration talks about them."""

from enum import Enum


class Family(Enum):
    """An IP version."""

    IPV4 = 4
    IPV6 = 6

    @property
    def other(self) -> "Family":
        """The other one."""
        return Family.IPV6 if self is Family.IPV4 else Family.IPV4
