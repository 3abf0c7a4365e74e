"""What each folder holds, how long a file may be, and what must be the same everywhere."""

import re
import tomllib
from pathlib import Path

import pytest

from tools.workspace import ROOT, Member, members, packages, project_files

CEILING = 400
TEST_CEILING = 600
README_CEILING = 100
ROOT_README_CEILING = 150
PYTHON_FILES = [path for path in project_files() if path.suffix == ".py"]
ROOT_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_file_outgrows_the_ceiling() -> None:
    too_long = []
    for path in PYTHON_FILES:
        ceiling = TEST_CEILING if "tests" in path.parts else CEILING
        if lines(path) > ceiling:
            too_long.append(f"{path.relative_to(ROOT)}: {lines(path)} lines, {ceiling} allowed")
    assert too_long == []


@pytest.mark.parametrize("member", members(), ids=str)
def test_member_is_complete(member: Member) -> None:
    assert [name for name in ("README.md", "LICENSE", "tests") if not (member.folder / name).exists()] == []
    assert (member.source / "py.typed").exists()
    assert (member.folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert member.project["name"] == member.name
    assert member.project["license"] == "Apache-2.0"


@pytest.mark.parametrize("member", members(), ids=str)
def test_one_version_for_all(member: Member) -> None:
    version = ROOT_PROJECT["version"]
    assert member.project["version"] == version
    siblings = {other.name for other in members()}
    extras = member.project.get("optional-dependencies", {}).values()
    requirements = [*member.project["dependencies"], *(line for extra in extras for line in extra)]
    loose = [
        line
        for line in requirements
        if re.split(r"[^\w.-]", line)[0] in siblings and not re.fullmatch(rf"[\w-]+(\[[\w,-]+\])?=={version}", line)
    ]
    assert loose == []


@pytest.mark.parametrize("member", members(), ids=str)
def test_the_workspace_installs_it(member: Member) -> None:
    assert member.name in ROOT_PROJECT["dependencies"]


@pytest.mark.parametrize("member", members(), ids=str)
def test_modules_of_a_package_are_private(member: Member) -> None:
    """An app is no library: nobody imports its modules, and its names are plain."""
    if member.is_app:
        return
    public = [
        str(path.relative_to(member.source))
        for path in member.source.rglob("*.py")
        if not path.name.startswith("_") and path.parent == member.source
    ]
    assert public == []


def test_readmes_are_short() -> None:
    ceilings = {ROOT / "README.md": ROOT_README_CEILING}
    ceilings |= {member.folder / "README.md": README_CEILING for member in packages()}
    assert [f"{path}: {lines(path)} lines" for path, ceiling in ceilings.items() if lines(path) > ceiling] == []


def test_the_root_readme_names_every_member() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [member.name for member in members() if f"`{member.name}`" not in text] == []
