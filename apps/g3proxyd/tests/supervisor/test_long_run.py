"""Everything that may happen to a daemon in months, within minutes, under load. A variable scales it down:

``LONG_RUN=0.1 pytest -m slow apps/g3proxyd/tests/supervisor/test_long_run.py --timeout 900``
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop
from load import Load
from service import Service, service

SCALE = float(os.environ.get("LONG_RUN", "1"))
"""Of the numbers below."""

RATE, KEPT, TUNNELS = round(1000 * SCALE), max(round(50 * SCALE), 2), round(200 * SCALE)
RELOADS, UPGRADES, KILLS = round(100 * SCALE), round(20 * SCALE), round(20 * SCALE)

pytestmark = pytest.mark.slow


def run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def reconfigure(running: Service, number: int) -> None:
    """Rebuild everything, the server alone, or nothing."""
    match number % 3:
        case 0:
            running.configure(resolver={"type": "c_ares", "each_tries": 2 + number % 5})
        case 1:
            running.configure(req_header_max_size=10_000 + number)


def test_reloads_upgrades_and_failing_upgrades(tmp_path: Path) -> None:
    async def main() -> None:
        chance = random.Random(1)
        actions = ["reload"] * RELOADS + ["upgrade"] * UPGRADES + ["failure"] * max(UPGRADES // 4, 1)
        chance.shuffle(actions)
        load = Load(running.proxy)
        async with load.running(rate=RATE, kept=KEPT, tunnels=TUNNELS):
            for number, action in enumerate(actions):
                await load.until(RATE // 10)
                if action == "reload":
                    reconfigure(running, number)
                    await asyncio.to_thread(running.reload)
                elif action == "upgrade":
                    await asyncio.to_thread(running.upgrade)
                else:
                    await asyncio.to_thread(fail_to_upgrade, running)
            await load.until(RATE)
        print(f"{load.requests} requests, {load.words} words, slowest {load.slowest:.3f} s")
        load.check()

    with service(tmp_path) as running:
        run(main())


def fail_to_upgrade(running: Service) -> None:
    good = running.path.read_text()
    running.path.write_text(good.replace("127.0.0.1:", "192.0.2.1:"))  # an address that is not ours
    failed = running.start(wait=False)
    running.generations.remove(failed)
    try:
        assert failed.end() == 1
    finally:
        running.path.write_text(good)


def test_kills(tmp_path: Path) -> None:
    async def main() -> None:
        load, kills = Load(running.proxy), []
        async with load.running(rate=RATE, kept=KEPT, tunnels=0):
            for number in range(KILLS):
                await load.until(RATE // 2)
                victim = running.now.workers()[number % 2]
                kills.append(time.monotonic())
                os.kill(victim, signal.SIGKILL)
                await asyncio.to_thread(running.now.wait_for, f"(pid {victim}) ended with signal 9")
            await load.until(RATE)
        print(f"{load.requests} requests, {len(load.failures)} failures, {load.dropped} kept connections dropped")
        # Only what a worker had at hand dies with it: nothing that waited in a queue, nothing that came later.
        assert [span for span in load.spans if not any(span[0] <= kill <= span[1] for kill in kills)] == []
        assert len(load.failures) < load.requests / 10

    with service(tmp_path) as running:
        run(main())
