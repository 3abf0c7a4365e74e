"""Escapers of which some keys are still to come, or lead nowhere without others."""

from collections.abc import Callable

from g3proxyd.config import Config
from g3proxyd.config.escaper import TrickFloatConfig

Lines = Callable[..., list[str]]
Read = Callable[..., Config]

DENY = "{name: deny, type: dummy_deny}"


def test_an_auditor_is_still_to_come(problems: Lines, config: Read) -> None:
    text = f"escaper: [{{name: a, type: ComplyAudit, next: deny%s}}, {DENY}]"
    assert list(config(text % "").escapers) == ["a", "deny"]
    (problem,) = problems(text % ", auditor: x")
    assert "a.auditor: not supported yet: inspection of traffic arrives with the auditors" in problem
    (problem,) = problems(f"escaper: [{{name: a, type: comply_audit}}, {DENY}]")
    assert "the key 'next' is missing" in problem


def test_only_escapers_with_published_ways_can_be_weighed(problems: Lines, config: Read) -> None:
    floats = "{name: d, type: direct_float, resolver: r}, {name: p, type: proxy_float}"
    text = (
        f"escaper: [{{name: a, type: TrickFloat, next: %s}}, {floats}, {DENY}]\nresolver: [{{name: r, type: deny_all}}]"
    )
    found = config(text % "[d, p, d]").escapers["a"]
    assert isinstance(found, TrickFloatConfig)
    assert found.next == ("d", "p")
    assert config(text % "p").warnings == ()
    (problem,) = problems(text % "[p, deny]")
    assert "a.next[1]: the escaper deny takes nothing published; expected one of direct_float or proxy_float" in problem
    (problem,) = problems(text % "[]")
    assert "a.next: the list is empty" in problem
    (problem,) = problems(text % "[q]")
    assert "there is no escaper called 'q'" in problem


def test_where_to_divert_to(problems: Lines, config: Read) -> None:
    assert config("escaper: [{name: a, type: DivertTcp, proxy_addr: 192.0.2.1}]").warnings == ()
    (problem,) = problems("escaper: [{name: a, type: divert_tcp, proxy_addr: a.test}]")
    assert "a.proxy_addr: a resolver is needed for a.test" in problem
