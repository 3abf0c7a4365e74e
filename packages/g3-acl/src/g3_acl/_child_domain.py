"""Rules about domains and all names below them: the longest domain decides."""

from typing import Generic, TypeVar

from ._action import Action
from ._errors import HostError
from ._host import parse_host
from ._plain import show
from ._rule import Rule

T = TypeVar("T")


def parse_domain(text: str) -> str:
    """Return the domain that a record names; a dot before it is the habit of many and changes nothing.

    Raises HostError for what `parse_host` refuses, and for an address.
    """
    host = parse_host(text.removeprefix(".") if isinstance(text, str) else text)
    if not isinstance(host, str):
        raise HostError(f"{show(text)} is an address")
    return host


class Domains(Generic[T]):
    """Something for each of many domains, found for the names below them too."""

    __slots__ = ("_depth", "entries")

    def __init__(self) -> None:
        self.entries: dict[str, T] = {}
        self._depth = 1

    def put(self, domain: str, entry: T) -> None:
        """Add or replace what a domain has."""
        self.entries[domain] = entry
        self._depth = max(self._depth, domain.count(".") + 1)

    def nearest(self, name: str) -> str | None:
        """Return the longest domain that is the name or above it, or None."""
        # No domain has more labels than this: a name of 127 labels costs no more than one of a few.
        surplus = name.count(".") + 1 - self._depth
        if surplus > 0:
            name = name.split(".", surplus)[surplus]
        while name:
            if name in self.entries:
                return name
            name = name.partition(".")[2]
        return None


class ChildDomainRule(Rule[str]):
    """Records are parent domains; each matches itself and every name below it.

    Of all records that match, the longest decides.
    """

    __slots__ = ("_domains",)

    def __init__(self, missed: Action = Action.FORBID) -> None:
        super().__init__(missed)
        self._domains: Domains[Action] = Domains()

    def add(self, domain: str, action: Action) -> None:
        """Add a parent domain; raises HostError for an address and for what `parse_host` refuses."""
        self._open()
        self._domains.put(parse_domain(domain), action)

    def find(self, domain: str) -> Action | None:
        """Return the action of the longest record that matches, or None; the name has to come from `parse_host`."""
        nearest = self._domains.nearest(domain)
        return None if nearest is None else self._domains.entries[nearest]

    def _build(self) -> object:
        return self._domains.entries
