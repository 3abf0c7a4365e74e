"""The escaper that lets the request choose by a number."""

from __future__ import annotations

from typing import Annotated, Literal

from ..module import NamesOf, TypeName
from ..values.mistake import Mistake
from .common import EscaperConfig

__all__ = ["RouteMappingConfig"]


class RouteMappingConfig(EscaperConfig):
    """Chooses the next escaper by the number in the request's path selection, or by chance without one."""

    type: Annotated[Literal["route_mapping"], TypeName("route_mapping")] = "route_mapping"
    """What the object is."""
    next: Annotated[tuple[str, ...], NamesOf("escaper")]
    """The escapers, the first of which has the number 1. None may be there twice."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if not self.next:
            conflicts.append(Mistake("there is nowhere to go", expected="at least one escaper", path=("next",)))
        twice = next((name for number, name in enumerate(self.next) if name in self.next[:number]), None)
        if twice is not None:
            conflicts.append(Mistake(f"{twice} is there twice", expected="each escaper once", path=("next",)))
        return {}
