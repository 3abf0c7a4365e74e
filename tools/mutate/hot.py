"""Mutants inside functions: swap the code of the live function in a process that has already collected the tests.

A function keeps its identity when it gets other code, so that every place that holds it (a class, a state, a table,
an importing module) sees the mutant. Functions inside functions are made from the outer one's code: they change too.
"""

import gc
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest

from .mutants import Mutant
from .processes import forked, start

# What becomes of a mutant, as the exit status of its child; TIMED_OUT is the fourth.
SURVIVED, KILLED, UNDECIDED = 0, 1, 2
# A test that takes so much longer than it took before is taken for an endless loop: in seconds of the processor, so
# that a busy machine convicts nobody. The clock on the wall is for those that wait for ever.
CPU_PATIENCE, CPU_SLOWER = 1.0, 5.0
PATIENCE, SLOWER = 10.0, 20.0
# Whether a test fails is all that counts: no search for reasons, which takes longer than most tests.
PYTEST = ["-q", "-x", "-p", "no:cacheprovider", "--tb=native", "--assert=plain"]


class HotRun:
    """A pytest plugin that runs each mutant instead of running the tests once."""

    def __init__(self, source: Path, mutants: list[Mutant], results: Path) -> None:
        self._source = source
        self._mutants = mutants
        self._results = results
        self._session: Any = None
        self._functions: dict[tuple[str, str, int], list[FunctionType]] = {}
        self._reach: dict[str, dict[int, list[int]]] = {}
        self._seconds: list[float] = []
        self._ran_early: set[tuple[str, str]] = set()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Iterator[None]:
        """Note what runs while modules are imported: a mutant of it comes too late here."""

        def note(frame: FrameType, event: str, argument: object) -> None:
            if event == "call" and frame.f_code.co_filename.startswith(str(self._source)):
                outermost = frame.f_code.co_qualname.partition(".<locals>")[0]
                self._ran_early.add((frame.f_code.co_filename, outermost))

        sys.setprofile(note)
        try:
            return (yield)
        finally:
            sys.setprofile(None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool:
        self._session = session
        if not self._measure():
            raise pytest.UsageError("the tests fail without any mutant; run them by themselves first")
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType) and thing.__code__.co_filename.startswith(str(self._source)):
                code = thing.__code__
                self._functions.setdefault((code.co_filename, code.co_qualname, code.co_firstlineno), []).append(thing)
        gc.collect()
        gc.freeze()  # so that a child that collects garbage doesn't copy our memory
        jobs = ((mutant, PATIENCE + SLOWER * self._seconds_of(mutant)) for mutant in self._mutants)
        outcomes = {id(mutant): status for mutant, status in forked(jobs, self._try)}
        statuses = [outcomes[id(mutant)] for mutant in self._mutants]
        self._results.write_text(json.dumps({"seconds": sum(self._seconds), "statuses": statuses}))
        return True

    def _try(self, mutant: Mutant) -> int:
        """In a child: become the mutant and run the tests that reach it."""
        tests = self._tests_of(mutant)
        if not tests or not self._become(mutant):
            return UNDECIDED
        items = [self._session.items[index] for index in tests]
        for index, item, following in zip(tests, items, [*items[1:], None], strict=True):
            signal.setitimer(signal.ITIMER_PROF, CPU_PATIENCE + CPU_SLOWER * self._seconds[index])
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._session.testsfailed:
                return KILLED
        assert mutant.function is not None
        return UNDECIDED if (str(mutant.path), mutant.function[0]) in self._ran_early else SURVIVED

    def _become(self, mutant: Mutant) -> bool:
        assert mutant.function is not None
        live = self._functions.get((str(mutant.path), *mutant.function), [])
        code = _find_code(compile(mutant.text, str(mutant.path), "exec"), mutant.function)
        try:
            for function in live:
                function.__code__ = code  # type: ignore[assignment]  # None raises TypeError, as it should
        except (TypeError, ValueError):  # it closes over other variables now
            return False
        return bool(live)

    def _tests_of(self, mutant: Mutant) -> list[int]:
        """The tests that reach the lines of the mutant; the module's own and the quick ones first."""
        lines = self._reach.get(str(mutant.path), {})
        found = {index for line in range(mutant.first, mutant.last + 1) for index in lines.get(line, ())}
        own = f"test_{mutant.path.stem.strip('_')}"
        return sorted(found, key=lambda index: (own not in self._session.items[index].nodeid, self._seconds[index]))

    def _seconds_of(self, mutant: Mutant) -> float:
        return sum(self._seconds[index] for index in self._tests_of(mutant))

    def _measure(self) -> bool:
        """In a child, run every test once; learn how long it takes and which lines it reaches."""
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            child = start(self._measure_here, Path(file.name))
            _, status = os.waitpid(child, 0)
            if status:
                return False
            measured = json.loads(Path(file.name).read_text())
        self._seconds = measured["seconds"]
        for path, lines in measured["reach"].items():
            self._reach[path] = {int(line): [int(index) for index in found] for line, found in lines.items()}
        return True

    def _measure_here(self, report: Path) -> int:
        from coverage import Coverage

        os.environ["COVERAGE_CORE"] = "ctrace"
        coverage = Coverage(data_file=None, source=[str(self._source)], config_file=False)
        seconds = []
        coverage.start()
        for index, item in enumerate(self._session.items):
            coverage.switch_context(str(index))
            began = time.monotonic()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            seconds.append(time.monotonic() - began)
        coverage.stop()
        data = coverage.get_data()
        reach = {
            path: {line: [name for name in names if name] for line, names in data.contexts_by_lineno(path).items()}
            for path in data.measured_files()
        }
        report.write_text(json.dumps({"seconds": seconds, "reach": reach}))
        return 1 if self._session.testsfailed else 0


def _find_code(code: CodeType, function: tuple[str, int]) -> CodeType | None:
    """The code of a function, by its qualified name and line, somewhere inside a module's code."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if (constant.co_qualname, constant.co_firstlineno) == function:
                return constant
            found = _find_code(constant, function)
            if found is not None:
                return found
    return None
