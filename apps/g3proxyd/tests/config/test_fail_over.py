"""The keys of fail_over, and what it leads to."""

from collections.abc import Callable

import pytest
from g3proxyd.config import Config
from g3proxyd.config.graph import draw
from g3proxyd.config.resolver import FailOverConfig

Lines = Callable[..., list[str]]

MAIN = """\
resolver:
- {{name: f, type: {type}, primary: {primary}, standby: {standby}, {keys}}}
- {{name: g, type: fail_over, primary: {behind}, standby: s}}
- {{name: p, type: deny_all}}
- {{name: s, type: deny_all}}
"""


def main(
    type_name: str = "fail_over", primary: str = "p", standby: str = "s", keys: str = "", behind: str = "f"
) -> str:
    return MAIN.format(type=type_name, primary=primary, standby=standby, keys=keys, behind=behind)


def test_defaults(config: Callable[..., Config]) -> None:
    resolver = config(main("FailOver")).resolvers["f"]
    assert isinstance(resolver, FailOverConfig)
    assert (resolver.fallback_delay, resolver.negative_ttl, resolver.retry_empty_record) == (0.1, 30, False)
    assert (resolver.graceful_stop_wait, resolver.protective_query_timeout) == (30.0, 60.0)


@pytest.mark.parametrize("key", ["fallback_delay", "delay", "fallback-timeout", "timeout"])
@pytest.mark.parametrize("ttl", ["negative_ttl", "protective_cache_ttl"])
def test_every_key(key: str, ttl: str, config: Callable[..., Config]) -> None:
    keys = f"{key}: 200ms, {ttl}: 3, retry_empty_record: on, graceful_stop_wait: 4, protective_query_timeout: 5"
    assert config(main(keys=keys)).resolvers["f"] == FailOverConfig(
        name="f",
        primary="p",
        standby="s",
        fallback_delay=0.2,
        negative_ttl=3,
        retry_empty_record=True,
        graceful_stop_wait=4.0,
        protective_query_timeout=5.0,
    )


def test_both_have_to_differ(problems: Lines) -> None:
    (problem,) = problems(main(standby="p"))
    assert problem.endswith("resolver f.standby: is the primary one; expected another resolver")


def test_both_have_to_be_there(problems: Lines) -> None:
    (problem,) = problems(main(standby="x"))
    assert "there is no resolver called 'x'" in problem


def test_names_may_not_lead_in_a_circle(problems: Lines) -> None:
    (problem,) = problems(main(primary="g"))
    assert "the names lead in a circle: resolver f -> resolver g -> resolver f" in problem
    (problem,) = problems(main(behind="g"))
    assert "the names lead in a circle: resolver g -> resolver g" in problem


def test_the_graph_shows_what_it_leads_to(config: Callable[..., Config]) -> None:
    drawn = draw(config(main()), "mermaid")
    assert drawn.count("-.->") == 4
