"""Who may import whom: arrows point one way, only along declared dependencies, and protocol packages do no I/O."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tools.workspace import Member, members, packages

# A package may use those of lower layers only. Every protocol package stands in layer 1 unless it is named here.
LAYERS = {"g3-machine": 0, "g3-audit": 2, "g3-escape": 2}
APP_LAYER = 3

# What reaches outside the process, or differs from run to run: a protocol package is handed bytes and times instead.
# fmt: off
FORBIDDEN = frozenset([
    "asyncio", "concurrent", "fcntl", "http", "io", "logging", "mmap", "multiprocessing", "os", "pathlib",
    "random", "secrets", "select", "selectors", "shutil", "signal", "socket", "socketserver", "ssl",
    "subprocess", "tempfile", "threading", "time", "trio", "urllib", "uuid", "uvloop",
])
# fmt: on
FORBIDDEN_CALLS = frozenset(["__import__", "breakpoint", "eval", "exec", "input", "open", "print"])
DRIVERS = "g3_machine/drivers/"


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """The line and the full name of each import in a file; relative ones stay in the package and are left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def foreign_imports(member: Member) -> Iterator[tuple[str, str]]:
    """Where a member imports what is neither its own nor the standard library's, and the imported name."""
    for path in sorted(member.source.rglob("*.py")):
        for line, name in imports(path):
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names and top != member.source.name:
                yield f"{path.relative_to(member.folder)}:{line}", name


def declared(member: Member) -> set[str]:
    """The distributions that a member declares, extras included, in normal form."""
    extras = member.project.get("optional-dependencies", {}).values()
    requirements = [*member.project["dependencies"], *(line for group in extras for line in group)]
    names = (re.match(r"[\w.-]+", line) for line in requirements)
    return {normal(found.group()) for found in names if found}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def layer(member: Member) -> int:
    return APP_LAYER if member.is_app else LAYERS.get(member.name, 1)


@pytest.mark.parametrize("member", members(), ids=str)
def test_imports_only_what_it_declares(member: Member) -> None:
    providers = {**packages_distributions(), **{other.source.name: [other.name] for other in members()}}
    undeclared = [
        f"{where} imports {name}"
        for where, name in foreign_imports(member)
        if not {normal(provider) for provider in providers.get(name.partition(".")[0], ())} & declared(member)
    ]
    assert undeclared == []


@pytest.mark.parametrize("member", members(), ids=str)
def test_depends_only_on_lower_layers(member: Member) -> None:
    upward = [other.name for other in members() if other.name in declared(member) and layer(other) >= layer(member)]
    assert upward == []


@pytest.mark.parametrize("member", members(), ids=str)
def test_leaves_the_private_modules_of_others_alone(member: Member) -> None:
    private = [f"{where} imports {name}" for where, name in foreign_imports(member) if is_private_of_ours(name)]
    assert private == []


def is_private_of_ours(name: str) -> bool:
    top, *rest = name.split(".")
    return top in {member.source.name for member in members()} and any(part.startswith("_") for part in rest)


def sans_io_files() -> list[Path]:
    found = [path for member in packages() for path in sorted(member.source.rglob("*.py"))]
    return [path for path in found if DRIVERS not in path.as_posix()]


@pytest.mark.parametrize("path", sans_io_files(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_protocol_packages_do_no_io(path: Path) -> None:
    modules = [f"line {line}: import {name}" for line, name in imports(path) if name.partition(".")[0] in FORBIDDEN]
    calls = [
        f"line {node.lineno}: {node.func.id}()"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS
    ]
    assert modules + calls == []


def test_the_search_for_imports_finds_each_form(tmp_path: Path) -> None:
    source = "import socket, os.path\ndef f():\n    from time import monotonic\nfrom . import time\nfrom .io import x\n"
    (tmp_path / "x.py").write_text(source)
    assert list(imports(tmp_path / "x.py")) == [(1, "socket"), (1, "os.path"), (3, "time.monotonic")]
