"""Keys that hold a map of one of several kinds, or something shorter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError, ValidationInfo

from . import nodes
from .keys import normalise
from .reading import Reader, read
from .section import Section
from .values.mistake import MistakeError, nearest, show, wrong
from .values.value import Value

__all__ = ["SectionChoice"]


class SectionChoice(Value):
    """Annotate a key with it whose value is a map that has a `type`, or something that stands for such a map."""

    __slots__ = ("_expand", "sections", "short_schemas")

    def __init__(
        self,
        name: str,
        sections: Mapping[str, type[Section]],
        expand: Callable[[object], dict[str, object]],
        *short_schemas: Mapping[str, object],
        display: Callable[[Any], str],
    ) -> None:
        """``expand`` returns the map that something else stands for, or raises MistakeError."""
        self.sections = sections
        self.short_schemas = short_schemas
        self._expand = expand
        forms = {"anyOf": [{"type": "object"}, *short_schemas]}
        super().__init__(name, self._parse, forms, instance=tuple(sections.values()), display=display)

    def read(self, data: object, info: ValidationInfo) -> object:
        """The same with the place of each mistake, where there are places."""
        if not isinstance(data, nodes.Mapping) or not isinstance(info.context, Reader):
            return super().read(data, info)
        section = read(self._model(data.plain()), data, info.context)
        if section is None:
            raise MistakeError  # what is wrong has been said
        return section

    def _model(self, data: Any) -> type[Section]:
        kind = next((value for key, value in data.items() if normalise(str(key)) == "type"), None)
        model = self.sections.get(normalise(kind)) if isinstance(kind, str) else None
        if model is None:
            meant = nearest(kind, self.sections) if isinstance(kind, str) else None
            said = "the key 'type' is missing" if kind is None else f"{show(kind)} is no type that goes here"
            raise wrong(said, expected=f"one of {', '.join(self.sections)}", suggestion=meant)
        return model

    def _parse(self, data: object) -> Section:
        plain = data if isinstance(data, dict) else self._expand(data)
        try:
            return self._model(plain).model_validate(plain)
        except ValidationError as error:
            first = error.errors()[0]
            said = first.get("ctx", {}).get("error") or first["msg"]
            raise wrong(f"{'.'.join(map(str, first['loc']))}: {said}") from None
