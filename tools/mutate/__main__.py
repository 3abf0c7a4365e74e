"""Run the mutants of packages: ``python -m tools.mutate [PACKAGE...] [--only PART-OF-A-FILE-NAME]``.

Prints the survivors of each package as differences, then a table. Fails where a package's score is below 90 %, or
where ``equivalent.toml`` names a mutant that isn't there any more.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.workspace import ROOT, Member, packages

from .cold import run_cold
from .hot import KILLED, PYTEST, UNDECIDED, HotRun
from .mutants import Mutant, mutants
from .processes import TIMED_OUT, start

NEEDED = 90.0
EQUIVALENT = Path(__file__).with_name("equivalent.toml")


@dataclass(frozen=True)
class Score:
    """How a package's tests did."""

    killed: int
    timed_out: int
    survivors: list[str]
    equivalent: int
    stale: list[str]

    @property
    def percent(self) -> float:
        caught = self.killed + self.timed_out
        return 100 * caught / max(1, caught + len(self.survivors))

    @property
    def is_good(self) -> bool:
        return self.percent >= NEEDED and not self.stale


def main() -> int:
    parser = argparse.ArgumentParser(prog="nox -s mutate --", description=__doc__)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE")
    parser.add_argument("--only", default="", help="mutate only files whose name holds this")
    options = parser.parse_args()
    # One profile for all children: the same examples each time, and no search for the smallest that fails.
    os.environ["HYPOTHESIS_PROFILE"] = "mutate"
    rows = []
    good = True
    for member in packages():
        if options.packages and member.name not in options.packages:
            continue
        began = time.monotonic()
        score = judge(member, options.only)
        print(f"== {member}: {len(score.survivors)} survivors", *score.survivors, *score.stale, sep="\n", flush=True)
        rows.append(
            f"{member.name:14} {score.killed:6} {score.timed_out:7} {len(score.survivors):8} {score.equivalent:10} "
            f"{score.percent:5.1f} % {time.monotonic() - began:5.0f} s"
        )
        good = good and score.is_good
    print("", "package        killed timeout survived equivalent   score    time", *rows, sep="\n")
    return 0 if good else 1


def judge(member: Member, only: str) -> Score:
    """Run the mutants of one package and leave out those that nobody could tell from the original."""
    files = [path for path in sorted(member.source.rglob("*.py")) if only in path.name]
    results = run(member, [mutant for path in files for mutant in mutants(path)])
    survived = [mutant for mutant, status in results if status not in (KILLED, TIMED_OUT)]
    known = [entry for entry in read_equivalent() if ROOT / entry["file"] in files]
    unseen = [entry for entry in known if not any(is_named(mutant, entry) for mutant in survived)]
    real = [mutant for mutant in survived if not any(is_named(mutant, entry) for entry in known)]
    return Score(
        killed=sum(status == KILLED for _, status in results),
        timed_out=sum(status == TIMED_OUT for _, status in results),
        survivors=[f"{mutant.path.relative_to(ROOT).parent}/{mutant}" for mutant in real],
        equivalent=len(survived) - len(real),
        stale=[f"{EQUIVALENT.name} names a mutant that no longer survives: {entry}" for entry in unseen],
    )


def run(member: Member, found: list[Mutant]) -> list[tuple[Mutant, int]]:
    """Every mutant with its fate. What can't be decided in a warm process gets a cold trial."""
    hot = [mutant for mutant in found if mutant.function is not None]
    statuses, seconds = run_hot(member, hot)
    fates = [(mutant, status) for mutant, status in zip(hot, statuses, strict=True) if status != UNDECIDED]
    settled = {id(mutant) for mutant, _ in fates}
    rest = [mutant for mutant in found if id(mutant) not in settled]
    fates += run_cold(member.source, member.folder / "tests", rest, seconds)
    order = {id(mutant): index for index, mutant in enumerate(found)}
    return sorted(fates, key=lambda fate: order[id(fate[0])])


def run_hot(member: Member, hot: list[Mutant]) -> tuple[list[int], float]:
    """Run the mutants inside functions; also measures how long the suite takes."""
    with tempfile.TemporaryDirectory() as folder:
        results, output = Path(folder, "results.json"), Path(folder, "output.txt")

        def work(plugin: HotRun) -> int:
            return int(pytest.main([*PYTEST, str(member.folder / "tests")], plugins=[plugin]))

        child = start(work, HotRun(member.source, hot, results), str(output))
        os.waitpid(child, 0)
        if not results.exists():
            sys.exit(f"{member}: {output.read_text()}")
        measured = json.loads(results.read_text())
    return measured["statuses"], measured["seconds"]


def read_equivalent() -> Iterable[dict[str, str]]:
    entries: list[dict[str, str]] = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("equivalent", [])
    return entries


def is_named(mutant: Mutant, entry: dict[str, str]) -> bool:
    place = mutant.path == ROOT / entry["file"]
    return place and (mutant.before, mutant.after) == (entry["before"], entry["after"])


if __name__ == "__main__":
    sys.exit(main())
