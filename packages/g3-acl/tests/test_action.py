"""Actions: what they say, how strict they are, what they are called."""

import operator
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from g3_acl import AclError, Action, Problem, parse_action
from hypothesis import given
from hypothesis import strategies as st

STRICTEST_FIRST = [Action.FORBID_LOG, Action.FORBID, Action.PERMIT_LOG, Action.PERMIT]


def test_what_they_say() -> None:
    assert list(Action) == STRICTEST_FIRST
    assert [action.permits for action in STRICTEST_FIRST] == [False, False, True, True]
    assert [action.logs for action in STRICTEST_FIRST] == [True, False, True, False]
    assert [action.value for action in STRICTEST_FIRST] == ["forbid_log", "forbid", "permit_log", "permit"]
    assert Action("permit_log") is Action.PERMIT_LOG  # type: ignore[call-arg]  # the value alone finds it


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge, operator.eq])
def test_order(compare: Callable[[Any, Any], bool]) -> None:
    for at, action in enumerate(STRICTEST_FIRST):
        for beside, other in enumerate(STRICTEST_FIRST):
            assert compare(action, other) == compare(at, beside)


def test_strictest() -> None:
    assert min(Action.PERMIT, Action.FORBID, Action.PERMIT_LOG) is Action.FORBID
    with pytest.raises(TypeError):
        assert Action.FORBID < 5


NAMES = {
    Action.FORBID_LOG: ["forbid_log", "deny_log", "reject_log"],
    Action.FORBID: ["forbid", "deny", "reject"],
    Action.PERMIT_LOG: ["permit_log", "allow_log", "accept_log"],
    Action.PERMIT: ["permit", "allow", "accept"],
}


@pytest.mark.parametrize(("action", "name"), [(action, name) for action in NAMES for name in NAMES[action]])
def test_names(action: Action, name: str) -> None:
    for text in (name, name.upper(), name.title(), name.replace("_", "-")):
        assert parse_action(text) is action


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [("forbit", "forbid"), ("Permit_Lok", "permit_log"), ("allowed", "allow"), ("", None)],
)
def test_no_action(text: str, suggestion: str | None) -> None:
    with pytest.raises(AclError) as raised:
        parse_action(text)
    expected = "forbid_log, forbid, permit_log or permit"
    assert raised.value.problems == (Problem((), f"{text!r} is no action", expected, suggestion),)


@given(st.text(max_size=100))
def test_any_text(text: str) -> None:
    with suppress(AclError):
        assert text.lower().replace("-", "_") in NAMES[parse_action(text)]
