"""All mistakes of a configuration at once, each with its place."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .nodes import Place

__all__ = ["ConfigError", "Kind", "Problem", "in_order", "report"]


class Kind(enum.Enum):
    """What kind of mistake a problem is."""

    FILE = "a file that cannot be read"
    SYNTAX = "text that is not YAML, or YAML beyond what the configuration language uses"
    KEY = "a key that is unknown, missing or given twice"
    VALUE = "a value that its key cannot take"
    CONFLICT = "values that are right alone and wrong together"
    REFERENCE = "a name that stands for nothing, or a loop of names"
    UNSUPPORTED = "a key, type or section that belongs to a later part of the project"
    WARNING = "something that works, and that the operator should know"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake or warning: where, in which key, what, what would be right, and what may have been meant."""

    kind: Kind
    place: Place | None
    path: str
    message: str
    expected: str = ""
    suggestion: str | None = None

    def __str__(self) -> str:
        """`file:line:column: key.path: what is wrong; expected ...; did you mean 'x'?`"""
        text = ": ".join(part for part in (str(self.place or ""), self.path, self.sentence()) if part)
        # Keys and file names may hold what a terminal would obey and what would forge a line of a log.
        return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)

    def sentence(self) -> str:
        """The problem without its place and path."""
        text = self.message
        if self.expected:
            text += f"; expected {self.expected}"
        if self.suggestion is not None:
            text += f"; did you mean {self.suggestion!r}?"
        return text


class ConfigError(Exception):
    """A configuration that cannot be used: every problem found in every file, and the warnings beside them."""

    def __init__(
        self, problems: Iterable[Problem], warnings: Iterable[Problem] = (), main_file: Path | None = None
    ) -> None:
        self.problems = in_order(problems, main_file)
        self.warnings = in_order(warnings, main_file)
        super().__init__(report(self.problems))


def in_order(problems: Iterable[Problem], main_file: Path | None = None) -> tuple[Problem, ...]:
    """Sort by file, the main file first, then by line and column; drop repetitions."""

    def key(problem: Problem) -> tuple[bool, str, int, int]:
        place = problem.place
        if place is None:
            return (False, "", 0, 0)
        return (place.source.path != main_file, str(place.source.path), place.line, place.column)

    return tuple(sorted(dict.fromkeys(problems), key=key))


def report(problems: Iterable[Problem], *, what: str = "problem", source_lines: bool = False) -> str:
    """Write problems one below the other with a count at the end; with the line and a caret below each if wanted."""
    lines: list[str] = []
    problems = list(problems)
    for problem in problems:
        lines.append(str(problem))
        if source_lines and problem.place is not None:
            lines += _caret(problem.place)
    lines.append(f"{len(problems)} {what}{'' if len(problems) == 1 else 's'}")
    return "\n".join(lines)


def _caret(place: Place) -> list[str]:
    line = place.source.line(place.line)
    if not line.strip():
        return []
    # A terminal must not obey what a configuration file contains, and tabs must not move the caret.
    shown = "".join(char if char.isprintable() else " " for char in line)
    start = max(0, place.column - 80)
    return [f"    {shown[start : start + 120].rstrip()}", f"    {' ' * (place.column - 1 - start)}^"]
