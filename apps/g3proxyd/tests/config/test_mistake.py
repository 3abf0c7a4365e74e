"""Mistakes, and how data is quoted in them."""

import pytest
from g3proxyd.config.values.mistake import MAX_SHOWN, Mistake, MistakeError, nearest, show, wrong
from hypothesis import given
from hypothesis import strategies as st


def test_one_mistake() -> None:
    error = wrong("no", expected="yes", suggestion="ye", path=("a", 1))
    assert error.mistakes == (Mistake("no", "yes", "ye", ("a", 1)),)
    assert str(error) == "no"


def test_mistakes_seen_from_outside() -> None:
    error = MistakeError(Mistake("no", path=("b",)), Mistake("nor", unsupported=True))
    assert list(error.under("a", 0)) == [
        Mistake("no", path=("a", 0, "b")),
        Mistake("nor", path=("a", 0), unsupported=True),
    ]
    assert str(error) == "no; nor"


def test_another_expectation() -> None:
    error = wrong("no", expected="yes", suggestion="ye")
    assert error.but(expected="maybe").mistakes == (Mistake("no", "maybe", "ye"),)
    assert error.but(expected="maybe", suggestion="may").mistakes == (Mistake("no", "maybe", "may"),)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (None, "nothing"),
        (True, "true"),
        (False, "false"),
        ({"a": 1}, "a map"),
        ([1], "a list"),
        ("a'b", '"a\'b"'),
        ("a\n\x1b[31m", r"'a\n\x1b[31m'"),
        (12, "12"),
        ("x" * 100, f"'{'x' * 55}...'"),
        (10**100, f"1{'0' * 55}..."),
    ],
)
def test_shown(data: object, text: str) -> None:
    assert show(data) == text


@given(st.text())
def test_shown_on_one_short_line(text: str) -> None:
    assert show(text).isprintable()
    assert len(show(text)) <= MAX_SHOWN


def test_nearest() -> None:
    assert nearest("escapr", ("server", "escaper", "resolver")) == "escaper"
    assert nearest("xyz", ("server", "escaper")) is None
