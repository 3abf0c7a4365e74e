"""Programs that a benchmark starts: pinned to a core, found listening, and stopped whatever happens."""

import contextlib
import ctypes
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.measure import process_tree

_START_SECONDS = 15.0
_STOP_SECONDS = 5.0
# Two descriptors per tunnel and some more; the hard limit of the machine may allow less.
_OPEN_FILES = 20_000
_PR_SET_CHILD_SUBREAPER = 36


class StartError(Exception):
    """A program did not come up; the message has the end of its log."""


def cores() -> tuple[int, int]:
    """The core of the proxy under test and the core of everything else; the same one where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[1 if len(usable) > 1 else 0]


def free_port() -> int:
    """A TCP port of 127.0.0.1 that the kernel chose and nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def raise_file_limit() -> int:
    """Let this process and its children open as many files as the benchmark needs; returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft


def adopt_orphans() -> None:
    """Become the parent of what the started programs leave behind, so that no zombie stays (prctl(2))."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def pinned(core: int | None, command: Sequence[str]) -> list[str]:
    """The command, run on one core where taskset is there to do it."""
    if core is None or shutil.which("taskset") is None:
        return list(command)
    return ["taskset", "-c", str(core), *command]


@contextlib.contextmanager
def running(command: Sequence[str], log: Path, core: int | None = None, ports: Sequence[int] = ()) -> Iterator[int]:
    """Run a program in a session of its own until the block ends; yields its process id once all ports answer."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            pinned(core, command), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        for port in ports:
            _wait_listening(process, port, log)
        yield process.pid
    finally:
        _stop(process)


def _wait_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StartError(f"ended with status {process.returncode} before it listened:\n{tail(log)}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise StartError(f"does not listen on port {port} after {_START_SECONDS:.0f} s:\n{tail(log)}")


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log file, for a message."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def _stop(process: subprocess.Popen[bytes]) -> None:
    try:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
    finally:
        # What is left of the tree did not want to go: workers, or a parent that waits for open tunnels.
        _kill(pid for pid in process_tree(process.pid) if pid != process.pid or process.returncode is None)
        process.wait()


def sweep() -> None:
    """End whatever this process has started and what is left of that; for the end of a run that was interrupted."""
    _kill(pid for pid in process_tree(os.getpid()) if pid != os.getpid())


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        # A grandchild is ours to wait for only after adopt_orphans(), and only once its parent is gone.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
