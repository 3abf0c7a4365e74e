"""What a configuration file says, with the place of each word: scalars, lists and maps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

__all__ = ["Entry", "KeyPath", "Mapping", "Node", "Place", "Real", "Scalar", "Sequence", "Source", "render_path"]

KeyPath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One file: its path as the operator named it, and its text for error messages."""

    path: Path
    text: str = field(repr=False)

    def line(self, number: int) -> str:
        """A line of the file, counted from 1; empty beyond the end."""
        lines = self.text.splitlines()
        return lines[number - 1] if 0 < number <= len(lines) else ""


@dataclass(frozen=True, slots=True)
class Place:
    """A line and a column of a file, both counted from 1, the column in characters."""

    source: Source
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.source.path}:{self.line}:{self.column}"


class Real(float):
    """A real number that remembers how it was written: a text value `1.10` is not `1.1`."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Real:
        number = super().__new__(cls, text)
        number.text = text
        return number


@dataclass(frozen=True, slots=True, eq=False)
class Node(ABC):
    """A value in a file: where it begins, and its way from the root of its document."""

    place: Place
    path: KeyPath

    @abstractmethod
    def plain(self) -> object:
        """The value without places: None, bool, int, Real, str, list or dict."""

    def find(self, path: KeyPath) -> Node:
        """The part at `path`, or the nearest part around it that exists."""
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Scalar(Node):
    """Text, a number, a boolean or nothing."""

    value: str | int | float | bool | None

    def plain(self) -> object:
        return self.value


@dataclass(frozen=True, slots=True, eq=False)
class Sequence(Node):
    """A list."""

    items: tuple[Node, ...]

    def plain(self) -> object:
        return [item.plain() for item in self.items]

    def find(self, path: KeyPath) -> Node:
        if path and isinstance(path[0], int) and 0 <= path[0] < len(self.items):
            return self.items[path[0]].find(path[1:])
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A key of a map with its place, and its value."""

    place: Place
    value: Node


@dataclass(frozen=True, slots=True, eq=False)
class Mapping(Node):
    """A map with text keys, spelled and ordered as in the file."""

    entries: MappingType[str, Entry]

    def plain(self) -> object:
        return {key: entry.value.plain() for key, entry in self.entries.items()}

    def find(self, path: KeyPath) -> Node:
        if path and isinstance(path[0], str) and path[0] in self.entries:
            return self.entries[path[0]].value.find(path[1:])
        return self


def render_path(path: KeyPath) -> str:
    """Write a path for people: `server[0].listen.address`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text
