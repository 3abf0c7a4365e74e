"""Keys that hold several maps of one kind."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, Literal, TypeVar

from pydantic import ValidationError, ValidationInfo

from .nodes import Node, Sequence
from .reading import Reader, read
from .section import Section
from .values.mistake import MistakeError, wrong
from .values.value import Value

__all__ = ["SectionList"]

S = TypeVar("S", bound=Section)

_MAP: dict[str, object] = {"type": "object"}


class SectionList(Value):
    """Annotate a key with it whose value is one map of this kind, or a list of so many at least."""

    __slots__ = ("least", "section")

    def __init__(self, section: type[Section], least: Literal[0, 1] = 0) -> None:
        self.section = section
        self.least = least
        name = f"[{section.__name__}](#{section.__name__.lower()}), or list of them"
        forms = {"anyOf": [_MAP, {"type": "array", "items": _MAP, "minItems": least}]}
        super().__init__(name, self._parse, forms, display=lambda sections: "")

    def read(self, data: object, info: ValidationInfo) -> object:
        """The same with the place of each mistake, where there are places."""
        if not isinstance(data, Node) or not isinstance(info.context, Reader):
            return super().read(data, info)
        items = data.items if isinstance(data, Sequence) else (data,)
        self._count(items)
        sections = [read(self.section, item, info.context) for item in items]
        if None in sections:
            raise MistakeError  # what is wrong has been said
        return tuple(sections)

    def _parse(self, data: Any) -> tuple[Section, ...]:
        items = data if isinstance(data, list | tuple) else [data]
        self._count(items)
        try:
            return tuple(self.section.model_validate(item) for item in items)
        except ValidationError as error:
            raise wrong("; ".join(details["msg"] for details in error.errors())) from None

    def _count(self, items: Sized) -> None:
        if len(items) < self.least:
            raise wrong("the list is empty", expected="a map, or a list of maps")
