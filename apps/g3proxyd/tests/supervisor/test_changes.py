"""Reloads, upgrades and deaths under load."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop
from g3proxyd.control.client import RefusedError
from g3proxyd.supervisor.handover import meet
from load import Connection, Load, origin
from service import service


def run(main: Coroutine[Any, Any, None]) -> None:
    """On the daemon's kind of event loop. Starting a process takes seconds on a busy machine: each wait has its end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def test_reloads_lose_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with Load(running.proxy).running() as load:
            for number in range(6):
                running.configure(resolver={"type": "deny_all" if number % 2 else "c_ares"})
                report = await asyncio.to_thread(running.reload)
                assert [change["change"] for change in report["objects"]] == ["rebuilt"] * 3
                await load.until(20)
        load.check()

    with service(tmp_path) as running:
        run(main())


def test_upgrades_lose_nothing_and_failing_ones_change_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with Load(running.proxy).running() as load:
            for _ in range(2):
                await asyncio.to_thread(running.upgrade)
                await load.until(20)
                good = running.path.read_text()
                running.path.write_text(good + "oops: 1\n")
                failed = running.start(wait=False)
                assert await asyncio.to_thread(failed.end) == 1
                running.generations.remove(failed)
                running.path.write_text(good)
                await load.until(20)
        load.check()

    with service(tmp_path) as running:
        run(main())
        for generation in running.generations[:-1]:
            assert generation.end() == 0


def test_a_killed_worker_takes_only_its_own_connections_along(tmp_path: Path) -> None:
    async def main() -> None:
        async with Load(running.proxy).running(rate=50, kept=0, tunnels=8) as load:
            await load.until(10)
            failed = len(load.failures)
            victim = running.now.workers()[0]
            os.kill(victim, signal.SIGKILL)
            await asyncio.to_thread(running.now.wait_for, f"(pid {victim}) ended with signal 9: it is replaced")
            await load.until(50)
        # Tunnels are spread over both workers by a hash of their ports.
        assert len(load.broken) < 8
        # What had been accepted and not answered when it was killed; each takes milliseconds.
        assert len(load.failures) - failed <= 2
        assert len(running.now.workers()) == 2

    with service(tmp_path) as running:
        run(main())


def test_a_bad_file_changes_nothing_and_is_reported(tmp_path: Path) -> None:
    with service(tmp_path) as running:
        running.path.write_text(running.path.read_text() + "resolvr: []\n")
        with pytest.raises(RefusedError) as refused:
            running.reload()
        assert refused.value.reason == "configuration"
        line = len(running.path.read_text().splitlines())
        (problem,) = refused.value.details
        assert f"main.yml:{line}:1: resolvr: unknown section" in problem
        running.now.process.send_signal(signal.SIGHUP)
        running.now.wait_for("reload: nothing has changed", 2)
        assert Probe(running.proxy).status() == b"501"


def test_sighup_reloads(tmp_path: Path) -> None:
    with service(tmp_path) as running:
        running.configure(resolver={"type": "c_ares"})
        running.now.process.send_signal(signal.SIGHUP)
        running.now.wait_for("reloaded: 3 rebuilt")
        running.now.process.send_signal(signal.SIGHUP)
        running.now.wait_for("reloaded: 3 kept")


def test_one_object_alone(tmp_path: Path) -> None:
    with service(tmp_path) as running:
        running.configure(resolver={"type": "c_ares"}, req_header_max_size=10_000)
        with running.control() as client:
            report = client.post("server", "http", "reload")
            assert [(change["name"], change["change"]) for change in report["objects"]] == [("http", "rebuilt")]
            with pytest.raises(RefusedError, match="no server named 'htp'; did you mean 'http'"):
                client.post("server", "htp", "reload")
            assert {change["change"] for change in client.post("reload")["objects"]} == {"rebuilt"}


def test_a_kept_connection_is_served_by_the_old_server_once_more_and_then_closed(tmp_path: Path) -> None:
    async def main() -> None:
        async with origin() as at:
            connection = Connection(running.proxy)
            await connection.ask(at)
            await connection.ask(at)
            assert connection.open
            running.configure(req_header_max_size=10_000)
            await asyncio.to_thread(running.reload)
            await connection.ask(at)
            assert not connection.open

    with service(tmp_path) as running:
        run(main())


def test_a_successor_that_is_silent_changes_nothing(tmp_path: Path) -> None:
    with service(tmp_path) as running:
        predecessor = meet(running.folder / "control" / "test.sock")
        assert predecessor is not None
        assert predecessor.pid == running.now.pid
        assert len(predecessor.sockets) == 2
        predecessor.close()
        running.now.wait_for("no upgrade, going on as before: the successor has given up")
        assert Probe(running.proxy).status() == b"501"


def test_out_of_descriptors(tmp_path: Path) -> None:
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    with service(tmp_path) as running:
        assert running.now.end(signal.SIGTERM) == 0
        poor = running.start(before=few)
        with contextlib.ExitStack() as stack:
            for _ in range(200):
                stack.enter_context(socket.create_connection(running.proxy, 20))
            poor.wait_for("cannot accept on", 2)  # one line for each worker
        poor.wait_for("accepting again", 2)
        assert Probe(running.proxy).status() == b"501"
        assert sum("cannot accept on" in line for line in poor.lines) == 2


def test_further_workers_cost_little(tmp_path: Path) -> None:
    """Most of a worker's memory is the supervisor's."""
    with service(tmp_path, workers=4) as running:
        assert Probe(running.proxy).status() == b"501"
        sizes = []
        for pid in running.now.workers():
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            sizes.append(sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024)
        print(f"{', '.join(f'{size:.1f}' for size in sizes)} MiB")
        assert len(sizes) == 4
        assert max(sizes) <= 15


class Probe:
    """A client's connection that asks for something that no proxy has, and is told so."""

    def __init__(self, proxy: tuple[str, int]) -> None:
        self._sock = socket.create_connection(proxy, 20)

    def status(self) -> bytes:
        """The status of the answer."""
        with self._sock:
            self._sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            with self._sock.makefile("rb") as answer:
                return answer.readline().split()[1]
