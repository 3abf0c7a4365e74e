"""How plain data is shown, and how the keys of maps are read."""

from collections import OrderedDict
from datetime import date

import pytest
from g3_acl import AclError, Problem
from g3_acl._plain import MAX_SHOWN, MAX_WORD, clip, nearest, normalise, place, read_keys, show, text_of, wrong


def name_of_type(value: object) -> str:
    """Python writes no huge numbers, not even for the name of a test."""
    return type(value).__name__


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ("a", "'a'"),
        ("a\nb\x7f", "'a\\nb\\x7f'"),
        ("ü", "'\\xfc'"),
        ("it's", '"it\'s"'),
        ("a" * 58, f"'{'a' * 58}'"),
        ("a" * 59, f"'{'a' * 55}...'"),
        ("'" * 59, '"' + "'" * 55 + '..."'),
        (True, "true"),
        (False, "false"),
        (-5, "-5"),
        (2**128 - 1, str(2**128 - 1)),
        (2**128, "a huge number"),
        (10**5000, "a huge number"),
        (1.5, "1.5"),
        (float("nan"), "nan"),
        (None, "nothing"),
        ({}, "a map"),
        (OrderedDict(), "a map"),
        ([], "a sequence"),
        ((), "a sequence"),
        (date(2024, 1, 1), "a date"),
        (b"a", "a bytes"),
    ],
    ids=name_of_type,
)
def test_show(data: object, shown: str) -> None:
    assert show(data) == shown


def test_clip() -> None:
    assert MAX_SHOWN == 60
    assert clip("x" * 60) == "x" * 60
    assert clip("x" * 60 + "y") == "x" * 56 + "...y"


def test_wrong() -> None:
    assert wrong("a").problems == (Problem((), "a", "", None),)
    assert wrong("a", expected="b", suggestion="c").problems == (Problem((), "a", "b", "c"),)


def test_normalise() -> None:
    assert normalise("Exact-Match_A") == "exact_match_a"


@pytest.mark.parametrize(
    ("word", "found"),
    [("permitt", "permit"), ("forbid", "forbid"), ("xyz", None), ("", None)],
)
def test_nearest(word: str, found: str | None) -> None:
    assert nearest(word, ["forbid", "permit", "permit_log"]) == found


def test_nearest_looks_at_the_beginning_only() -> None:
    assert MAX_WORD == 64
    assert nearest("permit" + "x" * 100, ["permit" + "x" * 58]) == "permit" + "x" * 58
    assert nearest("permit" + "x" * 58 + "y" * 100_000, ["permit" + "x" * 58]) == "permit" + "x" * 58


def test_text_of() -> None:
    assert text_of("a") == "a"
    with pytest.raises(AclError) as raised:
        text_of(80)
    assert raised.value.problems == (Problem((), "80 instead of text"),)


@pytest.mark.parametrize(("key", "path"), [("a", ("a",)), (3, (3,)), (True, ()), (None, ()), (1.5, ()), ((1,), ())])
def test_place(key: object, path: tuple[str | int, ...]) -> None:
    assert place(key) == path


NAMES = {"exact": "exact", "exact_match": "exact", "child": "child"}


def read(data: dict[object, object]) -> tuple[object, list[Problem]]:
    problems: list[Problem] = []
    return read_keys(data, NAMES, "exact or child", problems), problems


def test_read_keys() -> None:
    assert read({}) == ({}, [])
    found, problems = read({"Exact-Match": 1, "child": None})
    assert found == {"exact": (("Exact-Match",), 1), "child": (("child",), None)}
    assert problems == []


def test_unknown_keys() -> None:
    found, problems = read({"exakt": 1, 5: 2, None: 3, "child": 4})
    assert found == {"child": (("child",), 4)}
    assert problems == [
        Problem(("exakt",), "unknown key 'exakt'", "exact or child", "exact"),
        Problem((5,), "unknown key 5", "exact or child"),
        Problem((), "unknown key nothing", "exact or child"),
    ]


def test_a_key_that_means_the_same_as_another() -> None:
    found, problems = read({"exact": 1, "EXACT_MATCH": 2, "exact-match": 3})
    assert found == {"exact": (("exact",), 1)}
    assert problems == [
        Problem(("EXACT_MATCH",), "'EXACT_MATCH' is there already, written 'exact'"),
        Problem(("exact-match",), "'exact-match' is there already, written 'exact'"),
    ]
