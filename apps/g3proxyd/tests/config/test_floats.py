"""Escapers of which some keys are still to come, or lead nowhere without others."""

from collections.abc import Callable

from g3proxyd.config import Config

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


def test_where_to_divert_to(problems: Lines, config: Read) -> None:
    assert config("escaper: [{name: a, type: DivertTcp, proxy_addr: 192.0.2.1}]").warnings == ()
    (problem,) = problems("escaper: [{name: a, type: divert_tcp, proxy_addr: a.test}]")
    assert "a.proxy_addr: a resolver is needed for a.test" in problem
