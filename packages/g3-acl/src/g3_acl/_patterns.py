"""Regular expressions from configurations: linear time whatever they are and whatever they are asked (RE2)."""

from typing import Protocol

import re2  # type: ignore[import-untyped]  # it has no types of its own

from ._action import Action
from ._dialect import dialect_fault
from ._errors import PatternError
from ._plain import clip

MAX_PATTERN = 65_536
"""Characters of one regular expression: more is a list that went astray, which a domain rule serves better."""

MIN_MEMORY = 8 << 20
"""Bytes that a set of patterns may always take: RE2's own default."""

MAX_MEMORY = 512 << 20
"""Bytes that a set of patterns may take at most, once per process; some 100,000 usual ones fit."""

MEMORY_PER_CHARACTER = 128
"""Bytes that a set needs for each character of its patterns, roughly, to answer at full speed."""

_HINTS = {
    "invalid perl operator": "look-around, and flags other than i, m, s and U, are not supported",
    "invalid escape sequence": "back-references are not supported",
    "invalid repetition size": "1000 is the most, also of nested ones together",
}


class _Set(Protocol):
    def Add(self, pattern: bytes) -> int: ...  # noqa: N802  # re2's own names

    def Compile(self) -> None: ...  # noqa: N802

    def Match(self, text: bytes) -> list[int] | None: ...  # noqa: N802


class Patterns:
    """Regular expressions, each with an action; of those that match somewhere in a text, the strictest decides."""

    __slots__ = ("_actions", "_set", "records")

    def __init__(self) -> None:
        self.records: dict[str, Action] = {}
        self._actions: list[Action] = []
        self._set: _Set | None = None

    def add(self, pattern: str, action: Action) -> None:
        """Add a pattern or give it another action; raises PatternError for one that is not understood."""
        check_pattern(pattern)
        self.records[pattern] = action
        self._set = None

    def find(self, text: str) -> Action | None:
        """Return the strictest action of the patterns that match, or None."""
        if not self.records:
            return None
        # A lone surrogate is no character; it must not make a rule fail.
        hits = (self._set or self.build()).Match(text.encode("utf-8", "replace"))
        return self._actions[min(hits)] if hits else None

    def build(self) -> _Set:
        """Compile the patterns into one automaton; raises PatternError if it would take more than `MAX_MEMORY`."""
        records = sorted(self.records.items(), key=lambda record: record[1])
        memory = MIN_MEMORY + MEMORY_PER_CHARACTER * sum(map(len, self.records))
        while memory <= MAX_MEMORY:
            patterns: _Set = re2.Set.SearchSet(_options(memory))
            for pattern, _ in records:
                patterns.Add(pattern.encode())
            try:
                patterns.Compile()
            except re2.error:
                memory *= 2
            else:
                self._actions = [action for _, action in records]
                self._set = patterns
                return patterns
        raise PatternError(f"{len(records)} regular expressions together need more than {MAX_MEMORY >> 20} MiB")


def check_pattern(pattern: str) -> None:
    """Raise PatternError if a regular expression is not one, or does not mean here what it means to Rust's regex."""
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"a regular expression of {len(pattern)} characters, {MAX_PATTERN} are allowed")
    fault = dialect_fault(pattern)
    if fault is None:
        try:
            re2.compile(pattern.encode(), _options(MIN_MEMORY))
        except UnicodeEncodeError:
            fault = "a lone surrogate is no character"
        except re2.error as error:
            fault = _explain(error.args[0].decode("utf-8", "replace"))
    if fault is not None:
        raise PatternError(f"{_quote(pattern)} is no regular expression: {fault}")


def _explain(reason: str) -> str:
    hint = _HINTS.get(reason.partition(":")[0])
    return f"{reason} ({hint})" if hint else reason


def _quote(pattern: str) -> str:
    """Show a pattern as it is written, but for what could break the line."""
    return clip(ascii(pattern).replace("\\\\", "\\"))


def _options(memory: int) -> object:
    options = re2.Options()
    options.max_mem = memory
    options.never_capture = True
    options.log_errors = False
    return options
