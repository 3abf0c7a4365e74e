"""Which addresses of a name to use."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeAlias

from ..keys import any_case, squash
from ..section import Section
from .mistake import nearest, show, wrong
from .value import Value

__all__ = ["PickStrategy", "QueryStrategy", "ResolveStrategy", "parse_pick_strategy", "parse_query_strategy"]


class QueryStrategy(enum.Enum):
    """Which address families to ask for, and which comes first."""

    IPV4_ONLY = "ipv4_only"
    IPV6_ONLY = "ipv6_only"
    IPV4_FIRST = "ipv4_first"
    IPV6_FIRST = "ipv6_first"


class PickStrategy(enum.Enum):
    """Which of the addresses of a family come first."""

    RANDOM = "random"
    FIRST = "first"
    """The order of the answer; `serial` is the same."""


def parse_query_strategy(data: object) -> QueryStrategy:
    """ipv4_only, ipv6_only, ipv4_first or ipv6_first in any case, with or without `_` or `-`."""
    known = {squash(strategy.value): strategy for strategy in QueryStrategy}
    if isinstance(data, str) and squash(data) in known:
        return known[squash(data)]
    names = [strategy.value for strategy in QueryStrategy]
    raise wrong(
        f"{show(data)} is not a query strategy",
        expected=f"one of {', '.join(names)}",
        suggestion=nearest(data.lower(), names) if isinstance(data, str) else None,
    )


def parse_pick_strategy(data: object) -> PickStrategy:
    """random, first or serial, in any case."""
    known = {"random": PickStrategy.RANDOM, "first": PickStrategy.FIRST, "serial": PickStrategy.FIRST}
    if isinstance(data, str) and data.lower() in known:
        return known[data.lower()]
    raise wrong(
        f"{show(data)} is not a pick strategy",
        expected="one of random, first, serial",
        suggestion=nearest(data.lower(), known) if isinstance(data, str) else None,
    )


_QUERY = {"type": "string", "pattern": f"^{any_case('ipv')}[46][_-]?({any_case('only')}|{any_case('first')})$"}
_PICK = {"type": "string", "pattern": f"^({'|'.join(map(any_case, ('random', 'first', 'serial')))})$"}

_Query: TypeAlias = Annotated[
    QueryStrategy,
    Value(
        "query strategy",
        parse_query_strategy,
        _QUERY,
        instance=QueryStrategy,
        display=lambda strategy: str(strategy.value),
    ),
]
_Pick: TypeAlias = Annotated[
    PickStrategy,
    Value(
        "pick strategy",
        parse_pick_strategy,
        _PICK,
        instance=PickStrategy,
        display=lambda strategy: str(strategy.value),
    ),
]


class ResolveStrategy(Section):
    """Which address families to ask for, and which addresses to try first."""

    short_schema: ClassVar[Mapping[str, object] | None] = _QUERY
    short_forms: ClassVar[str] = "a query strategy"

    query: _Query = QueryStrategy.IPV4_FIRST
    """ipv4_only, ipv6_only, ipv4_first or ipv6_first."""
    pick: _Pick = PickStrategy.RANDOM
    """random, or first (also serial): the order of the answer."""

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        if isinstance(data, str):
            return {"query": parse_query_strategy(data)}
        raise wrong(f"{show(data)} is not a resolve strategy", expected=f"a map or {cls.short_forms}")
