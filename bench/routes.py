"""What a choice among many rules costs: a `route_upstream` with a few rules, and with 100,000.

Figures to read, nothing to pass: ``python -m bench.routes``. The best of several short rounds is shown, since whatever
else runs on the machine only ever adds. Rules are exact names, networks, domains and ends of names, as many of each;
the targets are such that rules of one kind name them, and at last none.
"""

import sys
import time
import tracemalloc
from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Any

from g3proxyd.config.escaper import RouteUpstreamConfig
from g3proxyd.escaper.dummy_deny import DummyDenyEscaper
from g3proxyd.escaper.route_upstream import RouteUpstreamEscaper
from g3proxyd.upstream import Upstream

SIZES = (100, 100_000)
OPERATIONS = 2000
ROUNDS = 20
PORT = 443
TASK: Any = None
"""The task that a choice is for; this escaper does not look at it."""


def main(sizes: Sequence[int] = SIZES) -> int:
    """Print all figures."""
    print(f"{'':>8} {'seconds':>8} {'MiB':>6}   nanoseconds of CPU for a choice by")
    print(f"{'rules':>8} {'to make':>8} {'kept':>6}", *(f"{kind:>9}" for kind in targets(1)))
    for size in sizes:
        each = size // 4
        began = time.process_time()
        make(each)
        seconds = time.process_time() - began
        tracemalloc.start()  # which makes everything slow
        escaper = make(each)
        kept = tracemalloc.get_traced_memory()[0] / 2**20
        tracemalloc.stop()
        costs = [best(escaper, upstreams) for upstreams in targets(each).values()]
        print(f"{4 * each:>8} {seconds:>8.2f} {kept:>6.1f}", *(f"{cost:>9.0f}" for cost in costs), flush=True)
    return 0


def make(each: int) -> RouteUpstreamEscaper:
    """The escaper with so many rules of each kind, from its configuration."""
    numbers = range(each)
    rules = {
        "exact_match": {"other": [f"www.{number}.exact.test" for number in numbers]},
        "subnet_match": {"other": [f"{network(number)}/24" for number in numbers]},
        "child_match": {"other": [f"{number}.child.test" for number in numbers]},
        "suffix_match": {"other": [f"-{number}.suffix.test" for number in numbers]},
    }
    config = RouteUpstreamConfig.model_validate({"name": "route", "default_next": "default", **rules})
    return RouteUpstreamEscaper(config, {name: DummyDenyEscaper(name) for name in ("default", "other")})


def targets(each: int) -> dict[str, list[Upstream]]:
    """Whom to ask for, by the kind of the rules that name them."""
    numbers = [number % each for number in range(OPERATIONS)]
    return {
        "exact": [Upstream(f"www.{number}.exact.test", PORT) for number in numbers],
        "subnet": [Upstream(network(number) + 7, PORT) for number in numbers],
        "child": [Upstream(f"a.b.{number}.child.test", PORT) for number in numbers],
        "suffix": [Upstream(f"www-{number}.suffix.test", PORT) for number in numbers],
        "none": [Upstream(f"www.{number}.example.test", PORT) for number in numbers],
    }


def network(number: int) -> IPv4Address:
    """The first address of a network that is like no other's."""
    return IPv4Address("10.0.0.0") + 256 * number


def best(escaper: RouteUpstreamEscaper, upstreams: Sequence[Upstream]) -> float:
    """Nanoseconds of CPU for one choice, in the best round."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time_ns()
        for upstream in upstreams:
            escaper.choose(upstream, TASK)
        rounds.append((time.process_time_ns() - began) / len(upstreams))
    return min(rounds)


if __name__ == "__main__":
    sys.exit(main())
