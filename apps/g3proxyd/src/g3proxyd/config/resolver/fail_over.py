"""The resolver that asks another one when the first fails or is slow."""

from __future__ import annotations

from typing import Annotated, Literal

from ..keys import Aliases
from ..module import NameOf, TypeName
from ..values.duration import Duration
from ..values.mistake import Mistake
from ..values.numbers import U32, Boolean
from .common import QueryingResolverConfig

__all__ = ["FailOverConfig"]


class FailOverConfig(QueryingResolverConfig):
    """Asks one resolver, and another one when the first fails or is slow."""

    type: Annotated[Literal["fail_over"], TypeName("fail_over")] = "fail_over"
    """What the object is."""
    primary: Annotated[str, NameOf("resolver")]
    """The resolver that is asked first."""
    standby: Annotated[str, NameOf("resolver")]
    """The one that is asked when the first has failed, or has not answered in time."""
    fallback_delay: Annotated[Duration, Aliases("delay", "fallback_timeout", "timeout")] = 0.1
    """Time for the first one alone; then both have a chance."""
    negative_ttl: Annotated[U32, Aliases("protective_cache_ttl")] = 30
    """Seconds that it is remembered that both have failed."""
    retry_empty_record: Boolean = False
    """Ask the second one as well when the first knows the name, but no address of the family."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if self.primary == self.standby:
            conflicts.append(Mistake("is the primary one", "another resolver", path=("standby",)))
        return {}
