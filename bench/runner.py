"""Runs workloads over proxies: all proxies of a row side by side, repetitions taken in turns."""

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from bench import origin
from bench.certificate import certify
from bench.peers import Peer, Places, Setup
from bench.processes import StartError, cores, free_port, running, tail
from bench.workloads import Scale, Site, Subject, Workload, WrongResultError

# A port that was free may be taken before the proxy gets there.
_START_TRIES = 3


@dataclass(slots=True)
class Cell:
    """What one proxy did in one workload: a figure for each repetition, or why there is none."""

    values: list[float] = field(default_factory=list)
    problem: str = ""
    summary: Callable[[Sequence[float]], float] = median

    @property
    def value(self) -> float | None:
        """The figure for all repetitions, None when there was a problem."""
        return self.summary(self.values) if self.values and not self.problem else None


# By the name of the workload, then by the name of the proxy; a proxy that cannot be set up so has no cell.
Results = dict[str, dict[str, Cell]]


def run(workloads: Sequence[Workload], peers: Sequence[Peer], scale: Scale) -> Results:
    """Measure; a proxy that fails a workload gets its problem noted, the others go on."""
    proxy_core, client_core = cores()
    results: Results = {}
    with tempfile.TemporaryDirectory(prefix="g3-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # proxies that change their user must reach their own folders in it
        with origin.serve(folder / "origin", client_core) as server:
            site = Site(server, client_core, scale, *certify(folder))
            for workload in workloads:
                results[workload.name] = _row(workload, peers, site, folder, proxy_core)
    return results


def _row(workload: Workload, peers: Sequence[Peer], site: Site, folder: Path, core: int) -> dict[str, Cell]:
    cells = {peer.name: Cell(summary=workload.summary) for peer in peers if workload.setup in peer.setups}
    taking_part = [peer for peer in peers if peer.name in cells]
    with ExitStack() as stack:
        subjects: dict[str, Subject] = {}
        if workload.behind is not None:
            try:
                following = stack.enter_context(_started(*workload.behind, site, folder, site.client_core))
            except StartError as error:
                return {name: Cell(problem=f"the next proxy: {error}") for name in cells}
            site = replace(site, next_port=following.port)
        if not workload.fresh:
            for peer in taking_part:
                with _noting(cells[peer.name]):
                    subjects[peer.name] = stack.enter_context(_started(peer, workload.setup, site, folder, core))
        scale = site.scale
        for repetition in range(scale.fresh_repetitions if workload.fresh else scale.repetitions):
            for peer in taking_part:
                cell = cells[peer.name]
                if cell.problem:
                    continue
                with _noting(cell), ExitStack() as short:
                    subject = subjects.get(peer.name) or short.enter_context(
                        _started(peer, workload.setup, site, folder, core)
                    )
                    cell.values.append(workload.measure(workload, subject, site))
                _say(workload, peer, repetition, cell)
    return cells


@contextlib.contextmanager
def _started(peer: Peer, setup: Setup, site: Site, folder: Path, core: int | None) -> Iterator[Subject]:
    """Run a proxy with a configuration and a port of its own until the block ends."""
    with ExitStack() as stack:
        for attempt in range(_START_TRIES):
            own = Path(tempfile.mkdtemp(prefix=f"{peer.name}-", dir=folder))
            own.chmod(0o755)
            places = Places(free_port(), site.origin.port, site.next_port, site.certificate, site.key)
            log = own / "output.log"
            config = peer.configure(own, setup, places)
            try:
                stack.callback(peer.clean, config)
                pid = stack.enter_context(running(peer.command(config), log, core, [places.port]))
                break
            except StartError:
                if attempt + 1 == _START_TRIES:
                    raise
        try:
            yield Subject(pid, places.port, peer.keep_alive)
        except WrongResultError as error:
            raise WrongResultError(f"{error}\n{tail(log)}".strip()) from error


@contextlib.contextmanager
def _noting(cell: Cell) -> Iterator[None]:
    try:
        yield
    except (StartError, WrongResultError) as error:
        cell.problem = str(error)


def _say(workload: Workload, peer: Peer, repetition: int, cell: Cell) -> None:
    what = cell.problem.splitlines()[0] if cell.problem else f"{cell.values[-1]:.{workload.digits}f} {workload.unit}"
    print(f"  {workload.name} {repetition + 1} {peer.name}: {what}", file=sys.stderr, flush=True)
