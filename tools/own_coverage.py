"""Run packages' suites and check that each module is fully covered by its own test file.

The suite of a package runs once. While coverage measures it, each line and branch is booked to the test file that ran
it. ``src/g3_x/_reader.py`` then needs 100 % from ``tests/test_reader.py`` alone (or that file's parts,
``tests/test_reader_*.py``), ``src/g3_x/sub/_reader.py`` from ``tests/sub/test_reader.py`` or
``tests/test_sub_reader.py``. What runs at import time counts for every test file: a module's own statements run
whoever imports it.

    python -m tools.own_coverage [PACKAGE...] [-- PYTEST OPTION...]
"""

import contextlib
import importlib
import json
import os
import pkgutil
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage
from coverage.exceptions import NoDataError

from tools.workspace import ROOT, packages

IMPORTS = "imports"


def main() -> int:
    words, _, options = _partition(sys.argv[1:], "--")
    names = words or [package.name for package in packages()]
    if len(names) == 1:
        return measure(ROOT / "packages" / names[0], options)
    with ThreadPoolExecutor(max_workers=2) as pool:
        runs = pool.map(lambda name: _run_alone(name, options), names)
        failed = [name for name, run in zip(names, runs, strict=True) if not _passed(name, run)]
    print(f"own coverage: failed for {', '.join(failed)}" if failed else "own coverage: 100 % for every module")
    return 1 if failed else 0


def measure(package: Path, options: list[str]) -> int:
    """Run one package's suite in this process; print what a module's own tests miss."""
    os.environ["COVERAGE_CORE"] = "ctrace"  # the other core can't switch contexts
    source = next(path for path in (package / "src").iterdir() if path.is_dir() and path.name.isidentifier())
    coverage = Coverage(data_file=None, branch=True, source=[str(source)], config_file=str(ROOT / "pyproject.toml"))
    with _running(coverage):
        status = pytest.main([str(package / "tests"), "-q", *options], plugins=[_Booking(coverage, source)])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        return int(status)
    missed = [line for module in sorted(source.rglob("*.py")) for line in _misses(coverage, package, source, module)]
    print("\n".join(missed) or f"own coverage: {package.name}: 100 %")
    return 1 if missed else 0


class _Booking:
    """A pytest plugin that tells coverage which test file runs."""

    def __init__(self, coverage: Any, source: Path) -> None:
        self._coverage = coverage
        self._source = source

    def pytest_collection(self) -> None:
        self._coverage.switch_context(IMPORTS)
        for module in pkgutil.walk_packages([str(self._source)], f"{self._source.name}."):
            importlib.import_module(module.name)

    def pytest_collectstart(self, collector: Any) -> None:
        self._switch(collector.path)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: Any) -> None:
        self._switch(item.path)

    def _switch(self, path: Path) -> None:
        self._coverage.switch_context(str(path) if path.name.startswith("test_") else IMPORTS)


def _misses(coverage: Any, package: Path, source: Path, module: Path) -> Iterator[str]:
    """Say which lines and branches of a module its own tests don't reach."""
    own = _own_tests(package, source, module)
    contexts = [f"^{IMPORTS}$", *(f"^{re.escape(str(path))}$" for path in own)]
    with tempfile.NamedTemporaryFile(suffix=".json") as report, contextlib.redirect_stdout(sys.stderr):
        try:
            coverage.json_report(morfs=[str(module)], outfile=report.name, contexts=contexts)
        except NoDataError:  # an empty file
            return
        found = next(iter(json.loads(Path(report.name).read_text())["files"].values()))
    lines, branches = found["missing_lines"], found["missing_branches"]
    if lines or branches:
        who = ", ".join(path.name for path in own) or f"test_{module.stem.lstrip('_')}.py (not there)"
        jumps = [f"{start}->{'exit' if end < 0 else end}" for start, end in branches if start not in lines]
        yield f"{package.name}/{module.relative_to(package)}: {who} misses {_ranges(lines)} {' '.join(jumps)}".rstrip()


def _own_tests(package: Path, source: Path, module: Path) -> list[Path]:
    """The test files whose subject a module is."""
    *folders, stem = module.relative_to(source).with_suffix("").parts
    stem = stem.strip("_")
    tests = package / "tests"
    siblings = {path.stem.strip("_") for path in module.parent.glob("*.py")} - {stem}
    for folder, name in ((tests.joinpath(*folders), stem), (tests, "_".join([*folders, stem])), (tests, stem)):
        whole = folder / f"test_{name}.py"
        parts = [
            path
            for path in sorted(folder.glob(f"test_{name}_*.py"))
            if not any(path.stem.startswith(f"test_{sibling}") and sibling.startswith(stem) for sibling in siblings)
        ]
        if whole.exists() or parts:
            return [path for path in (whole, *parts) if path.exists()]
    return []


def _ranges(lines: list[int]) -> str:
    """Lines for people: 3-5, 9."""
    groups: list[list[int]] = []
    for line in lines:
        if groups and groups[-1][-1] == line - 1:
            groups[-1].append(line)
        else:
            groups.append([line])
    return ", ".join(str(group[0]) if len(group) == 1 else f"{group[0]}-{group[-1]}" for group in groups)


@contextlib.contextmanager
def _running(coverage: Any) -> Iterator[None]:
    coverage.start()
    try:
        yield
    finally:
        coverage.stop()


def _run_alone(name: str, options: list[str]) -> subprocess.CompletedProcess[str]:
    """The same for one of several packages, in a process of its own: no package may lean on another's imports."""
    command = [sys.executable, "-m", "tools.own_coverage", name, "--", *options]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def _passed(name: str, run: subprocess.CompletedProcess[str]) -> bool:
    print(f"== {name}", run.stdout.rstrip(), sep="\n", flush=True)
    return run.returncode == 0


def _partition(words: list[str], mark: str) -> tuple[list[str], str, list[str]]:
    where = words.index(mark) if mark in words else len(words)
    return words[:where], mark, words[where + 1 :]


if __name__ == "__main__":
    sys.exit(main())
