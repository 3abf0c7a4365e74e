"""The daemon as the system sees it: in the background, under systemd."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import free_port
from system.forks import PATIENCE

GREETING, ANSWER = b"\x05\x01\x00", b"\x05\x00"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def command(tmp_path: Path, port: int) -> list[str]:
    """A SOCKS server of one worker, run in the folder of the test."""
    (tmp_path / "main.yml").write_text(
        "runtime: {server_offline_delay: 0s, task_wait_delay: 0s}\n"
        "worker: {thread_number: 1, sched_affinity: on}\n"
        f"server: [{{name: a, type: socks_proxy, escaper: b, listen: 127.0.0.1:{port}}}]\n"
        "escaper: [{name: b, type: dummy_deny}]\n"
    )
    return [sys.executable, "-m", "g3proxyd", "-c", "main.yml", "-C", str(tmp_path)]


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(PATIENCE)
        yield sock


def greet(port: int) -> bytes:
    """What a SOCKS server on the port answers."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(GREETING)
        return client.recv(2)


def wait_for_the_end(pid: int) -> None:
    """Wait until a process that is not our child is gone."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with open(descriptor, "rb") as file:
        assert select.select([file], [], [], PATIENCE)[0], "the daemon does not end"


def test_in_the_background(command: list[str], port: int, tmp_path: Path) -> None:
    start = [*command, "-d", "-p", "x.pid", "-G", "left"]
    done = subprocess.run(start, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    pid = int((tmp_path / "x.pid").read_text())
    try:
        assert os.getsid(pid) not in (os.getsid(0), pid)
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        assert greet(port) == ANSWER
    finally:
        os.kill(pid, signal.SIGINT)
        wait_for_the_end(pid)
    assert not (tmp_path / "x.pid").exists()


def test_a_background_that_cannot_be(command: list[str], port: int, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", port)):
        start = [*command, "-d", "-p", "x.pid"]
        done = subprocess.run(start, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert f"server a cannot listen on 127.0.0.1:{port}: Address already in use" in done.stderr
    assert not (tmp_path / "x.pid").exists()


def test_under_systemd(command: list[str], port: int, tmp_path: Path, manager: socket.socket) -> None:
    environment = {**os.environ, "NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "200000"}
    with subprocess.Popen([*command, "-s"], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            until(manager, "READY=1")
            assert greet(port) == ANSWER
            until(manager, "WATCHDOG=1")
            process.send_signal(signal.SIGHUP)
            until(manager, "RELOADING=1")
            until(manager, "READY=1")
            process.send_signal(signal.SIGTERM)
            until(manager, "STOPPING=1")
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def until(manager: socket.socket, word: str) -> None:
    """Wait for a message of which the word is a line."""
    while word not in manager.recv(4096).decode().splitlines():
        pass


def test_sockets_from_systemd(command: list[str], port: int, tmp_path: Path) -> None:
    """Who connects before the daemon is there is served as well."""
    with (
        socket.create_server(("127.0.0.1", port)) as listening,
        socket.create_connection(("127.0.0.1", port), PATIENCE) as early,
    ):
        early.sendall(GREETING)
        script = f'exec env LISTEN_PID=$$ LISTEN_FDS=1 "$@" 3<&{listening.fileno()}'
        with subprocess.Popen(
            ["bash", "-c", script, "bash", *command],
            cwd=tmp_path,
            stderr=subprocess.DEVNULL,
            pass_fds=[listening.fileno()],
        ) as process:
            try:
                assert early.recv(2) == ANSWER
                assert greet(port) == ANSWER
                process.send_signal(signal.SIGINT)
                assert process.wait(PATIENCE) == 0
            finally:
                process.kill()
