"""A daemon with workers and a control socket, and its successors."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from daemon import PATIENCE, free_port
from g3proxyd.control.client import ControlClient


class Generation:
    """One process with its workers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        """Of the process log."""
        self._ended = False
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._more:
                self.lines.append(line)
                self._more.notify_all()
        with self._more:
            self._ended = True
            self._more.notify_all()

    def wait_for(self, text: str, count: int = 1) -> None:
        """Wait for so many log lines with this text."""

        def found() -> int:
            return sum(text in line for line in self.lines)

        with self._more:
            self._more.wait_for(lambda: found() >= count or self._ended, PATIENCE)
            assert found() >= count, "".join(self.lines)

    def workers(self) -> list[int]:
        """The process ids of the workers that are there now."""
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
            return [int(child) for child in text.split()]
        return []

    def end(self, number: signal.Signals | None = None) -> int:
        """Send a signal, if one is given, and wait for the end."""
        if number is not None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


class Service:
    """The generations of one daemon, in one folder."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.proxy = ("127.0.0.1", port)
        self.path = folder / "main.yml"
        self.options: tuple[str, ...] = ()
        """Of all generations."""
        self.generations: list[Generation] = []

    @property
    def control_path(self) -> Path:
        """Where the one that serves is asked for things."""
        return self.folder / "control" / "test.sock"

    @property
    def now(self) -> Generation:
        """The generation that serves."""
        return self.generations[-1]

    def start(self, *options: str, wait: bool = True, before: Callable[[], None] | None = None) -> Generation:
        """Start one more process; with -m it replaces the one that serves."""
        control = ("-m", "-G", "test", "-C", str(self.folder / "control"))
        process = subprocess.Popen(
            [sys.executable, "-m", "g3proxyd", "-c", str(self.path), *control, *self.options, *options],
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=before,
        )
        generation = Generation(process)
        self.generations.append(generation)
        if wait:
            generation.wait_for("listens on")
        return generation

    def upgrade(self) -> None:
        """Replace the process that serves."""
        before = self.now
        self.start().wait_for("took over from")
        before.wait_for("a successor has taken over")

    def control(self) -> ControlClient:
        """A connection to the one that serves."""
        return ControlClient(self.control_path, PATIENCE)

    def reload(self) -> Any:
        """Have the files read again."""
        with self.control() as client:
            return client.post("reload")

    def configure(self, *, workers: int = 2, runtime: dict[str, Any] | None = None, **http: Any) -> None:
        """Write the file; ``direct`` has the keys of the escaper, all else is of the HTTP proxy."""
        resolver = http.pop("resolver", {"type": "deny_all"})
        escaper = http.pop("direct", {"type": "direct_fixed", "resolver": "dns"})
        document = {
            "runtime": {"server_offline_delay": "0s", "task_wait_delay": "0s", **(runtime or {})},
            "worker": {"thread_number": workers},
            "server": [
                {
                    "name": "http",
                    "type": "http_proxy",
                    "escaper": "direct",
                    "listen": f"127.0.0.1:{self.port}",
                    **http,
                }
            ],
            "escaper": [
                {
                    "name": "direct",
                    "egress_network_filter": {"default": "permit", "permit": "127.0.0.0/8"},
                    **escaper,
                }
            ],
            "resolver": [{"name": "dns", **resolver}],
        }
        self.path.write_text(yaml.safe_dump(document))


@contextlib.contextmanager
def service(folder: Path, *options: str, **configuration: Any) -> Iterator[Service]:
    """A daemon that serves, with these options; all its generations have to end in order."""
    running = Service(folder, free_port())
    running.options = options
    running.configure(**configuration)
    try:
        running.start()
        yield running
    finally:
        for generation in running.generations:
            if generation.process.poll() is None:
                generation.process.send_signal(signal.SIGINT)
        for generation in running.generations:
            workers = generation.workers()
            try:
                generation.end()
            except subprocess.TimeoutExpired:
                generation.process.kill()
                for worker in workers:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(worker, signal.SIGKILL)
                generation.end()
                raise
