"""Accounts of processes that do a known amount."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.measure import Others, cpu_seconds, memory, process_tree

# The process still has to print and to wait after it has told its time; children's times come in ticks of 10 ms.
TOLERANCE = 0.05

# Burns CPU until its own clock says so, tells what it has used, then waits for its standard input to end.
BURN = """
import resource, subprocess, sys, time
def burn():
    while time.process_time() < 0.3:
        pass
"""
WAIT = (
    "print(time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]), flush=True)\nsys.stdin.read()"
)


@contextmanager
def child(code: str) -> Iterator[tuple[int, float]]:
    """A Python process that has printed a figure and waits; yields its id and the figure."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        yield process.pid, float(process.stdout.readline())
    finally:
        process.communicate()


def test_cpu_of_a_process_is_what_it_says_itself() -> None:
    with child(f"{BURN}\nburn()\n{WAIT}") as (pid, used):
        assert used >= 0.3
        assert cpu_seconds(pid) == pytest.approx(used, abs=TOLERANCE)


def test_cpu_of_children_that_ended_counts() -> None:
    burning = f"{BURN}\nburn()"
    with child(f"{BURN}\nsubprocess.run([sys.executable, '-I', '-c', {burning!r}])\n{WAIT}") as (pid, used):
        assert used >= 0.3
        assert cpu_seconds(pid) == pytest.approx(used, abs=TOLERANCE)


def test_cpu_of_threads_that_ended_counts() -> None:
    with child(f"{BURN}\nimport threading\nt = threading.Thread(target=burn)\nt.start()\nt.join()\n{WAIT}") as (
        pid,
        used,
    ):
        assert cpu_seconds(pid) == pytest.approx(used, abs=TOLERANCE)


def test_tree_has_grandchildren_in_other_sessions() -> None:
    grandchild = "import sys; print(0, flush=True); sys.stdin.read()"
    code = (
        "import subprocess, sys\n"
        f"c = subprocess.Popen([sys.executable, '-I', '-c', {grandchild!r}], stdout=subprocess.PIPE,"
        " start_new_session=True)\n"
        "c.stdout.readline()\nprint(c.pid, flush=True)\nsys.stdin.read()\nc.wait()"
    )
    with child(code) as (pid, grandchild_pid):
        assert process_tree(pid) == sorted([pid, int(grandchild_pid)])
    assert process_tree(pid) == []


def test_memory_counts_what_is_touched() -> None:
    size = 50_000_000
    code = (
        "import sys\nprint(0, flush=True)\nsys.stdin.readline()\n"
        f"b = b'x' * {size}\nprint(1, flush=True)\nsys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        before = memory(process.pid)
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        after = memory(process.pid)
    finally:
        process.communicate()

    assert size * 0.98 <= after.pss - before.pss < size * 1.1  # what was there before may be shared by more now
    assert size <= after.rss - before.rss < size * 1.1


def test_a_process_that_is_gone_has_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()

    assert cpu_seconds(process.pid) == 0
    assert memory(process.pid).pss == 0


def test_others_are_who_is_left_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 110.0])
    machine = iter([1000.0, 1009.0])
    ours = iter([10.0, 14.0])
    monkeypatch.setattr("bench.measure.monotonic", lambda: next(clock))
    monkeypatch.setattr("bench.measure._machine_seconds", lambda: next(machine))
    monkeypatch.setattr("bench.measure._our_seconds", lambda: next(ours))

    assert Others().cores() == 0.5
