"""The daemon as its users run it: a process of its own, a configuration file, real clients around it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tools.ports import free_port as free_port

PATIENCE = 30.0
"""Seconds that the daemon has to start or to end."""


class Daemon:
    """A running g3proxyd."""

    def __init__(self, process: subprocess.Popen[str], http_port: int, socks_port: int) -> None:
        self.process = process
        self.http_port = http_port
        self.socks_port = socks_port
        self.http_url = f"http://127.0.0.1:{http_port}"
        self.lines: list[str] = []
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._more:
                self.lines.append(line)
                self._more.notify_all()

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def rss(self) -> int:
        """Resident bytes of the workers."""
        total = 0
        for pid in self.workers():
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(next(line.split()[1] for line in text.splitlines() if line.startswith("Rss:"))) * 1024
        return total

    def fds(self) -> int:
        """Open descriptors of the workers."""
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.workers())

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send the signal and wait for the end; return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def finished(self, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many tasks have ended; return the log records of those that have."""

        def ended() -> list[dict[str, Any]]:
            records = [json.loads(line) for line in self.lines]
            return [record for record in records if record.get("task_event") == "Finished"]

        with self._more:
            assert self._more.wait_for(lambda: len(ended()) >= count, PATIENCE), self.lines
            return ended()


@contextlib.contextmanager
def daemon(
    folder: Path,
    *,
    log: str = "stdout",
    egress: dict[str, Any] | None = None,
    resolver: dict[str, Any] | None = None,
    **http: Any,
) -> Iterator[Daemon]:
    """Run g3proxyd with an HTTP and a SOCKS proxy that may reach the loopback."""
    http_port, socks_port = free_port(), free_port()
    document = {
        "log": log,
        "runtime": {"server_offline_delay": "0s", "task_wait_delay": "0s"},
        "server": [
            {"name": "http", "type": "http_proxy", "escaper": "direct", "listen": f"127.0.0.1:{http_port}", **http},
            {"name": "socks", "type": "socks_proxy", "escaper": "direct", "listen": f"127.0.0.1:{socks_port}"},
        ],
        "escaper": [
            {
                "name": "direct",
                "type": "direct_fixed",
                "resolver": "dns",
                "egress_network_filter": egress or {"default": "permit", "permit": "127.0.0.0/8"},
                "resolve_redirection": {"origin.test": "127.0.0.1"},
            }
        ],
        "resolver": [{"name": "dns", "type": "deny_all"} if resolver is None else {"name": "dns", **resolver}],
    }
    path = folder / "main.yml"
    path.write_text(yaml.safe_dump(document))
    process = subprocess.Popen(
        [sys.executable, "-m", "g3proxyd", "-c", str(path)], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    running = Daemon(process, http_port, socks_port)
    try:
        _wait_until_it_listens(running)
        yield running
    finally:
        if process.poll() is None:
            running.stop()
        assert process.stdout is not None
        process.stdout.close()


def _wait_until_it_listens(running: Daemon) -> None:
    deadline = time.monotonic() + PATIENCE
    for port in (running.http_port, running.socks_port):
        while True:
            assert running.process.poll() is None, f"the daemon ended with {running.process.returncode}"
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), PATIENCE):
                break
            assert time.monotonic() < deadline, "the daemon does not listen"
            time.sleep(0.02)
