"""The README is true: its example runs, its tables name what the package has; so do the examples."""

import re
import subprocess
import sys
from pathlib import Path

import g3_acl
import pytest
from g3_acl import Rule

PACKAGE = Path(__file__).parent.parent
README = (PACKAGE / "README.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells below the header of the table whose first column has this title."""
    table = README.split(f"| {heading} |")[1].split("\n\n")[0]
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)", cell)


def run(*words: str) -> list[str]:
    done = subprocess.run([sys.executable, "-W", "error", *words], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_example() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    expected = re.findall(r"print\(.*\)\s+# (.*?)(?:: .*)?$", code, re.MULTILINE)
    assert len(expected) == 3
    assert run("-c", code) == expected


def test_all_names_are_there() -> None:
    named = [name for row in (*rows("name"), *rows("parser")) for name in names(row[0])]
    assert sorted(named) == sorted(g3_acl.__all__)


def test_verbs_of_rules() -> None:
    (cell,) = [row[1] for row in rows("name") if row[0] == "`Rule`"]
    assert {*names(cell)} - {"add"} == {name for name in dir(Rule) if not name.startswith("_")}
    concrete = [getattr(g3_acl, name) for name in g3_acl.__all__ if name.endswith("Rule") and name != "Rule"]
    assert len(concrete) == 8
    assert all(issubclass(rule, Rule) and callable(rule.add) for rule in concrete)


@pytest.mark.parametrize("row", rows("parser"), ids=lambda row: row[0])
def test_defaults_of_parsers(row: list[str]) -> None:
    for name in names(row[0]):
        rule = getattr(g3_acl, name)({} if name == "parse_host_rule_set" else [])
        if name != "parse_host_rule_set":
            assert rule.missed.value == row[4]


def test_limits() -> None:
    assert {names(row[0])[0]: int(row[1]) for row in rows("limit")} == {
        name: getattr(g3_acl, name) for name in g3_acl.__all__ if name.startswith("MAX_")
    }


def test_length() -> None:
    assert len(README.splitlines()) < 100


def test_check_a_configuration() -> None:
    assert run(str(PACKAGE / "examples" / "check_a_configuration.py")) == [
        "exact_match.permit.1: 'example.com:443' is no IPv6 address; a host stands here without its port",
        "    expected a host name or an address",
        "child_match.forbit: unknown key 'forbit'",
        "    did you mean forbid",
        "subnet_match.deny.1: '192.168.1.1/16' has bits behind its prefix",
        "    did you mean 192.168.0.0/16",
    ]


def test_guarded_client() -> None:
    forbidden = ["127.0.0.1: 127.0.0.1 is forbidden", "no address of 127.0.0.1 is permitted"]
    permitted = ["127.0.0.1: 127.0.0.1 is permitted", "connected to 127.0.0.1"]
    assert run(str(PACKAGE / "examples" / "guarded_client.py")) == forbidden * 3 + permitted


def test_no_other_examples() -> None:
    assert {path.name for path in (PACKAGE / "examples").glob("*")} == {"check_a_configuration.py", "guarded_client.py"}
