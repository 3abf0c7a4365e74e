"""Regular expressions from configurations: linear time whatever they are and whatever they are asked (RE2)."""

from collections.abc import Iterator
from typing import Protocol, TypeAlias

import re2  # type: ignore[import-untyped]  # it has no types of its own

from ._action import Action
from ._dialect import dialect_fault
from ._errors import PatternError
from ._plain import clip

MAX_PATTERN = 65_536
"""Characters of one regular expression: more is a list that went astray, which a domain rule serves better."""

MAX_TOGETHER = 250_000
"""Characters of the expressions in one automaton: RE2 gives up at a million nodes, and tells standard error so."""

MEMORY = 8 << 20
"""Bytes that an automaton may take with the states that it remembers: RE2's own default."""

MEMORY_PER_CHARACTER = 128
"""Bytes more for each character of its expressions: with fewer, large sets do not build."""

_HINTS = {
    "invalid perl operator": "look-around, and flags other than i, m, s and U, are not supported",
    "invalid escape sequence": "back-references are not supported",
    "invalid repetition size": "1000 is the most, also of nested ones together",
}


class _Set(Protocol):
    def Add(self, pattern: bytes) -> int: ...  # noqa: N802  # re2's own names

    def Compile(self) -> None: ...  # noqa: N802

    def Match(self, text: bytes) -> list[int] | None: ...  # noqa: N802


_Automaton: TypeAlias = tuple[_Set, list[Action]]


class Patterns:
    """Regular expressions, each with an action; of those that match somewhere in a text, the strictest decides."""

    __slots__ = ("_automata", "records")

    def __init__(self) -> None:
        self.records: dict[str, Action] = {}
        self._automata: list[_Automaton] | None = None

    def __getstate__(self) -> tuple[dict[str, Action]]:
        # Automata belong to a process: a copy, or another process, builds its own.
        return (self.records,)

    def __setstate__(self, state: tuple[dict[str, Action]]) -> None:
        (self.records,) = state
        self._automata = None

    def add(self, pattern: str, action: Action) -> None:
        """Add a pattern or give it another action; raises PatternError for one that is not understood."""
        check_pattern(pattern)
        self.records[pattern] = action
        self._automata = None

    def find(self, text: str) -> Action | None:
        """Return the strictest action of the patterns that match, or None."""
        # A lone surrogate is no character; it must not make a rule fail.
        encoded = text.encode("utf-8", "replace")
        for patterns, actions in self.build() if self._automata is None else self._automata:
            hits = patterns.Match(encoded)
            if hits:
                return actions[min(hits)]
        return None

    def build(self) -> list[_Automaton]:
        """Compile the patterns, the strictest first; raises PatternError for one that takes too much memory."""
        self._automata = []
        batch: list[tuple[str, Action]] = []
        size = 0
        for record in sorted(self.records.items(), key=lambda record: record[1]):
            size += len(record[0])
            if size > MAX_TOGETHER:
                self._automata += _compile(batch)
                batch, size = [], len(record[0])
            batch.append(record)
        self._automata += _compile(batch)
        return self._automata


def _compile(records: list[tuple[str, Action]]) -> Iterator[_Automaton]:
    """Yield one automaton, or several if one would take too much memory."""
    if not records:
        return
    patterns: _Set = re2.Set.SearchSet(_options(MEMORY + MEMORY_PER_CHARACTER * sum(len(text) for text, _ in records)))
    for pattern, _ in records:
        patterns.Add(pattern.encode())
    try:
        patterns.Compile()
    except re2.error:
        if len(records) == 1:
            raise PatternError(f"{_quote(records[0][0])} takes too much memory") from None
        middle = len(records) // 2
        yield from _compile(records[:middle])
        yield from _compile(records[middle:])
    else:
        yield patterns, [action for _, action in records]


def check_pattern(pattern: str) -> None:
    """Raise PatternError if a regular expression is not one, or does not mean here what it means to Rust's regex."""
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"a regular expression of {len(pattern)} characters, {MAX_PATTERN} are allowed")
    fault = dialect_fault(pattern)
    if fault is None:
        try:
            re2.compile(pattern.encode(), _options(MEMORY))
        except UnicodeEncodeError:
            fault = "a lone surrogate is no character"
        except re2.error as error:
            fault = _explain(error.args[0].decode("utf-8", "replace"))
    if fault is not None:
        raise PatternError(f"{_quote(pattern)} is no regular expression: {fault}")


def _explain(fault: str) -> str:
    """Say what RE2 says, with the part of the pattern that it means in quotes."""
    reason, _, part = fault.partition(": ")
    hint = f" ({_HINTS[reason]})" if reason in _HINTS else ""
    return f"{reason}: {_quote(part)}{hint}" if part else reason


def _quote(pattern: str) -> str:
    """Show a pattern as it is written, but for what could break the line."""
    return clip(ascii(pattern).replace("\\\\", "\\"))


def _options(memory: int) -> object:
    options = re2.Options()
    options.max_mem = memory
    options.never_capture = True
    options.log_errors = False
    return options
