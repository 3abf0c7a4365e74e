"""The process: signals, systemd, the background, pid files, and the control socket's verbs on a running daemon."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from daemon import PATIENCE, free_port
from g3proxyd.control.client import ControlClient, RefusedError
from g3proxyd.control.socket_file import open_socket
from g3proxyd.supervisor.handover import Predecessor
from g3proxyd.system.background import PidFile
from service import Service, service


def status_of(running: Service) -> bytes:
    """What the proxy answers to a request that it does not serve."""
    with socket.create_connection(running.proxy, PATIENCE) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with sock.makefile("rb") as answer:
            return answer.readline().split()[1]


def open_tunnel(running: Service, port: int) -> socket.socket:
    sock = socket.create_connection(running.proxy, PATIENCE)
    sock.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % port)
    assert sock.recv(100).startswith(b"HTTP/1.1 200 ")
    return sock


def ended(sock: socket.socket) -> bool:
    """Wait until the other side has closed or reset the connection."""
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def test_offline_and_back(tmp_path: Path) -> None:
    with service(tmp_path, runtime={"server_offline_delay": "1h"}) as running, running.control() as client:
        with pytest.raises(RefusedError, match="no shutdown is under way"):
            client.post("cancel-shutdown")
        client.post("offline")
        client.post("offline")
        assert status_of(running) == b"501"
        client.post("cancel-shutdown")
        running.now.wait_for("staying after all")
        assert client.get("server", "http", "status")["online"]


def test_an_offline_server_keeps_its_tunnels_until_it_is_forced(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as target, service(tmp_path) as running, running.control() as client:
        port = target.getsockname()[1]
        with open_tunnel(running, port) as old, open_tunnel(running, port) as other:
            running.configure(req_header_max_size=10_000)
            running.reload()
            with open_tunnel(running, port) as new:
                servers = client.get("status")["servers"]
                assert [(server["name"], server["online"]) for server in servers] == [("http", True), ("http", False)]
                assert [server["alive_tasks"] for server in servers] == [3, 2]
                with pytest.raises(RefusedError, match="no offline server named 'x'"):
                    client.post("server", "x", "force-quit")
                client.post("server", "http", "force-quit")
                assert ended(old)
                assert ended(other)
                status = client.get("server", "http", "status")
                assert (status["alive_tasks"], status["total_tasks"]) == (1, 3)
                new.setblocking(False)
                with pytest.raises(BlockingIOError):
                    new.recv(1)


def test_counters_survive_a_killed_worker(tmp_path: Path) -> None:
    with service(tmp_path, workers=1) as running, socket.create_server(("127.0.0.1", 0)) as target:
        tunnel = open_tunnel(running, target.getsockname()[1])
        with running.control() as client:
            assert client.get("server", "http", "status")["alive_tasks"] == 1
            os.kill(running.now.workers()[0], signal.SIGKILL)
            assert ended(tunnel)
            assert status_of(running) == b"501"
            status = client.get("server", "http", "status")
            assert (status["alive_tasks"], status["total_tasks"], status["total_connections"]) == (0, 1, 2)
        tunnel.close()


def test_a_replaced_daemon_drains_its_tunnels(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as target, service(tmp_path) as running:
        with open_tunnel(running, target.getsockname()[1]) as tunnel:
            far, _ = target.accept()
            before = running.now
            running.upgrade()
            assert status_of(running) == b"501"
            tunnel.sendall(b"ping")
            assert far.recv(4) == b"ping"
            assert before.process.poll() is None
            # The old one is still there for those who know its number.
            with ControlClient(tmp_path / "control" / f"test_{before.pid}.sock") as client:
                assert not any(server["online"] for server in client.get("status")["servers"])
                client.post("force-quit")
            assert ended(tunnel)
            far.close()
        assert before.end() == 0


def test_workers_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    with service(tmp_path) as running:
        watched = [os.pidfd_open(pid) for pid in running.now.workers()]
        running.now.process.kill()
        for pidfd in watched:
            assert select.select([pidfd], [], [], PATIENCE)[0]
            os.close(pidfd)
        running.now.end()


def test_signals_for_workers_alone_change_nothing(tmp_path: Path) -> None:
    """A terminal and systemd send signals to the whole group: what happens is the supervisor's to say."""
    with service(tmp_path) as running:
        workers = running.now.workers()
        for pid in workers:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
                os.kill(pid, number)
        assert {status_of(running) for _ in range(10)} == {b"501"}
        assert running.now.workers() == workers


def test_log_lines_tell_the_worker(tmp_path: Path) -> None:
    with service(tmp_path, workers=1, ingress_network_filter={"default": "permit_log"}) as running:
        socket.create_connection(running.proxy, PATIENCE, source_address=("127.0.0.2", 0)).close()
        running.now.wait_for("INFO worker 1: server http: admits a client at 127.0.0.2")


def test_what_resolvers_are_made_of_is_there_before_the_fork(tmp_path: Path) -> None:
    for resolver, there in (({"type": "deny_all"}, False), ({"type": "c_ares"}, True)):
        (tmp_path / str(there)).mkdir()
        with service(tmp_path / str(there), resolver=resolver) as running:
            maps = Path(f"/proc/{running.now.process.pid}/maps").read_text()
            assert ("_cares" in maps) is there


def test_in_the_background_with_a_pid_file_that_a_successor_takes(tmp_path: Path) -> None:
    running = Service(tmp_path, free := free_port())
    running.configure(workers=1)
    pid_file = tmp_path / "pid"
    command = [sys.executable, "-m", "g3proxyd", "-c", str(running.path), "-d", "-p", str(pid_file), "-G", "test"]
    command += ["-C", str(tmp_path / "control")]
    pids: list[int] = []
    ends: list[int] = []
    try:
        for _ in range(2):
            subprocess.run(command, check=True, timeout=PATIENCE)
            pids.append(int(pid_file.read_text()))
            assert status_of(running) == b"501"
            ends.append(os.pidfd_open(pids[-1]))
        assert pids[0] != pids[1]
        assert select.select(ends[:1], [], [], PATIENCE)[0]
    finally:
        with contextlib.suppress(FileNotFoundError):
            pidfd = os.pidfd_open(int(pid_file.read_text()))
            signal.pidfd_send_signal(pidfd, signal.SIGINT)
            assert select.select([pidfd], [], [], PATIENCE)[0]
            os.close(pidfd)
        for pidfd in ends:
            os.close(pidfd)
    assert not pid_file.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", free), PATIENCE)


def test_after_a_failed_upgrade_the_files_are_the_old_daemons_again(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with service(tmp_path, "-p", str(pid_file)) as running:
        before = pid_file.read_text()
        with running.control() as client:
            predecessor = Predecessor(*client.handover())
        predecessor.take()
        successor = PidFile(pid_file)
        successor.take(from_process=predecessor.pid)
        listening, file = open_socket(running.control_path)
        with listening:
            assert int(pid_file.read_text()) == os.getpid()
            predecessor.close()
            running.now.wait_for("are this process's again")
            assert not file.ours()
        assert pid_file.read_text() == before
        successor.remove()
        file.remove()
        running.upgrade()
        assert int(pid_file.read_text()) == running.now.pid


def test_a_daemon_that_cannot_start_says_so_in_the_foreground(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        running = Service(tmp_path, taken.getsockname()[1])
        running.configure()
        command = [sys.executable, "-m", "g3proxyd", "-c", str(running.path), "-d", "-p", str(tmp_path / "pid")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert "Address already in use" in done.stderr
    assert not (tmp_path / "pid").exists()


def test_systemd_hears_how_it_is_going(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE)
        heard = ""

        def hear(text: str) -> None:
            nonlocal heard
            while text not in heard:
                heard += manager.recv(4096).decode() + "\n"
            heard = heard.partition(text)[2]

        running = Service(tmp_path, free_port())
        running.configure()
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            now = running.start("-s", wait=False)
        finally:
            os.environ.clear()
            os.environ.update(before)
        hear(f"MAINPID={now.pid}")
        hear("READY=1")
        hear("WATCHDOG=1")
        now.process.send_signal(signal.SIGHUP)
        hear("RELOADING=1")
        hear("READY=1")
        now.process.send_signal(signal.SIGTERM)
        hear("STOPPING=1")
        assert now.end() == 0


def test_a_socket_from_systemd(tmp_path: Path) -> None:
    """One socket without SO_REUSEPORT: all workers share it."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        running = Service(tmp_path, sock.getsockname()[1])
        running.configure()

        script = (
            "import os, sys; os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()));"
            "os.execv(sys.executable, [sys.executable, '-m', 'g3proxyd', *sys.argv[1:]])"
        )
        with subprocess.Popen(
            [sys.executable, "-c", script, "-c", str(running.path), "-C", str(tmp_path)],
            preexec_fn=lambda: os.dup2(sock.fileno(), 3),
            close_fds=False,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if "listens on" in line:
                    break
            assert {status_of(running) for _ in range(10)} == {b"501"}
            process.send_signal(signal.SIGINT)
            process.stderr.read()
            assert process.wait(PATIENCE) == 0
