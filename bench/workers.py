"""What a further worker brings: requests per second, CPU per request and memory with one worker, two, and so on.

Figures to read, nothing to pass: ``python -m bench.workers``. The load and the origin need processors as well, so the
requests per second tell something only where there are more processors than workers; the CPU time per request tells in
any case whether workers are in each other's way. Medians of some rounds are shown.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import origin
from bench.measure import cpu_seconds, memory
from bench.origin import SMALL
from bench.peers import Places
from bench.peers.g3 import G3proxyd
from bench.processes import free_port, raise_file_limit, running
from bench.workloads.base import run_json

NUMBERS = (1, 2, 4)
ROUNDS = 5
SECONDS = 3
CONNECTIONS = 64


def configured(folder: Path, workers: int) -> tuple[Path, int]:
    """The daemon's configuration with so many workers; its file and its port."""
    folder.mkdir()
    port = free_port()
    path = G3proxyd().configure(folder, "http", Places(port, 0, 0, folder, folder))
    path.write_text(f"{path.read_text()}\nworker:\n  thread_number: {workers}\n")
    return path, port


def load(port: int, url: str, seconds: int) -> int:
    """Requests that were answered in so many seconds."""
    script = str(Path(__file__).with_name("requests.lua"))
    proxy, host = f"http://127.0.0.1:{port}", url.split("/")[2]
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "--timeout",
        "10s",
        "-s",
        script,
        proxy,
        "--",
        url,
        host,
    ]
    result = run_json(command, None, seconds + 60)
    if result["errors"]:
        raise SystemExit(f"bench: {result['errors']} requests failed")
    return int(result["requests"])


def main(arguments: Sequence[str] = ()) -> int:
    """Measure and print; the arguments are the numbers of workers."""
    numbers = [int(argument) for argument in arguments] or list(NUMBERS)
    raise_file_limit()
    print(f"{os.cpu_count()} processors, which the daemon, wrk and nginx share")
    with tempfile.TemporaryDirectory(prefix="g3-bench-") as name:
        folder = Path(name)
        with origin.serve(folder / "origin", None) as server:
            rows = {number: measure(folder / str(number), number, server.url(SMALL)) for number in numbers}
    print(f"{'workers':>8} {'requests/s':>11} {'us CPU/request':>15} {'MiB (PSS)':>10}")
    for number, (rate, cost, mebibytes) in rows.items():
        print(f"{number:>8} {rate:>11.0f} {cost:>15.1f} {mebibytes:>10.1f}")
    return 0


def measure(folder: Path, workers: int, url: str) -> tuple[float, float, float]:
    """Medians of requests per second, microseconds of CPU per request and MiB with so many workers."""
    config, port = configured(folder, workers)
    rates, costs = [], []
    with running(G3proxyd().command(config), folder / "log", None, [port]) as pid:
        load(port, url, 1)
        size = memory(pid).pss / 2**20
        for _ in range(ROUNDS):
            before = cpu_seconds(pid)
            requests = load(port, url, SECONDS)
            rates.append(requests / SECONDS)
            costs.append((cpu_seconds(pid) - before) / requests * 1e6)
    return statistics.median(rates), statistics.median(costs), size


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as error:
        sys.exit(f"bench: {error}")
