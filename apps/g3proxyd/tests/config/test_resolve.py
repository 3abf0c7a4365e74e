"""Resolve strategies."""

from collections.abc import Callable

import pytest
from g3proxyd.config.values.resolve import (
    PickStrategy,
    QueryStrategy,
    ResolveStrategy,
    parse_pick_strategy,
    parse_query_strategy,
)
from pydantic import ValidationError


@pytest.mark.parametrize("text", ["ipv4_first", "IPv4First", "ipv4-first", "IPV4_FIRST"])
def test_query_is_spelled_in_many_ways(text: str) -> None:
    assert parse_query_strategy(text) is QueryStrategy.IPV4_FIRST


@pytest.mark.parametrize("strategy", QueryStrategy)
def test_query(strategy: QueryStrategy) -> None:
    assert parse_query_strategy(strategy.value) is strategy


@pytest.mark.parametrize(
    ("text", "strategy"),
    [("Random", PickStrategy.RANDOM), ("first", PickStrategy.FIRST), ("SERIAL", PickStrategy.FIRST)],
)
def test_pick(text: str, strategy: PickStrategy) -> None:
    assert parse_pick_strategy(text) is strategy


def test_wrong(refused: Callable[..., list[str]]) -> None:
    queries = "expected one of ipv4_only, ipv6_only, ipv4_first, ipv6_first"
    assert refused(parse_query_strategy, "ipv4onli") == [
        f"'ipv4onli' is not a query strategy; {queries}; suggested ipv4_only"
    ]
    assert refused(parse_query_strategy, 4) == [f"4 is not a query strategy; {queries}"]
    picks = "expected one of random, first, serial"
    assert refused(parse_pick_strategy, "rand") == [f"'rand' is not a pick strategy; {picks}; suggested random"]
    assert refused(parse_pick_strategy, None) == [f"nothing is not a pick strategy; {picks}"]


def test_strategy() -> None:
    assert ResolveStrategy.model_validate("ipv6only") == ResolveStrategy(query=QueryStrategy.IPV6_ONLY)
    assert ResolveStrategy.model_validate({"pick": "first"}) == ResolveStrategy(
        query=QueryStrategy.IPV4_FIRST, pick=PickStrategy.FIRST
    )
    with pytest.raises(ValidationError, match="4 is not a resolve strategy"):
        ResolveStrategy.model_validate(4)
