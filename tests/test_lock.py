"""uv.lock is current: it locks what each pyproject.toml asks for now. No network is needed to see that."""

import re
import tomllib
from typing import Any

import pytest

from tools.workspace import ROOT, Member, members

LOCK = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
LOCKED = {package["name"]: package for package in LOCK["package"]}
ROOT_PROJECT = Member(ROOT)

Wish = tuple[str, str, str, frozenset[str]]


def asked(line: str, extra: str = "") -> Wish:
    """Name, version, marker and extras of a requirement as pyproject.toml spells it."""
    requirement, _, marker = line.partition(";")
    found = re.fullmatch(r"([\w.-]+)(?:\[([\w, -]+)\])?(.*)", requirement.strip())
    assert found, line
    name, extras, version = found.groups()
    markers = [part for part in (marker.strip().replace('"', "'"), extra and f"extra == '{extra}'") if part]
    return normal(name), spaceless(version), " and ".join(markers), frozenset(re.findall(r"[\w-]+", extras or ""))


def locked(entry: dict[str, Any]) -> Wish:
    """The same of a requirement as uv.lock spells it."""
    marker = re.sub(r"python_full_version (<|>=)", r"python_version \1", entry.get("marker", ""))
    return entry["name"], spaceless(entry.get("specifier", "")), marker, frozenset(entry.get("extras", ()))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def spaceless(version: str) -> str:
    return ",".join(sorted(version.replace(" ", "").split(",")))


def without_workspace(wishes: set[Wish]) -> set[Wish]:
    """uv notes no version for a member of the workspace."""
    ours = {member.name for member in members()}
    return {(name, "" if name in ours else version, marker, extras) for name, version, marker, extras in wishes}


@pytest.mark.parametrize("member", members(), ids=str)
def test_requirements_of_a_member(member: Member) -> None:
    wishes = {asked(line) for line in member.project["dependencies"]}
    for extra, wanted in member.project.get("optional-dependencies", {}).items():
        wishes |= {asked(line, extra) for line in wanted}
    noted = LOCKED[member.name].get("metadata", {}).get("requires-dist", [])
    assert without_workspace({locked(entry) for entry in noted}) == without_workspace(wishes)


def test_members_are_all_locked() -> None:
    assert set(LOCK["manifest"]["members"]) == {"g3-workspace", *(member.name for member in members())}


def test_groups_of_the_workspace() -> None:
    noted = LOCKED["g3-workspace"]["metadata"]["requires-dev"]
    groups = ROOT_PROJECT.pyproject["dependency-groups"]
    assert noted.keys() == groups.keys()
    for group, wanted in groups.items():
        assert {locked(entry) for entry in noted[group]} == {asked(line) for line in wanted}, group


def test_python_floor_is_the_same_everywhere() -> None:
    floors = {str(member): member.project["requires-python"] for member in (ROOT_PROJECT, *members())}
    assert set(floors.values()) == {LOCK["requires-python"]}, floors
