"""The escaper that has another one in reserve."""

from __future__ import annotations

from typing import Annotated, Literal

from ..keys import Aliases
from ..module import NameOf, TypeName
from ..values.duration import Duration
from ..values.mistake import Mistake
from .common import EscaperConfig

__all__ = ["RouteFailoverConfig"]


class RouteFailoverConfig(EscaperConfig):
    """Connects through one escaper, and through another one when the first fails or is slow."""

    type: Annotated[Literal["route_failover"], TypeName("route_failover")] = "route_failover"
    """What the object is."""
    primary_next: Annotated[str, NameOf("escaper"), Aliases("primary")]
    """The escaper that is tried first."""
    standby_next: Annotated[str, NameOf("escaper"), Aliases("standby")]
    """The escaper that steps in."""
    fallback_delay: Annotated[Duration, Aliases("delay", "fallback_timeout", "timeout")] = 0.1
    """The head start of the first."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if self.primary_next == self.standby_next:
            notes.append(Mistake("is the primary escaper itself", path=("standby_next",)))
        return {}
