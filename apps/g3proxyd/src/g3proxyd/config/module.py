"""The base of the named objects: servers, escapers and resolvers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import ValidationInfo

from .keys import any_case, squash
from .nodes import Node, Sequence
from .reading import Reader, Reference
from .section import Section
from .values.mistake import show, wrong
from .values.text import NodeName, parse_node_name
from .values.value import Value, list_of

__all__ = ["NAME_SCHEMA", "ModuleConfig", "NameOf", "NamesOf", "TypeName"]

NAME_SCHEMA: Mapping[str, object] = {"type": "string", "minLength": 1}


class TypeName(Value):
    """Annotate `type` with it: the type's name, other names, and each without its underscores, in any case."""

    __slots__ = ("names",)

    def __init__(self, name: str, *aliases: str) -> None:
        self.names = (name, *aliases)
        pattern = "|".join(any_case(word) for alias in self.names for word in dict.fromkeys((alias, squash(alias))))
        super().__init__(f"type name {name}", self._parse, {"type": "string", "pattern": f"^({pattern})$"})

    def _parse(self, data: object) -> str:
        if isinstance(data, str) and squash(data) in map(squash, self.names):
            return self.names[0]
        raise wrong(f"{show(data)} is not the type {self.names[0]}", expected=self.names[0])


class NameOf(Value):
    """Annotate a key with it whose value is the name of another object of this kind."""

    __slots__ = ("kind",)

    def __init__(
        self,
        kind: str,
        name: str = "",
        parse: Callable[[Any], object] = parse_node_name,
        schema: Mapping[str, object] = NAME_SCHEMA,
        display: Callable[[Any], str] = str,
    ) -> None:
        """What comes behind ``kind`` is for values that hold several names; see `Value`."""
        self.kind = kind
        article = "an" if kind[0] in "aeiou" else "a"
        super().__init__(name or f"name of {article} {kind}", parse, schema, display=display)

    def names(self, value: Any) -> Iterable[str]:
        """The names in a value that was read."""
        return iter((value,))

    def places(self, node: Node) -> Iterable[Node]:
        """The nodes of a right value that hold a name and nothing else."""
        return (node,)

    def read(self, data: object, info: ValidationInfo) -> object:
        value = self.parse(data.plain() if isinstance(data, Node) else data)
        if isinstance(data, Node) and isinstance(info.context, Reader):
            places = self.places(data)
            info.context.references += [Reference(self.kind, str(place.plain()), place) for place in places]
        return value


class NamesOf(NameOf):
    """Annotate a key with it whose value is the name of another object of this kind, or a list of such names."""

    __slots__ = ()

    def __init__(self, kind: str) -> None:
        schema = {"anyOf": [NAME_SCHEMA, {"type": "array", "items": NAME_SCHEMA}]}
        super().__init__(kind, f"name of {kind}, or list of them", list_of(parse_node_name), schema, ", ".join)

    def names(self, value: tuple[str, ...]) -> Iterable[str]:
        return value

    def places(self, node: Node) -> Iterable[Node]:
        return node.items if isinstance(node, Sequence) else (node,)


class ModuleConfig(Section):
    """A named object."""

    name: NodeName
    """The name: unique among the objects of its kind, used by references, logs and metrics."""
    type: str
    """What the object is."""
