"""What a README promises: its examples run, and its names are the package's public names."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.workspace import ROOT, Member, members, packages, project_files

PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
# A table of names has "name" as the title of its first column; that column says `Name` or `name(arguments)`.
NAME_TABLE = re.compile(r"^\| *name *\|.*\n\|[-| :]+\n((?:\|.*\n?)*)", re.MULTILINE)
NAME = re.compile(r"`([A-Za-z_]\w*)")


def readme(member: Member) -> str:
    return (member.folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("member", [*packages(), Member(ROOT)], ids=str)
def test_example_runs(member: Member, tmp_path: Path) -> None:
    blocks = PYTHON_BLOCK.findall(readme(member))
    assert blocks, "a README shows at least one example"
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks), encoding="utf-8")
    command = [sys.executable, "-W", "error", str(script)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    # `print(x)  # what it prints` is a promise as well; the comment may go on to explain.
    promises = re.findall(r"^ *print\(.*\)  # (.*)$", "\n".join(blocks), re.MULTILINE)
    printed = run.stdout.splitlines()
    if len(promises) == len(printed):
        assert [line for line, promise in zip(printed, promises, strict=True) if not promise.startswith(line)] == []


@pytest.mark.parametrize("member", packages(), ids=str)
def test_names_every_public_name(member: Member) -> None:
    text = readme(member)
    public = importlib.import_module(member.source.name).__all__
    assert [name for name in public if not re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", text)] == []


@pytest.mark.parametrize("member", packages(), ids=str)
def test_tables_of_names_hold_public_names(member: Member) -> None:
    public = set(importlib.import_module(member.source.name).__all__)
    first_cells = [row.split("|")[1] for table in NAME_TABLE.findall(readme(member)) for row in table.splitlines()]
    assert [name for cell in first_cells for name in NAME.findall(cell) if name not in public] == []


@pytest.mark.parametrize("member", packages(), ids=str)
def test_public_names_are_documented(member: Member) -> None:
    module = importlib.import_module(member.source.name)
    objects = {name: getattr(module, name) for name in module.__all__}
    # A dataclass without a docstring gets its signature as one, which explains nothing.
    mute = [
        name
        for name, thing in objects.items()
        if (inspect.isclass(thing) or inspect.isfunction(thing))
        and (not thing.__doc__ or thing.__doc__.startswith(f"{name}("))
    ]
    assert mute == []


@pytest.mark.parametrize("member", members(), ids=str)
def test_has_a_title_and_a_sentence(member: Member) -> None:
    title, _, rest = readme(member).partition("\n")
    assert title == f"# {member.name}"
    assert rest.strip()


def markdown_files() -> list[Path]:
    return [path for path in project_files() if path.suffix == ".md"]


@pytest.mark.parametrize("path", markdown_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    targets = [target for target in LINK.findall(path.read_text(encoding="utf-8")) if "://" not in target]
    assert [target for target in targets if not (path.parent / target).exists()] == []
