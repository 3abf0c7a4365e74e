"""CPU time and memory of a process and of everything that it started, as Linux accounts for them."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from time import clock_gettime, monotonic

_TICK = 1 / os.sysconf("SC_CLK_TCK")
# clock_getcpuclockid(3) packs a process id so: the complement of the id, then CPUCLOCK_SCHED (2). The clock counts
# nanoseconds over all threads, ended ones too; /proc/PID/stat has ticks of 10 ms, and schedstat lacks ended threads.
_CPUCLOCK_SCHED = 2


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a process tree in bytes: `pss` shares common pages out, `rss` counts them for each process."""

    pss: int
    rss: int


@dataclass(frozen=True, slots=True)
class _Stat:
    parent: int
    session: int
    reaped_seconds: float


def process_tree(root: int) -> list[int]:
    """The process, its descendants, and what else lives in its session (daemons that forked twice)."""
    stats = {pid: stat for pid in _all_processes() if (stat := _read_stat(pid)) is not None}
    return _tree(root, stats)


def cpu_seconds(root: int) -> float:
    """User and system time that the process tree has used, children that ended and were waited for included."""
    stats = {pid: stat for pid in _all_processes() if (stat := _read_stat(pid)) is not None}
    return sum(_clock(pid) + stats[pid].reaped_seconds for pid in _tree(root, stats))


def memory(root: int) -> Memory:
    """Resident memory of the process tree now."""
    pss = rss = 0
    for pid in process_tree(root):
        fields = _rollup(pid)
        pss += fields.get("Pss", 0)
        rss += fields.get("Rss", 0)
    return Memory(pss * 1024, rss * 1024)


class Others:
    """How busy the rest of the machine has been since this was made: what disturbs a measurement."""

    def __init__(self) -> None:
        self._began = monotonic()
        self._machine = _machine_seconds()
        self._ours = _our_seconds()

    def cores(self) -> float:
        """Cores that others kept busy on average; right once all that this process started has ended."""
        others = (_machine_seconds() - self._machine) - (_our_seconds() - self._ours)
        return max(0.0, others / (monotonic() - self._began))


def _machine_seconds() -> float:
    # user nice system idle iowait irq softirq steal, over all cores
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) * _TICK


def _our_seconds() -> float:
    return sum(os.times()[:4])


def _all_processes() -> Iterable[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _tree(root: int, stats: dict[int, _Stat]) -> list[int]:
    members = {pid for pid, stat in stats.items() if pid == root or stat.session == root}
    grown = True
    while grown:
        more = {pid for pid, stat in stats.items() if stat.parent in members} - members
        members |= more
        grown = bool(more)
    return sorted(members)


def _read_stat(pid: int) -> _Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None  # it has just ended
    # The name may hold blanks and brackets; the fields after it start with the third, the state.
    fields = text[text.rindex(")") + 2 :].split()
    return _Stat(int(fields[1]), int(fields[3]), (int(fields[13]) + int(fields[14])) * _TICK)


def _clock(pid: int) -> float:
    try:
        return clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
    except OSError:
        return 0.0  # it has just ended; its parent has its time


def _rollup(pid: int) -> dict[str, int]:
    fields: dict[str, int] = {}
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return fields
    for line in lines:
        name, _, rest = line.partition(":")
        fields[name] = int(rest.split()[0])
    return fields
