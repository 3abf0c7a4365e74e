"""Rules about what regular expressions match."""

from ._action import Action
from ._child_domain import Domains, parse_domain
from ._patterns import Patterns
from ._rule import Rule


class RegexSetRule(Rule[str]):
    """Records are regular expressions, which match anywhere in a text; of all that match, the strictest decides."""

    __slots__ = ("_patterns",)

    def __init__(self, missed: Action = Action.FORBID) -> None:
        super().__init__(missed)
        self._patterns = Patterns()

    def add(self, pattern: str, action: Action) -> None:
        """Add a regular expression in the syntax of Rust's regex crate; raises PatternError if it is none."""
        self._open()
        self._patterns.add(pattern, action)

    def find(self, text: str) -> Action | None:
        """Return the strictest action of the expressions that match, or None."""
        return self._patterns.find(text)

    def _build(self) -> object:
        self._patterns.build()
        return self._patterns.records


class RegexDomainRule(Rule[str]):
    """Records are regular expressions, for whole names or for what stands before a parent domain.

    For ``www.cdn.example.net`` and the parent ``example.net`` that is ``www.cdn``, for the parent itself it is empty.
    Of the parents that enclose a name only the longest is looked at. When none of its expressions matches, those for
    whole names are asked. Of all that match, the strictest decides.
    """

    __slots__ = ("_parents", "_whole")

    def __init__(self, missed: Action = Action.FORBID) -> None:
        super().__init__(missed)
        self._whole = Patterns()
        self._parents: Domains[Patterns] = Domains()

    def add(self, pattern: str, action: Action, parent: str | None = None) -> None:
        """Add a regular expression in the syntax of Rust's regex crate, for whole names or below ``parent``.

        Raises PatternError if it is none, HostError for an address or what `parse_host` refuses as the parent.
        """
        self._open()
        if parent is None:
            self._whole.add(pattern, action)
            return
        parent = parse_domain(parent)
        patterns = self._parents.entries.get(parent, Patterns())
        patterns.add(pattern, action)
        self._parents.put(parent, patterns)

    def find(self, domain: str) -> Action | None:
        """Return the strictest action of the expressions that match, or None; the name is of `parse_host`."""
        parent = self._parents.nearest(domain)
        if parent is not None:
            found = self._parents.entries[parent].find(domain[: -len(parent)].removesuffix("."))
            if found is not None:
                return found
        return self._whole.find(domain)

    def _build(self) -> object:
        for patterns in (self._whole, *self._parents.entries.values()):
            patterns.build()
        return self._whole.records, {parent: patterns.records for parent, patterns in self._parents.entries.items()}
