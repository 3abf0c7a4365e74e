"""Mutants that matter at import time: each gets a fresh import of the package and a fresh pytest."""

import gc
import importlib
import importlib.machinery
import importlib.util
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from .hot import CPU_PATIENCE, CPU_SLOWER, KILLED, PATIENCE, PYTEST, SLOWER, SURVIVED
from .mutants import Mutant
from .processes import forked

START_UP = 5.0
# What takes long to import and isn't ours is imported once, before the forks; pytest would rather have done that.
PRELOADED = ["asyncio", "hypothesis", "hypothesis.internal.conjecture.engine", "hypothesis.strategies", "unittest.mock"]
QUIET_IMPORTS = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]


def run_cold(source: Path, tests: Path, mutants: Iterable[Mutant], seconds: float) -> Iterator[tuple[Mutant, int]]:
    """Run the whole suite, which takes so many seconds, against each mutant; the module's own tests first.

    The package must not have been imported yet.
    """

    def work(mutant: Mutant) -> int:
        signal.setitimer(signal.ITIMER_PROF, START_UP + CPU_PATIENCE + CPU_SLOWER * seconds)
        sys.meta_path.insert(0, _Finder(source, mutant))
        # First the module's own tests alone: they notice most, and collecting all tests is most of the time.
        own = sorted(tests.rglob(f"test_{mutant.path.stem.strip('_')}*.py"))
        return KILLED if (own and _fail(own)) or _fail([tests]) else SURVIVED

    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()
    limit = START_UP + PATIENCE + SLOWER * seconds
    return forked(((mutant, limit) for mutant in mutants), work)


def _fail(paths: list[Path]) -> bool:
    return pytest.main([*PYTEST, *QUIET_IMPORTS, *map(str, paths)]) != pytest.ExitCode.OK


class _Finder(MetaPathFinder):
    """Finds the mutant where the module is looked for."""

    def __init__(self, source: Path, mutant: Mutant) -> None:
        parts = mutant.path.relative_to(source.parent).with_suffix("").parts
        self._is_package = parts[-1] == "__init__"
        self._name = ".".join(parts[:-1] if self._is_package else parts)
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Loader(fullname, self._mutant)
        folders = [str(self._mutant.path.parent)] if self._is_package else None
        return importlib.util.spec_from_file_location(
            fullname, self._mutant.path, loader=loader, submodule_search_locations=folders
        )


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads the text of the mutant as if the file held it."""

    def __init__(self, fullname: str, mutant: Mutant) -> None:
        super().__init__(fullname, str(mutant.path))
        self._text = mutant.text

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._text, self.path, "exec")
