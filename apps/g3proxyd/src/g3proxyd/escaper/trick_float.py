"""The escaper that picks one of several whose ways out are published."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..upstream import Upstream
from .base import Escaper, TaskIdentity
from .floating import Floating, not_usable
from .route import Route

if TYPE_CHECKING:
    from ..config.escaper import TrickFloatConfig


class TrickFloatEscaper(Route):
    """g3's ``trick_float``."""

    type_name = "TrickFloat"

    def __init__(self, config: "TrickFloatConfig", escapers: Mapping[str, Escaper]) -> None:
        """``escapers`` are those that exist, by their names."""
        self._next = [escapers[name] for name in config.next]
        super().__init__(config.name, self._next)

    def choose(self, upstream: Upstream, task: TaskIdentity) -> Escaper:
        """One with many ways is chosen more often than one with few, and one without any never."""
        weights = [escaper.ways if isinstance(escaper, Floating) else 0 for escaper in self._next]
        if not any(weights):
            raise not_usable("none of the next escapers has a way out")
        return random.choices(self._next, weights)[0]  # noqa: S311 - it spreads load
