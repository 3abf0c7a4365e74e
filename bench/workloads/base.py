"""What a workload is, and what it has to work with."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.load import Dialect, Orders, Outcome
from bench.origin import Origin
from bench.peers import Peer, Setup
from bench.processes import pinned

_BENCH = Path(__file__).resolve().parents[1]


class WrongResultError(Exception):
    """Not every answer was right, so the figure would mean nothing."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much work one measurement does: enough that the clock's steps and the start of a run do not show."""

    forward_seconds: int
    connections: int
    bulk_downloads: int
    datagrams: int
    idle_tunnels: int
    repetitions: int
    fresh_repetitions: int
    """Those of workloads that start the proxies anew each time."""


# The speed of a shared machine changes within a minute, and not by the same factor for all programs: many short turns.
FULL = Scale(
    forward_seconds=2,
    connections=3000,
    bulk_downloads=4,
    datagrams=40_000,
    idle_tunnels=4000,
    repetitions=11,
    fresh_repetitions=3,
)
QUICK = Scale(
    forward_seconds=1,
    connections=200,
    bulk_downloads=1,
    datagrams=2000,
    idle_tunnels=200,
    repetitions=1,
    fresh_repetitions=1,
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A running proxy: the root of its processes and its port on 127.0.0.1."""

    pid: int
    port: int
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class Site:
    """What surrounds the proxy: the core of the clients, the amount of work, and what its configuration names."""

    origin: Origin
    client_core: int | None
    scale: Scale
    certificate: Path
    key: Path
    next_port: int = 0


@dataclass(frozen=True, slots=True)
class Workload:
    """One row of the table. `measure` returns the cost for one `unit`, or raises WrongResultError."""

    name: str
    title: str
    unit: str
    setup: Setup
    dialect: Dialect
    measure: Callable[["Workload", Subject, Site], float]
    # Memory is only comparable in a process that has not worked before.
    fresh: bool = False
    digits: int = 1
    # What is shown of all repetitions.
    summary: Callable[[Sequence[float]], float] = median
    # The next proxy, on the clients' core; its setup; both are the same for all whose turn it is.
    behind: tuple[Peer, Setup] | None = None

    def missing(self) -> str | None:
        """Why it cannot be measured here, None when it can."""
        if self.behind is None or (reason := self.behind[0].missing()) is None:
            return None
        return f"{self.behind[0].name}, the next proxy, is {reason}"


def orders_for(
    workload: Workload, subject: Subject, site: Site, path: str, size: int, total: int, concurrency: int = 32
) -> Orders:
    """Orders to the load generator: so many connections with one request each."""
    return Orders(subject.port, site.origin.port, workload.dialect, path, size, total, concurrency)


def load_command(orders: Orders, core: int | None) -> list[str]:
    """The load generator as a program of its own, on the clients' core."""
    return pinned(core, [sys.executable, "-I", "-S", str(_BENCH / "load.py"), json.dumps(asdict(orders))])


def carry_out(orders: Orders, core: int | None) -> Outcome:
    """Run the load generator to its end; all its conversations must have succeeded."""
    done = subprocess.run(
        load_command(orders, core), capture_output=True, text=True, timeout=orders.seconds + 30, check=False
    )
    if done.returncode != 0:
        raise WrongResultError(f"the load generator failed: {done.stderr.strip()[-300:]}")
    return judged(done.stdout, orders)


def judged(text: str, orders: Orders) -> Outcome:
    """What the load generator printed, if all went well."""
    outcome = Outcome(**json.loads(text))
    if outcome.failed or outcome.completed != orders.total:
        raise WrongResultError(f"{outcome.failed} of {orders.total} failed: {'; '.join(outcome.complaints)}")
    return outcome


def run_json(command: Sequence[str], core: int | None, timeout: float) -> dict[str, Any]:
    """Run a client that prints a JSON object as its last line."""
    done = subprocess.run(pinned(core, command), capture_output=True, text=True, timeout=timeout, check=False)
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        raise WrongResultError(
            f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}"
        )
    result: dict[str, Any] = json.loads(lines[-1])
    return result


def missing_clients() -> list[str]:
    """Clients that the workloads need and that are not installed."""
    return [name for name in ("wrk", "curl") if shutil.which(name) is None]
