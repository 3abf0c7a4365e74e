"""The tables of the README are true, and the examples run."""

import re
import subprocess
import sys
from dataclasses import fields
from operator import attrgetter
from pathlib import Path

import g3_escape
import pytest
from g3_escape import MAX_NODES, MAX_WEIGHT, MIN_WEIGHT, Fallback, Node, Pace, PickPolicy, make_picker

PACKAGE = Path(__file__).parent.parent
README = (PACKAGE / "README.md").read_text(encoding="utf-8")


def rows(title: str) -> list[list[str]]:
    """The cells below the header of the table whose first column has this title."""
    table = README.split(f"| {title} |")[1].split("\n\n")[0]
    return [[cell.strip(" `") for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]


def numbers(kind: str) -> dict[str, float]:
    """The fields of a class and their defaults, from the paragraph about them."""
    paragraph = README.split(f"ields of `{kind}`: ")[1].split("\n\n")[0]
    return {name: float(number) for name, number in re.findall(r"`(\w+)` ([\d.]*\d)", paragraph)}


def test_limits() -> None:
    assert numbers("Pace") == {field.name: field.default for field in fields(Pace)}
    assert numbers("Fallback") == {"delay": Fallback().delay, "max_tries": Fallback().max_tries}
    assert Fallback().each_timeout is None
    assert f"`MAX_NODES` is {MAX_NODES}," in README
    low, high = re.findall(r"`M.._WEIGHT`, (\w+-?\d)", README)
    assert (float(low), float(high)) == (MIN_WEIGHT, MAX_WEIGHT)


@pytest.mark.parametrize("name", ["MAX_PATH_ID", "MAX_PATH_VALUE", "MAX_USER_NAME"])
def test_limits_of_readers(name: str) -> None:
    (shown,) = re.findall(rf"`{name}`, ([\d,]+) ", README)
    assert int(shown.replace(",", "")) == getattr(g3_escape, name)


def test_routes() -> None:
    routes = {name for name in g3_escape.__all__ if name.endswith("Route")} - {"RegexRoute"}
    assert {row[0] for row in rows("route")} == routes


def test_readers() -> None:
    assert all(callable(attrgetter(row[0])(g3_escape)) for row in rows("reader"))


@pytest.mark.parametrize("policy", PickPolicy)
def test_pickers(policy: PickPolicy) -> None:
    (row,) = [row for row in rows("`PickPolicy`") if row[0] == policy.name]
    assert isinstance(make_picker(policy, [Node(1, b"a")], lambda: 0.0), getattr(g3_escape, row[1]))


@pytest.mark.parametrize("example", sorted((PACKAGE / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_examples(example: Path) -> None:
    done = subprocess.run([sys.executable, "-W", "error", example], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "connected to 127.0.0.1"
    assert len(example.read_text().splitlines()) <= 60
