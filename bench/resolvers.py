"""What names cost: questions per second of a resolver's CPU, with answers from a name server and from its own memory.

Figures to read, nothing to pass: ``python -m bench.resolvers``, with the resolvers and transports that are wanted as
words (``hickory quic``). Each resolver has a process of its own, whose CPU time is counted, and a name server
on the loopback beside it. Rounds take turns, and the best one of each is shown: whatever else the machine does only
adds. Without words the page of the documentation is written anew. What needs the dependency group ``bench`` is left
out where that is not installed.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

import uvloop

from bench.askers import ASKERS, FEWER_NAMES, NAMES, PATIENCE, Asker
from bench.certificate import certify
from bench.measure import Others
from bench.report import Machine

PAGE = Path(__file__).resolve().parents[1] / "docs" / "resolver-benchmarks.md"
LIBRARIES = ("g3proxyd", "dnspython", "aiodns", "pycares", "aioquic", "uvloop")
ROUNDS = 5
AT_ONCE = 64
RECALLED = 100_000
UNIQUE = "x{}.bench.test"
WAYS = {
    "udp": "UDP",
    "tcp": "TCP",
    "tls": "TLS (RFC 7858)",
    "https": "HTTP/2 (RFC 8484)",
    "h3": "HTTP/3 (RFC 8484)",
    "quic": "QUIC (RFC 9250)",
}
Pair = tuple[str, str]
"""A resolver and a transport."""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of one question."""

    asked: float
    """Of one that the name server answers."""
    recalled: float
    """Of one that the resolver's own memory answers."""

    def best(self, other: "Cost") -> "Cost":
        return Cost(min(self.asked, other.asked), min(self.recalled, other.recalled))


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is asked."""

    rounds: int = ROUNDS
    names: int = NAMES
    recalled: int = RECALLED


QUICK = Scale(1, 20, 100)


async def measure(asker: Asker, scale: Scale) -> Cost:
    """Ask for new names, so many at a time, then again and again for one of them."""
    ask = asker.start()
    names = min(asker.names, scale.names)
    await ask(UNIQUE.format("warm"))
    numbers = iter(range(names))

    async def work() -> None:
        for number in numbers:
            await ask(UNIQUE.format(number))

    began = time.process_time()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    asked = time.process_time()
    await asker.recall(ask, UNIQUE.format(names // 2), scale.recalled)
    recalled = time.process_time()
    await asker.stop()
    return Cost((asked - began) / names, (recalled - asked) / scale.recalled)


@contextmanager
def name_server(certificate: Path, key: Path) -> Iterator[dict[str, int]]:
    """The ports of a name server, by transport, for the length of the block."""
    command = [sys.executable, "-m", "bench.name_server", str(certificate), str(key)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def measure_all(pairs: Sequence[Pair], scale: Scale) -> dict[Pair, Cost]:
    """The best of all rounds, each measurement in a process of its own."""
    best: dict[Pair, Cost] = {}
    with tempfile.TemporaryDirectory(prefix="g3-bench-") as folder:
        certificate, key = certify(Path(folder))
        with name_server(certificate, key) as ports:
            for pair in list(pairs) * scale.rounds:
                words = [*pair, str(ports[pair[1]]), str(certificate), str(scale.names), str(scale.recalled)]
                command = [sys.executable, "-m", "bench.resolvers", "--one", *words]
                done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=PATIENCE)
                cost = Cost(*json.loads(done.stdout))
                print(f"  {' over '.join(pair)}: {cost.asked * 1e6:.0f} us asked", file=sys.stderr, flush=True)
                best[pair] = cost.best(best.get(pair, cost))
    return best


def one(name: str, transport: str, port: str, certificate: str, names: str, recalled: str) -> None:
    """Measure this resolver in this process, and print the figures as JSON."""
    asker = ASKERS[name][0](transport, int(port), Path(certificate))
    cost = uvloop.run(measure(asker, Scale(1, int(names), int(recalled))))
    print(json.dumps([cost.asked, cost.recalled]))


def chosen(words: Sequence[str]) -> list[Pair]:
    """What the words pick and what is installed, transport by transport."""
    modules = {("aiodns", way): "aiodns" for way in WAYS} | {("dnspython", "https"): "httpx2"}
    return [
        (name, way)
        for way in WAYS
        for name, (_, ways) in ASKERS.items()
        if way in ways and find_spec(modules.get((name, way), "dns")) and all(word in (name, way) for word in words)
    ]


def table(costs: dict[Pair, Cost]) -> list[list[str]]:
    """Header and rows; the transport is told once."""
    rows = [["over", "resolver", "asked: per CPU second", "us", "remembered: per CPU second", "us"]]
    for way, pairs in groupby(costs, key=lambda pair: pair[1]):
        for number, pair in enumerate(pairs):
            cost = costs[pair]
            rows.append(["" if number else WAYS[way], pair[0], *figures(cost.asked), *figures(cost.recalled)])
    return rows


def figures(seconds: float) -> tuple[str, str]:
    return f"{1 / seconds:,.0f}", f"{seconds * 1e6:.1f}"


def installed(name: str) -> str | None:
    """The version of a distribution, if it is here."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def page(costs: dict[Pair, Cost], began: datetime, others: float) -> str:
    """The page of the documentation."""
    header, *rows = table(costs)
    lines = [header, ["---", "---", "---:", "---:", "---:", "---:"], *rows]
    machine = Machine.here()
    return _PAGE.format(
        table="\n".join("| " + " | ".join(line) + " |" for line in lines),
        machine=f"{machine.cores} cores ({machine.processor}), {machine.kernel}, {machine.python}",
        versions=", ".join(f"{name} {found}" for name in LIBRARIES if (found := installed(name))),
        date=began.strftime("%Y-%m-%d"),
        others=f"{others:.2f}",
        rounds=ROUNDS,
        names=f"{NAMES:,}",
        at_once=AT_ONCE,
        fewer=FEWER_NAMES,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the page is written when nothing was left out."""
    parser = argparse.ArgumentParser(prog="python -m bench.resolvers", description="Measure resolvers side by side.")
    parser.add_argument("--quick", action="store_true", help="a short run that proves the harness, not the resolvers")
    parser.add_argument("words", nargs="*", help=f"resolvers and transports: {', '.join((*ASKERS, *WAYS))}")
    options = parser.parse_args(arguments)
    began, others, pairs = datetime.now(UTC), Others(), chosen(options.words)
    if not pairs:
        parser.error("no resolver is called so and asks so")
    costs = measure_all(pairs, QUICK if options.quick else Scale())
    for row in table(costs):
        print("{:<18} {:<10} {:>22} {:>8} {:>27} {:>8}".format(*row))
    if not options.quick and len(pairs) == sum(len(ways) for _, ways in ASKERS.values()):
        PAGE.write_text(page(costs, began, others.cores()))
        print(f"Page: {os.path.relpath(PAGE)}")
    return 0


_PAGE = """\
# Benchmarks of resolvers

This page is written by `bench/resolvers.py`; edit that, not this.

What a name costs: how many questions for the IPv4 addresses of a name a resolver answers in a second of CPU time, first
those for new names, each of which is asked of a name server, then those that its own memory answers. `hickory` and
`c_ares` are g3proxyd's; beside them [dnspython](https://www.dnspython.org/)'s resolver of coroutines and
[aiodns](https://github.com/aio-libs/aiodns).

{table}

Measured on {date}: {machine}; {versions}. Other programs kept {others} of the cores busy meanwhile.

## How it is measured

- Each resolver runs in a process of its own on uvloop, and the user and system time of that process is counted. The
  name server is another process on the same machine; it has the same answer for every name. {names} names are asked
  for, {at_once} at a time; of {rounds} rounds, in turns, the best one counts.
- dnspython opens a connection for each question over everything but UDP, and so pays for a handshake each time; there
  it is asked for {fewer} names. The others keep theirs open.
- Over TCP `hickory` asks only what does not fit into a datagram; in its row it asks everything so.
- What is remembered g3proxyd's resolvers say at once, in the call that asks, which is how the daemon asks them. The
  others have a coroutine or a future for it.

## Do it yourself

```
python3 g3.py sync bench                 # aiodns, and httpx2 for dnspython over HTTP/2
nox -s bench                             # proxies, then resolvers
python -m bench.resolvers                # resolvers alone: some five minutes
python -m bench.resolvers hickory quic   # one of them over one transport
```
"""


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:])
    else:
        sys.exit(main())
