"""The escaper that picks one of several whose ways out are published."""

from __future__ import annotations

from typing import Annotated, Literal

from ..module import NamesOf, TypeName
from ..values.mistake import Mistake
from .common import EscaperConfig

__all__ = ["TrickFloatConfig"]


class TrickFloatConfig(EscaperConfig):
    """Picks one of several escapers at random, each as often as it has published ways out."""

    type: Annotated[Literal["trick_float"], TypeName("trick_float")] = "trick_float"
    """What the object is."""
    next: Annotated[tuple[str, ...], NamesOf("escaper")]
    """The escapers, which are of the types `direct_float` and `proxy_float`. A name that comes twice counts once."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if not self.next:
            conflicts.append(Mistake("the list is empty", expected="the name of an escaper", path=("next",)))
        return {"next": tuple(dict.fromkeys(self.next))}
