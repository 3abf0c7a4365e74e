"""Plain data, as a YAML or JSON reader gives it, shown to people; and the words that they may have meant."""

import difflib
from collections.abc import Iterable, Mapping

from ._errors import AclError, Path, Problem

MAX_SHOWN = 60
"""Characters of a value in a message: more would push the rest of the message off the line."""

MAX_NUMBER_BITS = 128
"""Larger numbers are not written out; Python refuses to for numbers of more than 4,300 digits."""

MAX_WORD = 64
"""Characters of a word that is compared with known ones: the comparison takes quadratic time."""


def wrong(message: str, *, expected: str = "", suggestion: str | None = None) -> AclError:
    """Return the exception for one mistake in the value itself."""
    return AclError(Problem((), message, expected, suggestion))


def show(data: object) -> str:
    """Say what a value is: short, on one line, in ASCII, without control characters."""
    if isinstance(data, str):
        return clip(ascii(data))
    if isinstance(data, bool):
        return "true" if data else "false"
    if isinstance(data, int):
        return str(data) if data.bit_length() <= MAX_NUMBER_BITS else "a huge number"
    if isinstance(data, float):
        return str(data)
    if data is None:
        return "nothing"
    if isinstance(data, dict):
        return "a map"
    return "a sequence" if isinstance(data, list | tuple) else f"a {type(data).__name__}"


def clip(quoted: str) -> str:
    """Return a quoted text, or the beginning of a longer one with its closing quote."""
    return quoted if len(quoted) <= MAX_SHOWN else f"{quoted[: MAX_SHOWN - 4]}...{quoted[-1]}"


def normalise(key: str) -> str:
    """Return a key or a name of the configuration language as it is compared: in lower case, with ``_`` for ``-``."""
    return key.lower().replace("-", "_")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that somebody most likely meant, or None."""
    return next(iter(difflib.get_close_matches(word[:MAX_WORD], list(known), n=1)), None)


def text_of(data: object) -> str:
    """Return what is text already; raises AclError for anything else."""
    if not isinstance(data, str):
        raise wrong(f"{show(data)} instead of text")
    return data


def place(key: object) -> Path:
    """Return the path to a key of a map; only texts and numbers can be named in one."""
    return (key,) if isinstance(key, str | int) and not isinstance(key, bool) else ()


def read_keys(
    data: Mapping[object, object], names: Mapping[str, str], expected: str, problems: list[Problem]
) -> dict[str, tuple[Path, object]]:
    """Return the values of a map by the names that its keys stand for, each with its path.

    ``names`` has every spelling. Unknown keys, and those that mean the same as one before, go to ``problems``.
    """
    found: dict[str, tuple[Path, object]] = {}
    for key, value in data.items():
        spelling = normalise(key) if isinstance(key, str) else ""
        name = names.get(spelling)
        if name is None:
            problems.append(Problem(place(key), f"unknown key {show(key)}", expected, nearest(spelling, names)))
        elif name in found:
            problems.append(Problem(place(key), f"{show(key)} is there already, written {show(found[name][0][0])}"))
        else:
            found[name] = place(key), value
    return found
