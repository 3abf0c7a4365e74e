"""Problems, their order and their reports."""

from pathlib import Path

from g3proxyd.config.errors import ConfigError, Kind, Problem, in_order, report
from g3proxyd.config.nodes import Place, Source

ONE = Source(Path("one.yml"), "first: 1\n\tsecond: \x1b[31m2\n\n" + "x" * 200)
TWO = Source(Path("two.yml"), "")


def problem(source: Source | None, line: int = 1, column: int = 1, message: str = "wrong") -> Problem:
    return Problem(Kind.VALUE, Place(source, line, column) if source else None, "a.b", message)


def test_sentence() -> None:
    place = Place(ONE, 1, 8)
    full = Problem(Kind.VALUE, place, "a.b", "wrong", "right", "rigt")
    assert str(full) == "one.yml:1:8: a.b: wrong; expected right; did you mean 'rigt'?"
    assert str(Problem(Kind.SYNTAX, place, "", "wrong")) == "one.yml:1:8: wrong"
    assert str(Problem(Kind.FILE, None, "main.yml", "wrong")) == "main.yml: wrong"
    assert str(Problem(Kind.KEY, None, "a\n\x1b[31m\u202e", "wrong")) == "a\\n\\x1b[31m\\u202e: wrong"


def test_order_is_by_file_line_and_column() -> None:
    problems = [problem(ONE, 2, 5), problem(TWO, 1, 1), problem(ONE, 2, 3), problem(ONE, 1, 9), problem(TWO, 1, 1)]
    one, two = ["one.yml:1:9", "one.yml:2:3", "one.yml:2:5"], ["two.yml:1:1"]
    assert [str(found.place) for found in in_order(problems)] == [*one, *two]
    assert [str(found.place) for found in in_order(problems, Path("two.yml"))] == [*two, *one]
    assert next(found.place for found in in_order([problem(ONE), problem(None)])) is None


def test_report_counts() -> None:
    assert report([]) == "0 problems"
    assert report([problem(TWO)]) == "two.yml:1:1: a.b: wrong\n1 problem"
    assert report([problem(TWO), problem(None)], what="warning").endswith("\n2 warnings")


def test_report_with_lines() -> None:
    problems = [problem(ONE, 1, 8), problem(ONE, 2, 2), problem(ONE, 3, 1), problem(ONE, 9, 1), problem(None)]
    assert report(problems, source_lines=True).splitlines() == [
        "one.yml:1:8: a.b: wrong",
        "    first: 1",
        "           ^",
        "one.yml:2:2: a.b: wrong",
        "     second:  [31m2",
        "     ^",
        "one.yml:3:1: a.b: wrong",
        "one.yml:9:1: a.b: wrong",
        "a.b: wrong",
        "5 problems",
    ]


def test_long_lines_are_cut_around_the_place() -> None:
    _, line, caret, _ = report([problem(ONE, 4, 150)], source_lines=True).splitlines()
    assert len(line) <= 124
    assert caret == f"    {' ' * 79}^"


def test_the_exception_holds_everything_in_order() -> None:
    error = ConfigError([problem(ONE, 2), problem(ONE, 1)], [problem(TWO)])
    assert [found.place.line for found in error.problems if found.place] == [1, 2]
    assert len(error.warnings) == 1
    assert str(error).endswith("2 problems")
