"""Reading one map of the configuration into its model, and what comes to light on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from . import nodes
from .errors import Kind, Problem
from .nodes import Entry, KeyPath, Node, Place
from .values.mistake import Mistake, MistakeError

__all__ = ["Fields", "Reader", "Reference", "read"]

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that names another object: the name, the kind of object it must be, and the node that says so."""

    kind: str
    name: str
    node: Node


@dataclass(slots=True)
class Reader:
    """What comes to light while one object is read, beside its values: pass it as pydantic's validation context.

    `label` names the object in messages (`server http`), `root` is the path of its map in its document.
    """

    label: str
    root: KeyPath = ()
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)

    def path(self, node: Node, *more: str | int) -> str:
        """The key path of a node for messages."""
        inner = nodes.render_path((*node.path[len(self.root) :], *more))
        return f"{self.label}.{inner}" if inner and not inner.startswith("[") else self.label + inner

    def refuse(self, kind: Kind, place: Place, path: str, mistake: Mistake) -> None:
        """Note a mistake."""
        self.problems.append(Problem(kind, place, path, mistake.message, mistake.expected, mistake.suggestion))

    def report(
        self, node: Node, entries: Mapping[str, tuple[str, Entry]], conflicts: list[Mistake], notes: list[Mistake]
    ) -> None:
        """Note what a section found about itself; `entries` tells how and where its fields are written."""
        for mistakes, are_conflicts in ((conflicts, True), (notes, False)):
            for mistake in mistakes:
                place, path = node.place, self.path(node)
                if mistake.path and mistake.path[0] in entries:
                    written, entry = entries[str(mistake.path[0])]
                    place, path = entry.place, self.path(node, written)
                if are_conflicts:
                    self.refuse(Kind.CONFLICT, place, path, mistake)
                else:
                    self.warn(place, path, mistake.message)

    def warn(self, place: Place, path: str, message: str) -> None:
        """Note a warning."""
        self.warnings.append(Problem(Kind.WARNING, place, path, message))


class Fields(dict[str, object]):
    """The values of a section by the names of its fields, with the map they come from."""

    def __init__(self, node: nodes.Mapping) -> None:
        super().__init__()
        self.node = node
        self.entries: dict[str, tuple[str, Entry]] = {}
        """For each field, the key as it is written and its entry."""
        self.misspelt: set[str] = set()
        """Fields that unknown keys were probably meant for."""


def read(model: type[Model], node: Node, reader: Reader) -> Model | None:
    """The model that a node stands for; None when the reader has new problems to report."""
    before = len(reader.problems)
    try:
        section = model.model_validate(node, context=reader)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            _note(dict(details), node, reader)
        return None
    return section if len(reader.problems) == before else None


def _note(details: dict[str, Any], root: Node, reader: Reader) -> None:
    """Turn one of pydantic's errors into problems. Each carries its input: a node, or the fields of a map."""
    data = details["input"]
    node = data.node if isinstance(data, Fields) else data if isinstance(data, Node) else root
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, MistakeError):
        for mistake in cause.mistakes:
            kind = Kind.UNSUPPORTED if mistake.unsupported else Kind.VALUE
            reader.refuse(kind, node.find(mistake.path).place, reader.path(node, *mistake.path), mistake)
    elif details["type"] == "missing":
        key = details["loc"][-1]
        if not (isinstance(data, Fields) and key in data.misspelt):
            reader.refuse(Kind.KEY, node.place, reader.path(node), Mistake(f"the key {key!r} is missing"))
    else:
        reader.refuse(Kind.VALUE, node.place, reader.path(node), Mistake(details["msg"]))
