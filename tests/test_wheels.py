"""What people install: each wheel and sdist is complete, and a wheel works where nothing else of ours is."""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tools.workspace import ROOT, Member, members, packages

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def uv(*words: str) -> None:
    run = subprocess.run(
        [sys.executable, str(ROOT / "g3.py"), "uv", *words], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert run.returncode == 0, run.stderr


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every member, built."""
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--all-packages", "--out-dir", str(folder))
    return folder


@pytest.fixture(scope="session")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locked versions of what is not ours, as constraints."""
    path = tmp_path_factory.mktemp("locked") / "constraints.txt"
    uv("export", "--quiet", "--frozen", "--no-emit-workspace", "--no-hashes", "--output-file", str(path))
    return path


def install(member: Member, dist: Path, locked: Path, folder: Path) -> Path:
    """Make an environment with one member and what it depends on; return its folder of programs."""
    uv("venv", "--python", sys.executable, str(folder))
    wheel = next(dist.glob(f"{member.source.name}-*.whl"))
    places = ["--find-links", str(dist), "--constraints", str(locked)]
    uv("pip", "install", "--python", str(folder), *places, str(wheel))
    return folder / "bin"


@pytest.mark.parametrize("member", members(), ids=str)
def test_wheel_holds_the_package_and_nothing_else(member: Member, dist: Path) -> None:
    with zipfile.ZipFile(next(dist.glob(f"{member.source.name}-*.whl"))) as wheel:
        names = set(wheel.namelist())
    import_package = member.source.name
    info = f"{import_package}-{member.project['version']}.dist-info"
    assert {name.partition("/")[0] for name in names} == {import_package, info}
    assert {f"{import_package}/py.typed", f"{info}/licenses/LICENSE"} <= names
    modules = {str(path.relative_to(member.source.parent)) for path in member.source.rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == modules


@pytest.mark.parametrize("member", members(), ids=str)
def test_sdist_holds_the_sources_and_the_tests(member: Member, dist: Path) -> None:
    stem = f"{member.source.name}-{member.project['version']}"
    with tarfile.open(dist / f"{stem}.tar.gz") as sdist:
        names = {name.removeprefix(f"{stem}/") for name in sdist.getnames()}
    assert {"LICENSE", "README.md", "PKG-INFO", "pyproject.toml"} <= names
    tests = {str(path.relative_to(member.folder)) for path in member.folder.glob("tests/**/*.py")}
    assert tests <= names


@pytest.mark.parametrize("member", packages(), ids=str)
def test_readme_example_runs_on_the_wheel(member: Member, dist: Path, locked: Path, tmp_path: Path) -> None:
    programs = install(member, dist, locked, tmp_path / "venv")
    script = tmp_path / "readme.py"
    text = (member.folder / "README.md").read_text(encoding="utf-8")
    script.write_text("\n".join(PYTHON_BLOCK.findall(text)), encoding="utf-8")
    # -I: neither this checkout nor the environment's PYTHONPATH may help out.
    command = [str(programs / "python"), "-I", str(script)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("member", [member for member in members() if member.is_app], ids=str)
def test_programs_of_an_app_start(member: Member, dist: Path, locked: Path, tmp_path: Path) -> None:
    programs = install(member, dist, locked, tmp_path / "venv")
    for program in member.project["scripts"]:
        command = [str(programs / program), "--help"]
        run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
        assert run.returncode == 0, run.stderr
        assert "Usage" in run.stdout
