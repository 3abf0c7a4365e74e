"""The command line of the benchmark."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from bench import origin, report
from bench.measure import Others
from bench.peers import PEERS, Peer
from bench.processes import adopt_orphans, raise_file_limit, sweep
from bench.runner import run
from bench.workloads import FULL, QUICK, WORKLOADS, Workload, missing_clients

_BENCH = Path(__file__).resolve().parent
_PAGE = _BENCH.parent / "docs" / "benchmarks.md"
Named = TypeVar("Named", Peer, Workload)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report. Status 0: all figures are there; 1: some failed; 2: nothing could be measured."""
    options = _parser().parse_args(arguments)
    # A kill from outside ends like Ctrl-C: through the blocks that stop what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    try:
        wanted = _chosen(WORKLOADS, options.only)
        asked = _chosen(PEERS, options.proxies)
    except ValueError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    skipped = {peer.name: reason for peer in asked if (reason := peer.missing())}
    skipped |= {workload.name: reason for workload in wanted if (reason := workload.missing())}
    peers = [peer for peer in asked if peer.name not in skipped]
    workloads = [workload for workload in wanted if workload.name not in skipped]
    if trouble := _trouble(peers, skipped):
        print(f"bench: {trouble}", file=sys.stderr)
        return 2
    raise_file_limit()
    adopt_orphans()
    began, others = datetime.now(UTC), Others()
    scale = QUICK if options.quick else FULL
    try:
        results = run(workloads, peers, scale)
    except KeyboardInterrupt:
        return 130
    finally:
        sweep()
    versions = {peer.name: peer.version() for peer in peers}
    outcome = report.Report(began, report.Machine.here(), scale, others.cores(), versions, skipped, workloads, results)
    print(report.as_text(outcome))
    print(f"Figures: {os.path.relpath(report.write_json(outcome, options.output))}")
    whole = not options.quick and wanted == list(WORKLOADS) and asked == list(PEERS)
    if whole:
        _PAGE.parent.mkdir(exist_ok=True)
        _PAGE.write_text(report.as_markdown(outcome))
        print(f"Page: {os.path.relpath(_PAGE)}")
    return 1 if outcome.problems() else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/run.py", description="Measure proxies side by side.")
    parser.add_argument("--quick", action="store_true", help="a short run that proves the harness, not the proxies")
    parser.add_argument("--only", metavar="A,B", help=f"workloads: {', '.join(item.name for item in WORKLOADS)}")
    parser.add_argument("--proxies", metavar="A,B", help=f"proxies: {', '.join(item.name for item in PEERS)}")
    parser.add_argument("--output", type=Path, default=_BENCH / "results", help="folder of the JSON file")
    return parser


def _chosen(items: Sequence[Named], names: str | None) -> list[Named]:
    """The named items in their own order; all of them without names."""
    if names is None:
        return list(items)
    wanted = set(names.split(","))
    if unknown := wanted - {item.name for item in items}:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(item.name for item in items)}")
    return [item for item in items if item.name in wanted]


def _trouble(peers: Sequence[Peer], skipped: dict[str, str]) -> str | None:
    if reason := origin.missing():
        return reason
    if missing := missing_clients():
        return f"not installed: {', '.join(missing)}"
    if not peers:
        return "no proxy to measure: " + "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
    return None
