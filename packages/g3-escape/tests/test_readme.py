"""The tables of the README are true, and the examples run."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from g3_escape import HappyEyeballs, Pace

PACKAGE = Path(__file__).parent.parent
README = (PACKAGE / "README.md").read_text()


def table(heading: str) -> list[list[str]]:
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip(" `") for cell in row] for row in rows]


def test_verbs() -> None:
    verbs = {row[0].split("(")[0] for row in table("Verbs of `HappyEyeballs`")}
    assert verbs == {name for name in dir(HappyEyeballs) if not name.startswith("_")}


def test_limits() -> None:
    shown = {name: float(default.removesuffix(" s")) for name, default, _ in table("Limits")}
    assert shown == {field.name: field.default for field in fields(Pace)}


@pytest.mark.parametrize("example", sorted((PACKAGE / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_examples(example: Path) -> None:
    done = subprocess.run([sys.executable, "-W", "error", example], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "connected to 127.0.0.1"
    assert len(example.read_text().splitlines()) <= 60
