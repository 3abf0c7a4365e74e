"""What is wrong with a rule, with its place, so that whoever wrote it can mend it."""

from dataclasses import dataclass, replace
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]

MAX_TOLD = 20
"""Problems in the message of an exception: a wrong list of 100,000 hosts must not fill the screen."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake.

    ``path`` leads from the value that was parsed to the part that is wrong: keys of maps as they are written, positions
    in sequences from 0. ``expected`` says what would be right, ``suggestion`` is a word that may have been meant.
    """

    path: Path
    message: str
    expected: str = ""
    suggestion: str | None = None

    def __str__(self) -> str:
        text = "".join(f"{step}: " for step in self.path) + self.message
        if self.suggestion is not None:
            return f"{text}; perhaps {self.suggestion}"
        return f"{text}; expected {self.expected}" if self.expected else text


class AclError(ValueError):
    """A value that makes no rule; ``problems`` holds everything that is wrong with it, the message the first few."""

    def __init__(self, *problems: Problem) -> None:
        more = [f"{len(problems) - MAX_TOLD} more"] if len(problems) > MAX_TOLD else []
        super().__init__("; ".join([*map(str, problems[:MAX_TOLD]), *more]))
        self.problems = problems

    def under(self, *path: str | int, expected: str = "") -> tuple[Problem, ...]:
        """Return the problems as seen from a value that holds the wrong one at ``path``.

        ``expected`` is filled in where a problem does not say what would be right.
        """
        return tuple(
            replace(problem, path=path + problem.path, expected=problem.expected or expected)
            for problem in self.problems
        )


class HostError(AclError):
    """A text that names no host."""

    def __init__(self, message: str) -> None:
        super().__init__(Problem((), message))


class PatternError(AclError):
    """A regular expression that cannot be used, or a set of them that takes too much memory."""

    def __init__(self, message: str) -> None:
        super().__init__(Problem((), message))
