"""The keys that resolvers share."""

from __future__ import annotations

from typing import Annotated

from ..keys import Aliases
from ..module import ModuleConfig
from ..values.duration import Duration
from ..values.mistake import Mistake
from ..values.numbers import U32

__all__ = ["CachingResolverConfig", "QueryingResolverConfig", "ResolverConfig"]


class ResolverConfig(ModuleConfig):
    """What every resolver has."""


class QueryingResolverConfig(ResolverConfig):
    """What every resolver has that asks others."""

    graceful_stop_wait: Duration = 30.0
    """Time for running queries to end when the resolver is stopped."""
    protective_query_timeout: Duration = 60.0
    """The longest that one query may take, whatever its driver does."""


class CachingResolverConfig(QueryingResolverConfig):
    """What every resolver has that asks name servers and remembers their answers."""

    positive_min_ttl: U32 = 30
    """Seconds that an answer with addresses is kept at least."""
    positive_max_ttl: Annotated[U32, Aliases("positive_ttl", "max_cache_ttl", "maximum_cache_ttl")] = 3600
    """Seconds that an answer with addresses is kept at most."""
    negative_min_ttl: Annotated[U32, Aliases("negative_ttl", "protective_cache_ttl")] = 30
    """Seconds that an answer without addresses is kept."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if self.positive_max_ttl >= self.positive_min_ttl:
            return {}
        message = f"{self.positive_max_ttl} is below positive_min_ttl: {self.positive_min_ttl} is used"
        notes.append(Mistake(message, path=("positive_max_ttl",)))
        return {"positive_max_ttl": self.positive_min_ttl}
