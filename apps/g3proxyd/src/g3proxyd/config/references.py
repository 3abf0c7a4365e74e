"""The names between objects: they must exist, and lead to an end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .errors import Kind, Problem
from .nodes import Place
from .values.mistake import nearest, show

__all__ = ["Link", "check", "loops"]

_MAX_LISTED = 10  # names in a message


@dataclass(frozen=True, slots=True)
class Link:
    """A key of one object that names another."""

    source: tuple[str, str]
    """Kind and name of the object that has the key."""
    target: tuple[str, str]
    """Kind and name of the object that it names."""
    place: Place
    path: str


def check(declared: Mapping[str, Iterable[str]], links: Iterable[Link]) -> list[Problem]:
    """What is wrong with `links`, given the names that were declared of each kind: missing objects and loops."""
    links = list(links)
    names = {kind: set(found) for kind, found in declared.items()}
    missing = [_missing(link, names[link.target[0]]) for link in links if link.target[1] not in names[link.target[0]]]
    return missing + [
        Problem(Kind.REFERENCE, link.place, link.path, f"the names lead in a circle: {text}")
        for link, text in loops(links)
    ]


def _missing(link: Link, names: set[str]) -> Problem:
    kind, name = link.target
    listed = ", ".join(sorted(names)[:_MAX_LISTED]) + (", ..." if len(names) > _MAX_LISTED else "")
    expected = f"one of {listed}" if names else f"an object in the section {kind!r}, which has none"
    message = f"there is no {kind} called {show(name)}"
    return Problem(Kind.REFERENCE, link.place, link.path, message, expected, nearest(name, names))


def loops(links: Iterable[Link]) -> Iterator[tuple[Link, str]]:
    """Each loop, as the link that closes it and the objects on the way."""
    outgoing: dict[tuple[str, str], list[Link]] = {}
    for each in links:
        outgoing.setdefault(each.source, []).append(each)
    done: set[tuple[str, str]] = set()
    for start in outgoing:
        # A walk along the links with its own stack: chains may be longer than Python's.
        way: dict[tuple[str, str], Iterator[Link]] = {}
        node: tuple[str, str] | None = start if start not in done else None
        while node is not None:
            if node not in way:
                way[node] = iter(outgoing.get(node, ()))
            link: Link | None = next(way[node], None)
            if link is None:
                done.add(node)
                del way[node]
                node = next(reversed(way), None)
            elif link.target in way:
                passed = list(way)
                loop = [*passed[passed.index(link.target) :], link.target]
                yield link, " -> ".join(f"{kind} {name}" for kind, name in loop)
            elif link.target not in done:
                node = link.target
