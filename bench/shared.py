"""What shared counters and limits cost: nanoseconds of CPU per operation, and of wall time under contention.

Figures to read, nothing to pass: ``python -m bench.shared``. The best of several short rounds is shown, since whatever
else runs on the machine only ever adds. Contended means that another process does the same thing without a pause.
"""

import os
import signal
import sys
import time
from collections.abc import Callable

from g3proxyd.shared import Counter, CounterGroup, Counters, Limits, Mutex, RateLease, Row

ROWS = 4
OPERATIONS = 20_000
ROUNDS = 20
CONTENDED_SECONDS = 1.0
TOKENS = 1_000_000_000

Operation = Callable[[int], object]
"""Does something so many times."""


class Stats(CounterGroup):
    """As a server's, small."""

    first: Counter
    task_total: Counter


class Plain:
    """What counters are without sharing."""

    __slots__ = ("task_total",)

    def __init__(self) -> None:
        self.task_total = 0


def main() -> int:
    """Print all figures."""
    counters, limits = Counters(ROWS), Limits(ROWS)
    row = counters.row(0)
    counting: dict[str, Operation] = {
        "empty loop": empty,
        "plain attribute += 1": attribute(Plain()),
        "CounterGroup, own memory: stats.x += 1": attribute(Stats()),
        "CounterGroup, shared: stats.x += 1": attribute(row.group(Stats, 8)),
        "row.cells[column] += 1": cells(row),
        f"Counters.total, {ROWS} rows": total(counters),
    }
    print("-- counters, one writer per cell: CPU ns")
    for name, operation in counting.items():
        print(f"{name:45} {best(operation):8.0f}")
    slots = [limits.add(name) for name in ("mutex", "limit", "rate", "lease")]

    def limiting(number: int) -> dict[str, Operation]:
        """As the worker with this row has them."""
        rate = limits.rate(slots[3], TOKENS)
        return {
            "mutex alone": mutex(limits, slots[0]),
            "SharedLimit.acquire and release": limit(limits, slots[1], number),
            "SharedRate.acquire": tokens(limits.rate(slots[2], TOKENS).acquire),
            "RateLease.acquire, 64 at once": tokens(RateLease(rate, 64).acquire),
        }

    print(f"-- limits, {ROWS} rows: CPU ns alone; CPU and wall ns contended by 2 processes")
    for name, operation in limiting(0).items():
        alone = best(operation)
        cpu, wall = contended(operation, limiting(1)[name])
        print(f"{name:45} {alone:8.0f} {cpu:8.0f} {wall:8.0f}", flush=True)
    return 0


def best(operation: Operation) -> float:
    """Nanoseconds of CPU for one, in the best round."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time_ns()
        operation(OPERATIONS)
        rounds.append((time.process_time_ns() - began) / OPERATIONS)
    return min(rounds)


def contended(operation: Operation, other: Operation) -> tuple[float, float]:
    """Nanoseconds of CPU and of wall time for one, while another process does the other."""
    child = os.fork()
    if child == 0:
        while True:
            other(100)
    try:
        done = 0
        cpu, wall = time.process_time_ns(), time.monotonic_ns()
        while not done or time.monotonic_ns() - wall < CONTENDED_SECONDS * 1e9:
            operation(100)
            done += 100
        return (time.process_time_ns() - cpu) / done, (time.monotonic_ns() - wall) / done
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def empty(times: int) -> None:
    for _ in range(times):
        pass


def attribute(stats: Plain | Stats) -> Operation:
    def operation(times: int) -> None:
        for _ in range(times):
            stats.task_total += 1

    return operation


def cells(row: Row) -> Operation:
    def operation(times: int) -> None:
        for _ in range(times):
            row.cells[5] += 1

    return operation


def total(counters: Counters) -> Operation:
    def operation(times: int) -> None:
        for _ in range(times):
            counters.total(5)

    return operation


def mutex(limits: Limits, slot: int) -> Operation:
    held: Mutex = limits.mutex(slot)

    def operation(times: int) -> None:
        for _ in range(times):
            with held:
                pass

    return operation


def limit(limits: Limits, slot: int, number: int) -> Operation:
    shared = limits.limit(slot, number, 1000)

    def operation(times: int) -> None:
        for _ in range(times):
            shared.acquire()
            shared.release()

    return operation


def tokens(acquire: Callable[[int], bool]) -> Operation:
    def operation(times: int) -> None:
        now = time.monotonic_ns()
        for _ in range(times):
            acquire(now)

    return operation


if __name__ == "__main__":
    sys.exit(main())
