"""The annotation that tells a field how its value is read, checked and described."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from ..nodes import Node
from .mistake import Mistake, MistakeError

__all__ = ["PATH", "FileValue", "Value", "list_of"]

PATH: Mapping[str, object] = {"type": "string", "minLength": 1}
"""JSON Schema of a path."""


class Value:
    """Annotate a field with it: `Duration = Annotated[float, Value("duration", parse_duration, ...)]`.

    `parse` takes plain data (what a YAML reader gives: text, numbers, booleans, None, lists and maps) and returns the
    value, or raises MistakeError. `schema` is the JSON Schema of the data that it takes. An instance of
    `instance` is a value already and is passed through. `display` writes a default for the documentation.
    """

    __slots__ = ("display", "instance", "name", "parse", "schema")

    def __init__(
        self,
        name: str,
        parse: Callable[[Any], object],
        schema: Mapping[str, object],
        *,
        instance: type | tuple[type, ...] = (),
        display: Callable[[Any], str] = str,
    ) -> None:
        self.name = name
        self.parse = parse
        self.schema = schema
        self.instance = instance
        self.display = display

    def read(self, data: object, info: ValidationInfo) -> object:
        """The value that a node, or plain data, stands for. Raises MistakeError."""
        plain = data.plain() if isinstance(data, Node) else data
        if self.instance and isinstance(plain, self.instance):
            return plain
        return self.parse(plain)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self.read)


class FileValue(Value):
    """A value that is read from files, or is a file; relative paths begin at the folder of the file that names them.

    `load` is `parse` with that folder; plain data come from nowhere, and begin at the working directory.
    """

    __slots__ = ("_load",)

    def __init__(
        self,
        name: str,
        load: Callable[[Any, Path], object],
        schema: Mapping[str, object] = PATH,
        *,
        instance: type | tuple[type, ...] = (),
        display: Callable[[Any], str] = str,
    ) -> None:
        super().__init__(name, lambda data: load(data, Path()), schema, instance=instance, display=display)
        self._load = load

    def read(self, data: object, info: ValidationInfo) -> object:
        """See `Value.read`."""
        if isinstance(data, Node):
            return self._load(data.plain(), data.place.source.path.parent)
        return super().read(data, info)


def list_of(parse: Callable[[Any], object]) -> Callable[[Any], tuple[Any, ...]]:
    """A parser of "one or a list of": a single item is a list of one. Every wrong item is reported."""

    def parse_list(data: object) -> tuple[Any, ...]:
        if not isinstance(data, list | tuple):
            return (parse(data),)
        items: list[object] = []
        mistakes: list[Mistake] = []
        for index, item in enumerate(data):
            try:
                items.append(parse(item))
            except MistakeError as error:
                mistakes += error.under(index)
        if mistakes:
            raise MistakeError(*mistakes)
        return tuple(items)

    return parse_list
