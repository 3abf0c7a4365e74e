"""Forked children, a few at a time, each with a time of its own to answer in."""

import contextlib
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Job = TypeVar("Job")

TWO_CORES = 2
# A mutant may allocate without end; no honest test needs this much.
MEMORY = 4 << 30
TIMED_OUT = -1


def forked(
    jobs: Iterable[tuple[Job, float]], work: Callable[[Job], int], limit: int = TWO_CORES
) -> Iterator[tuple[Job, int]]:
    """Do each job in a child of its own; yield it with its status, or TIMED_OUT after its seconds are over.

    A child may set the profiling timer to limit its time on the processor as well.
    """
    running: dict[int, tuple[Job, float]] = {}
    try:
        for job, seconds in jobs:
            while len(running) >= limit:
                yield from _ended(running)
            running[start(work, job)] = (job, time.monotonic() + seconds)
        while running:
            yield from _ended(running)
    finally:
        for child in running:
            _kill(child)


def start(work: Callable[[Job], int], job: Job, output: str = os.devnull) -> int:
    """Fork a child that does the job, writes to a file what it has to say, and exits with what it returns."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 1)
        os.dup2(1, 2)
        sys.stdout = sys.stderr = os.fdopen(1, "w", closefd=False)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        status = work(job)
    finally:
        sys.stdout.flush()
        os._exit(status)


def _ended(running: dict[int, tuple[Job, float]]) -> Iterator[tuple[Job, int]]:
    """Those children that have ended by now, or have had their time."""
    time.sleep(0.002)
    for child, (job, deadline) in list(running.items()):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            del running[child]
            code = os.waitstatus_to_exitcode(status)
            yield job, TIMED_OUT if code == -signal.SIGPROF else code & 0xFF
        elif time.monotonic() >= deadline:
            del running[child]
            _kill(child)
            yield job, TIMED_OUT


def _kill(child: int) -> None:
    """End a child and whatever it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):  # it may not have had the time to found its group
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
