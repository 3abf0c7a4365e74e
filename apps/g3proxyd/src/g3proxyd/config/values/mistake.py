"""What is wrong with a value, said so that a person can mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..nodes import KeyPath

__all__ = ["Mistake", "MistakeError", "nearest", "show", "wrong"]

MAX_SHOWN = 60  # a longer value would push the rest of the message off the line


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with a value, or with the part of it at `path`.

    `expected` says what would be right, `suggestion` is a word that the author may have meant. `unsupported` marks what
    the configuration language has and this program does not have yet.
    """

    message: str
    expected: str = ""
    suggestion: str | None = None
    path: KeyPath = ()
    unsupported: bool = False


class MistakeError(ValueError):
    """A value that cannot be used, with all that is wrong with it."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__("; ".join(mistake.message for mistake in mistakes))
        self.mistakes = mistakes

    def under(self, *path: str | int) -> Iterable[Mistake]:
        """The same mistakes, seen from a value that holds this one at `path`."""
        return (replace(mistake, path=(*path, *mistake.path)) for mistake in self.mistakes)

    def but(self, *, expected: str, suggestion: str | None = None) -> MistakeError:
        """The same messages where more, or something else, would be right."""
        return MistakeError(
            *(
                replace(mistake, expected=expected, suggestion=suggestion or mistake.suggestion)
                for mistake in self.mistakes
            )
        )


def wrong(message: str, *, expected: str = "", suggestion: str | None = None, path: KeyPath = ()) -> MistakeError:
    """An exception with one mistake."""
    return MistakeError(Mistake(message, expected, suggestion, path))


def show(data: object) -> str:
    """Quote plain data for a message: short, on one line, without control characters."""
    if data is None:
        return "nothing"
    if isinstance(data, bool):
        return "true" if data else "false"
    if isinstance(data, dict):
        return "a map"
    if isinstance(data, list | tuple | set | frozenset):
        return "a list"
    text = repr(data) if isinstance(data, str) else str(data)
    if len(text) <= MAX_SHOWN:
        return text
    return f"{text[: MAX_SHOWN - 4]}...{text[-1] if isinstance(data, str) else ''}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` most likely stands for, or None."""
    found = difflib.get_close_matches(word[:MAX_SHOWN], list(known), n=1)
    return found[0] if found else None
