"""What came out: a table for the terminal, JSON for programs, a page for the documentation."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.runner import Cell, Results
from bench.workloads import Scale, Workload

# The yardstick of a row is the first of these that takes part.
_YARDSTICKS = ("haproxy", "nginx", "squid", "dante")


@dataclass(frozen=True, slots=True)
class Machine:
    """What the figures depend on besides the programs; nothing that names the machine."""

    cores: int
    processor: str
    memory_gib: int
    kernel: str
    python: str

    @classmethod
    def here(cls) -> "Machine":
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return cls(
            os.cpu_count() or 1,
            _processor(),
            round(pages / 2**30),
            f"{platform.system()} {'.'.join(platform.release().split('-')[0].split('.')[:2])} {platform.machine()}",
            f"{platform.python_implementation()} {platform.python_version()}",
        )


@dataclass(frozen=True, slots=True)
class Report:
    """One whole run."""

    began: datetime
    machine: Machine
    scale: Scale
    others: float
    versions: Mapping[str, str]
    skipped: Mapping[str, str]
    workloads: Sequence[Workload]
    results: Results

    def table(self) -> list[list[str]]:
        """Header and rows: workload, unit, then one column for each proxy."""
        rows = [["workload", "unit", *self.versions]]
        for workload in self.workloads:
            cells = self.results[workload.name]
            rows.append([workload.title, workload.unit, *(_text(workload, cells, name) for name in self.versions)])
        return rows

    def problems(self) -> list[str]:
        """Each measurement that failed, with the reason."""
        return [
            f"{workload}, {proxy}: {_short(cell.problem)}"
            for workload, cells in self.results.items()
            for proxy, cell in cells.items()
            if cell.problem
        ]


def as_text(report: Report) -> str:
    """The table in columns, then what was left out and what failed."""
    rows = report.table()
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.append(f"Other programs kept {report.others:.2f} of {report.machine.cores} cores busy meanwhile.")
    lines.append("In brackets: as a multiple of the figure with (1.00); less is better.")
    lines += [f"Left out: {name}: {reason}" for name, reason in report.skipped.items()]
    lines += [f"Failed: {problem}" for problem in report.problems()]
    return "\n".join(lines)


def as_json(report: Report) -> str:
    """Every repetition's figure."""
    document: dict[str, Any] = {
        "began": report.began.isoformat(),
        "machine": asdict(report.machine),
        "scale": asdict(report.scale),
        "others_busy_cores": report.others,
        "versions": dict(report.versions),
        "skipped": dict(report.skipped),
        "results": [
            {
                "workload": workload.name,
                "unit": workload.unit,
                "proxies": {
                    name: {"figure": cell.value, "values": cell.values, "problem": cell.problem}
                    for name, cell in report.results[workload.name].items()
                },
            }
            for workload in report.workloads
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def as_markdown(report: Report) -> str:
    """The page of the documentation."""
    header, *rows = report.table()
    table = [header, ["---"] * 2 + ["---:"] * (len(header) - 2), *rows]
    lines = ["| " + " | ".join(row) + " |" for row in table]
    machine = report.machine
    versions = ", ".join(f"{name} {version}".strip() for name, version in report.versions.items())
    left_out = "".join(f"- {name} was left out: {reason}.\n" for name, reason in report.skipped.items())
    failed = "".join(f"- Failed: {problem}.\n" for problem in report.problems())
    return _PAGE.format(
        table="\n".join(lines),
        date=report.began.strftime("%Y-%m-%d"),
        cores=machine.cores,
        processor=machine.processor,
        memory=machine.memory_gib,
        kernel=machine.kernel,
        python=machine.python,
        versions=versions,
        others=f"{report.others:.2f}",
        notes=left_out + failed,
        repetitions=report.scale.repetitions,
        fresh=report.scale.fresh_repetitions,
        spread=f"{_spread(report.results):.0%}",
    )


def write_json(report: Report, folder: Path) -> Path:
    """Keep the run as a file named after its time; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.began.astimezone(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_text(as_json(report))
    return path


def _text(workload: Workload, cells: Mapping[str, Cell], name: str) -> str:
    cell = cells.get(name)
    if cell is None:
        return "-"
    value = cell.value
    if value is None:
        return "failed"
    figure = f"{value:.{workload.digits}f}"
    yardstick = next((cells[other].value for other in _YARDSTICKS if other in cells), None)
    return f"{figure} ({value / yardstick:.2f})" if yardstick else figure


def _short(problem: str) -> str:
    """The first line says what, the last line of the proxy's log mostly why; the JSON file has it all."""
    lines = problem.splitlines()
    return lines[0] if len(lines) == 1 else f"{lines[0]} {lines[-1].strip()}"


def _spread(results: Results) -> float:
    """The widest distance between two repetitions of one cell, as a part of its median."""
    widths = [
        (max(cell.values) - min(cell.values)) / cell.value
        for cells in results.values()
        for cell in cells.values()
        if cell.value
    ]
    return max(widths, default=0.0)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


_PAGE = """\
# Benchmarks

This page is written by `bench/run.py`; edit that, not this.

What a proxy costs: the CPU time of all its processes for one unit of work, and the memory that an idle tunnel keeps.
In brackets the same as a multiple of one peer's figure, the one with (1.00); less is better.

{table}

Measured on {date}: {cores} cores ({processor}), {memory} GiB, {kernel}; {versions}; the benchmark itself on {python}.
Other programs kept {others} of the cores busy meanwhile; the more, the dearer is all work.

{notes}
## How it is measured

- Each proxy runs alone on the first core, with one worker where it has such a setting; nginx, the origin, and the
  clients share the second core. All connections are on 127.0.0.1. Name resolution, access control lists,
  authentication, logging and caching are not part of these workloads and are off in every proxy.
- Where TLS ends, plain TCP goes on to the origin. All have the same certificate (P-256), TLS 1.3 and
  TLS_AES_256_GCM_SHA384; they give out session tickets, which no client uses.
- A next proxy runs on the second core, so that its time does not count; the row without one tells what it adds.
- CPU time is the kernel's own account (`CLOCK_PROCESS_CPUTIME_ID` of each process of the proxy, in nanoseconds, and the
  time of children that have ended). It does not depend on how fast the clients are, but a proxy that has more to do at
  once does more for each wake-up.
- Datagrams under way: a window of them, and the next one when all have come back. Their loss is that of a stream at
  half of the rate that such windows reach with this proxy; of all repetitions the worst is shown.
- Memory is the proportional set size of all processes, before and after; each tunnel has carried one request.
- The proxies of a row run side by side and take turns: {repetitions} repetitions each, {fresh} of those that start anew
  each time; the median is shown. The widest spread between repetitions of one figure was {spread} of its median. The
  speed of a shared machine changes from minute to minute, and not by the same factor for all programs.
- Every answer is checked for its status and its length; a proxy with one wrong answer gets no figure.
- tinyproxy serves one request for each connection, so its first row has a connection for each request. Dante is a group
  of processes; all of them count.
- `nox -s bench` runs g3proxyd on the distribution's Python, as the others are the distribution's builds;
  `python bench/run.py` runs the one of the environment that it is called from. A Python that was built without
  profile-guided optimisation costs a tenth to a quarter more.
- The configurations are in `bench/peers/`, the workloads in `bench/workloads/`.

## Do it yourself

```
nox -s bench                                   # everything: some twenty minutes
python bench/run.py --only forward,connect     # some rows
python bench/run.py --proxies g3proxyd,squid   # some columns
G3PROXY_BIN=/usr/bin/g3proxy nox -s bench      # with the original in Rust beside them
```

nginx, wrk and curl must be installed, and those proxies that are to be compared (`bench/install.sh` installs them from
Debian and keeps their services from starting). A run of other programs on the same machine disturbs all figures.
"""
