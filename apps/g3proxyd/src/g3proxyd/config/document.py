"""Reading YAML into nodes that know their places.

The nodes are built from libyaml's events rather than with PyYAML's `compose`: that one recurses in C without a limit,
knows keys only as values, and resolves scalars by YAML 1.1. Nothing but plain scalars, lists and maps is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml

from .errors import Kind, Problem
from .nodes import Entry, KeyPath, Mapping, Node, Place, Scalar, Sequence, Source
from .scalars import resolve
from .values.mistake import show

__all__ = ["MAX_DEPTH", "MAX_NODES", "read_documents"]

MAX_DEPTH = 64  # the deepest key of the configuration language is at 12
MAX_NODES = 500_000  # aliases count with all that they stand for: nine lines of them could stand for billions

_TAG = "tag:yaml.org,2002:"
_SCALAR_TAGS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "null": (type(None),),
}


@dataclass(slots=True, eq=False)
class _Open:
    """A list or map whose end has not come yet."""

    place: Place
    path: KeyPath
    anchor: str | None
    count: int
    """How many nodes there were before it."""
    mapping: bool
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    key: tuple[Place, str | None] | None = None
    """The key whose value comes next; its text is None when the value is to be thrown away."""

    def close(self) -> Node:
        if self.mapping:
            return Mapping(self.place, self.path, self.entries)
        return Sequence(self.place, self.path, tuple(self.items))

    def child_path(self) -> KeyPath:
        if not self.mapping:
            return (*self.path, len(self.items))
        return (*self.path, self.key[1] or "?") if self.key else self.path


class _Stop(Exception):  # noqa: N818 - leaves the loop over events, is no error of its own
    """The rest of the file cannot be read."""


class _Composer:
    """Builds the nodes of one file."""

    def __init__(self, source: Source, problems: list[Problem]) -> None:
        self.source = source
        self.problems = problems
        self.documents: list[Node] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._count = 0

    def take(self, event: yaml.Event) -> None:
        """Build on with one event of libyaml."""
        if isinstance(event, yaml.DocumentStartEvent):
            self._anchors.clear()
            self._count = 0
            return
        if not isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            return
        mark = event.start_mark
        place = Place(self.source, mark.line + 1, mark.column + 1) if mark else Place(self.source, 1, 1)
        if isinstance(event, yaml.AliasEvent):
            self._attach(place, self._alias(event.anchor or "", place))
        elif isinstance(event, yaml.ScalarEvent):
            scalar = Scalar(place, self._path(), self._scalar(event, place))
            self._count_nodes(1, place)
            if event.anchor:
                self._anchors[event.anchor] = (scalar, 1)
            self._attach(place, scalar)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event, place)
        else:
            begun = self._open.pop()
            node = begun.close()
            if begun.anchor:
                self._anchors[begun.anchor] = (node, self._count - begun.count)
            self._attach(begun.place, node)

    def refuse(self, place: Place, message: str, expected: str = "", *, kind: Kind = Kind.SYNTAX) -> None:
        """Report a problem with the text."""
        self.problems.append(Problem(kind, place, "", message, expected))

    def _path(self) -> KeyPath:
        return self._open[-1].child_path() if self._open else ()

    def _begin(self, event: yaml.CollectionStartEvent, place: Place) -> None:
        mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, "!", _TAG + ("map" if mapping else "seq")):
            self.refuse(place, f"the tag {show(event.tag)} is not allowed", "plain YAML without tags")
        if len(self._open) >= MAX_DEPTH:
            self.refuse(place, "too many lists and maps inside each other", f"at most {MAX_DEPTH} levels")
            raise _Stop
        self._open.append(_Open(place, self._path(), event.anchor, self._count, mapping))
        self._count_nodes(1, place)

    def _alias(self, anchor: str, place: Place) -> Node:
        if any(begun.anchor == anchor for begun in self._open):
            self.refuse(place, f"the alias {show('*' + anchor)} stands for something that contains it")
            raise _Stop
        if anchor not in self._anchors:
            self.refuse(place, f"there is no anchor {show('&' + anchor)} above")
            raise _Stop
        node, weight = self._anchors[anchor]
        self._count_nodes(weight, place)
        return node

    def _count_nodes(self, weight: int, place: Place) -> None:
        self._count += weight
        if self._count > MAX_NODES:
            self.refuse(place, "too many values; aliases count with all that they stand for", f"at most {MAX_NODES}")
            raise _Stop

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> str | int | float | bool | None:
        text: str = event.value
        if event.tag is None or event.tag == "!":
            value = resolve(text) if event.implicit[0] and event.tag is None else text
            # Some maps have numbers as keys; any other spelling (010, 0x10) stays a number, and is refused as a key.
            return text if self._expects_key() and type(value) is int and text == str(value) else value
        name = event.tag.removeprefix(_TAG)
        allowed = _SCALAR_TAGS.get(name) if name != event.tag else None
        value = text if name == "str" else resolve(text)
        if allowed is None:
            self.refuse(place, f"the tag {show(event.tag)} is not allowed", "plain YAML without tags")
        elif not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            self.refuse(place, f"{show(text)} does not fit its tag !!{name}")
        return value

    def _expects_key(self) -> bool:
        return bool(self._open) and self._open[-1].mapping and self._open[-1].key is None

    def _attach(self, place: Place, node: Node) -> None:
        """Put a finished node where it belongs: into the list, after its key, or as a key itself."""
        if not self._open:
            self.documents.append(node)
            return
        parent = self._open[-1]
        if not parent.mapping:
            parent.items.append(node)
        elif parent.key is None:
            parent.key = (place, self._key(parent, place, node))
        else:
            key_place, key = parent.key
            parent.key = None
            if key is not None:
                parent.entries[key] = Entry(key_place, node)

    def _key(self, parent: _Open, place: Place, node: Node) -> str | None:
        value = node.value if isinstance(node, Scalar) else node.plain()
        if not isinstance(value, str):
            self.refuse(
                place, f"{show(value)} is not text, as a key has to be", "text; put it in quotes", kind=Kind.KEY
            )
            return None
        if value == "<<":
            self.refuse(place, "merge keys are not part of the configuration language", kind=Kind.KEY)
            return None
        if value in parent.entries:
            earlier = parent.entries[value].place
            self.refuse(place, f"the key {show(value)} is given twice: also at {earlier}", kind=Kind.KEY)
            return None
        return value


def read_documents(source: Source, problems: list[Problem]) -> list[Node]:
    """The documents of a file. What is wrong with the text is appended to `problems`; the rest is returned."""
    composer = _Composer(source, problems)
    try:
        for event in yaml.parse(source.text, Loader=yaml.CSafeLoader):
            composer.take(event)
    except _Stop:
        pass
    except yaml.YAMLError as error:
        _refuse_syntax(composer, error)
    return composer.documents


def _refuse_syntax(composer: _Composer, error: yaml.YAMLError) -> None:
    source = composer.source
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        last = source.text.count("\n") + 1
        line, column = (min(mark.line + 1, last), mark.column + 1) if mark else (1, 1)
        message = ", ".join(part for part in (error.context, error.problem) if part)
    else:
        # A character that YAML forbids: the reader tells its position in the encoded text.
        before = source.text.encode()[: getattr(error, "position", 0)].decode(errors="ignore")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = str(getattr(error, "reason", error))
    hint = ""
    if "cannot start any token" in message:
        char = source.line(line)[column - 1 : column]
        hint = "spaces; YAML does not indent with tabs" if char == "\t" else f"quotes around what begins with {char}"
    composer.refuse(Place(source, line, column), f"not valid YAML: {message}", hint)
