"""Problems and the exceptions that carry them."""

import pytest
from g3_acl import AclError, HostError, PatternError, Problem
from g3_acl._errors import MAX_TOLD

WHOLE = Problem(("forbid", 3), "'x' is no network", "a network", "10.0.0.0/8")


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem((), "wrong"), "wrong"),
        (Problem((), "wrong", "right"), "wrong; expected right"),
        (Problem((), "wrong", "right", "this"), "wrong; perhaps this"),
        (Problem(("forbid", 3), "wrong"), "forbid: 3: wrong"),
        (WHOLE, "forbid: 3: 'x' is no network; perhaps 10.0.0.0/8"),
    ],
)
def test_problem_for_people(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_problem_is_frozen() -> None:
    with pytest.raises(AttributeError):
        WHOLE.message = "right"  # type: ignore[misc]


def test_acl_error_holds_all_problems() -> None:
    error = AclError(Problem((), "a"), Problem((1,), "b"))
    assert isinstance(error, ValueError)
    assert error.problems == (Problem((), "a"), Problem((1,), "b"))
    assert str(error) == "a; 1: b"


def test_message_of_many_problems_is_short() -> None:
    assert MAX_TOLD == 20
    assert str(AclError(*[Problem((), "a")] * 20)) == "; ".join(["a"] * 20)
    error = AclError(*[Problem((), "a")] * 22)
    assert str(error) == "; ".join(["a"] * 20) + "; 2 more"
    assert len(error.problems) == 22


def test_under() -> None:
    error = AclError(Problem((), "a"), Problem((1,), "b", "c", "d"))
    assert error.under() == error.problems
    assert error.under("forbid", 2) == (Problem(("forbid", 2), "a"), Problem(("forbid", 2, 1), "b", "c", "d"))
    assert error.under(0, expected="e") == (Problem((0,), "a", "e"), Problem((0, 1), "b", "c", "d"))


@pytest.mark.parametrize("kind", [HostError, PatternError])
def test_kinds_with_one_problem(kind: type[HostError] | type[PatternError]) -> None:
    error = kind("wrong")
    assert isinstance(error, AclError)
    assert str(error) == "wrong"
    assert error.problems == (Problem((), "wrong"),)
