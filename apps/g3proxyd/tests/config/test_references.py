"""Names between objects: missing ones and loops."""

from pathlib import Path

import pytest
from g3proxyd.config.nodes import Place, Source
from g3proxyd.config.references import Link, check

SOURCE = Source(Path("f"), "")


def link(source: str, target: str, line: int = 1) -> Link:
    """A link written as `escaper a`, `resolver b`."""
    kind, name = source.split()
    to_kind, to_name = target.split()
    return Link((kind, name), (to_kind, to_name), Place(SOURCE, line, 1), f"{source}.next")


def found(declared: str, *links: Link) -> list[str]:
    """What is wrong; `declared` lists names of escapers, and of resolvers after a bar."""
    escapers, _, resolvers = declared.partition("|")
    return [str(problem) for problem in check({"escaper": escapers.split(), "resolver": resolvers.split()}, links)]


def test_nothing_is_wrong() -> None:
    assert found("a b | c", link("escaper a", "escaper b"), link("escaper b", "resolver c")) == []


def test_missing() -> None:
    assert found("default direct", link("escaper default", "escaper defalt", 3)) == [
        (
            "f:3:1: escaper default.next: there is no escaper called 'defalt'; expected one of default, direct; "
            "did you mean 'default'?"
        )
    ]


def test_missing_where_there_is_none() -> None:
    assert found("a", link("escaper a", "resolver b")) == [
        (
            "f:1:1: escaper a.next: there is no resolver called 'b'; "
            "expected an object in the section 'resolver', which has none"
        )
    ]


def test_names_of_another_kind_do_not_count() -> None:
    (problem,) = found("a | b", link("escaper a", "escaper b"))
    assert "there is no escaper called 'b'" in problem


def test_many_names_are_not_all_listed() -> None:
    (problem,) = found(" ".join(f"n{number:02}" for number in range(12)), link("escaper n00", "escaper x"))
    assert problem.endswith("expected one of n00, n01, n02, n03, n04, n05, n06, n07, n08, n09, ...")


@pytest.mark.parametrize(
    ("names", "loop"),
    [
        ("aa", "escaper a -> escaper a"),
        ("ab ba", "escaper a -> escaper b -> escaper a"),
        ("ab bc ca", "escaper a -> escaper b -> escaper c -> escaper a"),
        ("ab bc cb", "escaper b -> escaper c -> escaper b"),
    ],
)
def test_loop(names: str, loop: str) -> None:
    links = [link(f"escaper {a[0]}", f"escaper {a[1]}", line) for line, a in enumerate(names.split(), start=1)]
    problems = found("a b c", *links)
    assert problems == [f"f:{len(links)}:1: escaper {names[-2]}.next: the names lead in a circle: {loop}"]


def test_two_ways_to_one_object_are_no_loop() -> None:
    links = [link(f"escaper {a}", f"escaper {b}") for a, b in (("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"))]
    assert found("a b c d", *links) == []


def test_each_loop_is_reported_once() -> None:
    links = [link(f"escaper {a[0]}", f"escaper {a[1]}") for a in ("ab", "ba", "cd", "dc", "ca")]
    assert len(found("a b c d", *links)) == 2


def test_a_long_chain() -> None:
    count = 5000
    links = [link(f"escaper n{number}", f"escaper n{number + 1}") for number in range(count)]
    assert found(" ".join(f"n{number}" for number in range(count + 1)), *links) == []
