"""The base of every map in the configuration: spelling of keys, old names, and refusals by name.

A section is a pydantic model. Its values arrive as nodes, which know their places, or as plain Python data when a
program or a test builds a configuration by hand; either way the fields' own annotations read them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationInfo, model_validator
from pydantic.fields import FieldInfo

from . import nodes
from .errors import Kind
from .keys import Aliases, NoEffect, NotYet, OldNames, normalise
from .nodes import Node
from .reading import Fields, Reader
from .values.mistake import Mistake, MistakeError, nearest, show, wrong
from .values.value import Value

__all__ = ["Key", "Section", "keys_of", "value_of"]


class Section(BaseModel):
    """A map of the configuration. Fields are keys; their docstrings are the documentation."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True, arbitrary_types_allowed=True
    )

    not_yet: ClassVar[str] = ""
    """Why no key of this section may be used yet, if that is so."""
    short_schema: ClassVar[Mapping[str, object] | None] = None
    """JSON Schema of the forms that `from_short` takes, if there are any."""
    short_forms: ClassVar[str] = ""
    """The same for people."""

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        """The keys and values that something other than a map stands for. Raises MistakeError."""
        expected = f"a map, {cls.short_forms}" if cls.short_forms else "a map"
        raise wrong(f"{show(data)} is not a map", expected=expected)

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        """Look at the section as a whole: append what does not fit together, and what is worth a warning.

        The `path` of each names the key that is to blame. Returns the fields to change, with their new values.
        """
        return {}

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, data: object, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if isinstance(data, cls):
            return data
        reader: Reader = info.context or Reader("")
        node = data if isinstance(data, Node) else None
        if isinstance(data, nodes.Mapping):
            data = cls._fields(data, reader)
        elif not isinstance(data, dict):
            data = cls.from_short(data.plain() if isinstance(data, Node) else data)
        section = handler(data)
        conflicts: list[Mistake] = []
        notes: list[Mistake] = []
        # The section is not visible to anybody yet, and pydantic wants the same object back.
        section.__dict__.update(section.settle(conflicts, notes))
        if node is not None:
            entries = data.entries if isinstance(data, Fields) else {}
            reader.report(node, entries, conflicts, notes)
        elif conflicts:
            raise MistakeError(*conflicts)
        return section

    @classmethod
    def _fields(cls, node: nodes.Mapping, reader: Reader) -> Fields:
        """Sort the entries of a map into fields; refuse, warn about and leave out what is not one."""
        fields = Fields(node)
        spellings = spellings_of(cls)
        for written, entry in node.entries.items():
            path = reader.path(node, written)
            key = spellings.get(normalise(written))
            if key is None:
                meant = nearest(normalise(written), spellings)
                if meant is not None:
                    fields.misspelt.add(spellings[meant].field)
                reader.refuse(Kind.KEY, entry.place, path, Mistake("unknown key", suggestion=meant))
            elif key.not_yet:
                reader.refuse(Kind.UNSUPPORTED, entry.place, path, Mistake(f"not supported yet: {key.not_yet}"))
            elif key.field in fields:
                other, earlier = fields.entries[key.field]
                message = f"given twice: also as {other!r} at {earlier.place}"
                reader.refuse(Kind.KEY, entry.place, path, Mistake(message))
            else:
                fields[key.field] = entry.value
                fields.entries[key.field] = (written, entry)
                if key.deprecated:
                    reader.warn(entry.place, path, f"deprecated key; use {key.field!r}")
                if key.no_effect:
                    reader.warn(entry.place, path, f"has no effect here: {key.no_effect}")
        return fields


@dataclass(frozen=True, slots=True)
class Key:
    """A key as documentation lists it: its field, its other names, and whether it may be used."""

    name: str
    field: str
    aliases: tuple[str, ...] = ()
    deprecated: bool = False
    not_yet: str = ""
    no_effect: str = ""


@cache
def keys_of(section: type[Section]) -> tuple[Key, ...]:
    """Every key of a section, in the order of the fields, old names included."""
    fields = section.model_fields.items()
    return tuple(key for name, info in fields for key in _keys_of_field(name, info, section.not_yet))


@cache
def spellings_of(section: type[Section]) -> Mapping[str, Key]:
    """Every accepted spelling of a section's keys, normalised."""
    return {name: key for key in keys_of(section) for name in (key.name, *key.aliases)}


def value_of(info: FieldInfo) -> Value | type[Section] | None:
    """How a field is read: a value type or a section; None when anything goes."""
    found = next((item for item in info.metadata if isinstance(item, Value)), None)
    return found or _value_in(info.annotation)


def _value_in(annotation: object) -> Value | type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    parts = (*getattr(annotation, "__metadata__", ()), *get_args(annotation))
    return next((found for part in parts if (found := part if isinstance(part, Value) else _value_in(part))), None)


def _keys_of_field(name: str, info: FieldInfo, not_yet: str) -> Iterator[Key]:
    aliases: tuple[str, ...] = ()
    old: tuple[str, ...] = ()
    no_effect = ""
    for item in info.metadata:
        if isinstance(item, Aliases):
            aliases = item
        elif isinstance(item, OldNames):
            old = item
        elif isinstance(item, NotYet):
            not_yet = item.reason
        elif isinstance(item, NoEffect):
            no_effect = item.reason
    yield Key(name, name, tuple(aliases), not_yet=not_yet, no_effect=no_effect)
    if old:
        yield Key(old[0], name, tuple(old[1:]), deprecated=True, not_yet=not_yet, no_effect=no_effect)
