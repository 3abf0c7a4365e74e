"""Run the fuzz targets, each for a bounded time: ``python fuzz/run.py [--seconds N] [TARGET...]``.

A target is a file ``fuzz_<name>.py``; ``fuzz/README.md`` says what it holds. What a target has learnt stays in
``corpus/<name>/`` and is where the next run begins; an input that breaks it is kept in ``crashes/<name>/``.
"""

import argparse
import hashlib
import importlib.util
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# One input must not take longer: the work per byte is constant, and no input is longer than this.
SECONDS_PER_INPUT = 10
LONGEST_INPUT = 65_536
MEMORY_MIB = 2_048
START_UP = 120  # instrumentation and reading the corpus; seconds
LAST_LINES = 60


@dataclass(frozen=True)
class Outcome:
    """How one target did."""

    name: str
    inputs: int
    crashes: list[Path]
    passed: bool
    output: str


def main() -> int:
    names = target_names()
    parser = argparse.ArgumentParser(prog="nox -s fuzz --", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"of {', '.join(names)}; all of them if none is named"
    )
    parser.add_argument("--seconds", type=int, default=60, help="how long each target runs (default: 60)")
    parser.add_argument("--processes", type=int, default=2, help="how many targets run at once (default: 2)")
    options = parser.parse_args()
    unknown = sorted(set(options.targets) - set(names))
    if unknown:
        parser.error(f"no such target: {', '.join(unknown)}")
    with ThreadPoolExecutor(options.processes) as pool:
        outcomes = list(pool.map(lambda name: run(name, options.seconds), options.targets or names))
    for outcome in outcomes:
        if not outcome.passed:
            print(f"== {outcome.name}", outcome.output, sep="\n")
    for outcome in outcomes:
        print(f"{outcome.name:12} {outcome.inputs:10} inputs  {'passed' if outcome.passed else 'FAILED'}")
        for path in outcome.crashes:
            target = f"fuzz/fuzz_{outcome.name}.py"
            print(f"    {path.relative_to(HERE.parent)}: repeat it with `.venv/bin/python {target} {path}`")
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def target_names() -> list[str]:
    return sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.py"))


def run(name: str, seconds: int) -> Outcome:
    """Run one target in a process of its own."""
    corpus, crashes = HERE / "corpus" / name, HERE / "crashes" / name
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    write_seeds(name, corpus)
    before = set(crashes.iterdir())
    command = [
        sys.executable,
        str(HERE / f"fuzz_{name}.py"),
        str(corpus),
        f"-max_total_time={seconds}",
        f"-artifact_prefix={crashes}/",
        f"-timeout={SECONDS_PER_INPUT}",
        f"-max_len={LONGEST_INPUT}",
        f"-rss_limit_mb={MEMORY_MIB}",
        "-print_final_stats=1",
    ]
    try:
        ended = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds + START_UP, check=False
        )
        output, passed = ended.stdout.decode(errors="replace"), ended.returncode == 0
    except subprocess.TimeoutExpired as late:
        output, passed = (late.stdout or b"").decode(errors="replace") + "\nit did not end in time", False
    inputs = re.search(r"stat::number_of_executed_units: (\d+)", output)
    found = sorted(set(crashes.iterdir()) - before)
    last = "\n".join(output.splitlines()[-LAST_LINES:])
    return Outcome(name, int(inputs.group(1)) if inputs else 0, found, passed, last)


def write_seeds(name: str, corpus: Path) -> None:
    """Put what the target calls a good start into its corpus, under the name that the fuzzer would choose."""
    for seed in load(name).seeds():
        (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)


def load(name: str) -> Any:
    """Import a target without the fuzzer."""
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", HERE / f"fuzz_{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
