"""Rules about destinations, asked one after the other."""

from dataclasses import dataclass, field

from ._action import Action
from ._child_domain import ChildDomainRule
from ._host import Host
from ._host_rule import HostRule
from ._network import NetworkRule
from ._regex_rules import RegexDomainRule


@dataclass(frozen=True, slots=True)
class HostRuleSet:
    """Up to four rules about a destination; the first one with a record that matches decides.

    Names go through ``exact``, ``child`` and ``regex``, addresses through ``exact`` and ``subnet``. When no record
    matches, ``missed`` is the answer: the strictest of the missed actions of all rules that are there, whether or not
    they were asked, and PERMIT if there is none. The rules are frozen.
    """

    exact: HostRule | None = None
    child: ChildDomainRule | None = None
    regex: RegexDomainRule | None = None
    subnet: NetworkRule | None = None
    missed: Action = field(init=False)

    def __post_init__(self) -> None:
        rules = [rule for rule in (self.exact, self.child, self.regex, self.subnet) if rule is not None]
        missed = min((rule.freeze().missed for rule in rules), default=Action.PERMIT)
        object.__setattr__(self, "missed", missed)

    def check(self, host: Host) -> Action:
        """Return the action for a destination; a name has to come from `parse_host`."""
        found = self.find(host)
        return self.missed if found is None else found

    def find(self, host: Host) -> Action | None:
        """Return the action of the record that decides, or None when no record matches."""
        found = None
        if self.exact is not None:
            found = self.exact.find(host)
        if isinstance(host, str):
            if found is None and self.child is not None:
                found = self.child.find(host)
            if found is None and self.regex is not None:
                found = self.regex.find(host)
        elif found is None and self.subnet is not None:
            found = self.subnet.find(host)
        return found
