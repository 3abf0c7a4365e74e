"""The base of the named objects: servers, escapers and resolvers."""

from __future__ import annotations

from pydantic import ValidationInfo

from .keys import any_case, squash
from .nodes import Node
from .reading import Reader, Reference
from .section import Section
from .values.mistake import show, wrong
from .values.text import NodeName, parse_node_name
from .values.value import Value

__all__ = ["ModuleConfig", "NameOf", "TypeName"]


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

    def __init__(self, kind: str) -> None:
        self.kind = kind
        article = "an" if kind[0] in "aeiou" else "a"
        super().__init__(f"name of {article} {kind}", parse_node_name, {"type": "string", "minLength": 1})

    def read(self, data: object, info: ValidationInfo) -> object:
        name = parse_node_name(data.plain() if isinstance(data, Node) else data)
        if isinstance(data, Node) and isinstance(info.context, Reader):
            info.context.references.append(Reference(self.kind, name, data))
        return name


class ModuleConfig(Section):
    """A named object."""

    name: NodeName
    """The name: unique among the objects of its kind, used by references, logs and metrics."""
    type: str
    """What the object is."""
