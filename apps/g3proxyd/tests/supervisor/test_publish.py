"""What is published for an escaper, in all workers of a daemon and in those that come after them."""

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from g3proxyd.control.client import RefusedError
from g3proxyd.ctl.cli import command
from service import Service, service

FLOAT = {"type": "direct_float", "resolver": "dns"}
WAYS = 12
"""Connections of which each worker is sure to get one: the kernel deals them by their ports."""


@pytest.fixture
def origin() -> Iterator[int]:
    """A server that tells its clients where they come from."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, (host, _) = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(f"{host}\n".encode())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def way(running: Service, origin: int) -> str:
    """Where one connection comes from, or the status of the refusal."""
    with socket.create_connection(running.proxy, 10) as client:
        client.sendall(f"CONNECT 127.0.0.1:{origin} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        answer = client.makefile("rb").read().decode()
    status = answer.split()[1]
    return answer.split()[-1] if status == "200" else status


def ways(running: Service, origin: int) -> set[str]:
    return {way(running, origin) for _ in range(WAYS)}


def publish(running: Service, data: Any, name: str = "direct") -> list[str]:
    with running.control() as client:
        document = client.post("escaper", name, "publish", body=json.dumps(data).encode())
    warnings: list[str] = document.get("warnings", [])
    return warnings


def refused(running: Service, data: Any, name: str = "direct") -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        publish(running, data, name)
    return caught.value


def test_all_workers_have_it(tmp_path: Path, origin: int) -> None:
    with service(tmp_path, direct={**FLOAT, "cache_ipv4": "binds"}) as running:
        assert ways(running, origin) == {"503"}
        assert publish(running, {"ipv4": "127.0.0.2"}) == []
        assert ways(running, origin) == {"127.0.0.2"}
        assert json.loads((tmp_path / "binds").read_text()) == "127.0.0.2"
        error = refused(running, {"ipv4": ["127.0.0.3", "x", "::1"]})
        assert (error.reason, len(error.details)) == ("invalid", 2)
        assert ways(running, origin) == {"127.0.0.2"}


def test_those_that_come_later_have_it_too(tmp_path: Path, origin: int) -> None:
    with service(tmp_path, direct=FLOAT) as running:
        publish(running, {"ipv4": "127.0.0.2"})
        publish(running, {"ipv6": "::1"})
        before = running.now.workers()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        running.now.wait_for("it is replaced", 2)
        assert ways(running, origin) == {"127.0.0.2"}
        assert set(running.now.workers()).isdisjoint(before)


def test_it_outlives_reloads(tmp_path: Path, origin: int) -> None:
    with service(tmp_path, direct=FLOAT) as running:
        publish(running, {"ipv4": "127.0.0.2"})
        running.configure(direct=FLOAT, task_idle_max_count=3)
        running.reload()
        assert ways(running, origin) == {"127.0.0.2"}
        running.configure(direct={**FLOAT, "no_ipv6": True})
        running.reload()
        assert ways(running, origin) == {"127.0.0.2"}
        running.configure()
        running.reload()
        assert ways(running, origin) == {"127.0.0.1"}
        error = refused(running, {"ipv4": "127.0.0.3"})
        assert (error.reason, error.text) == (
            "unsupported",
            "an escaper of the type direct_fixed takes nothing published",
        )


def test_the_cache_file_is_there_at_the_next_start(tmp_path: Path, origin: int) -> None:
    direct = {**FLOAT, "cache_ipv4": str(tmp_path / "binds")}
    with service(tmp_path, direct=direct) as running:
        publish(running, {"ipv4": [{"ip": "127.0.0.2", "id": "a"}]})
        running.upgrade()
        assert ways(running, origin) == {"127.0.0.2"}
    assert [path.name for path in tmp_path.iterdir() if "binds" in path.name] == ["binds"]
    assert (tmp_path / "binds").stat().st_mode & 0o777 == 0o600


def test_a_cache_file_that_cannot_be_written(tmp_path: Path, origin: int) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    with service(tmp_path, direct={**FLOAT, "cache_ipv4": str(folder / "binds")}) as running:
        folder.rmdir()
        (warning,) = publish(running, {"ipv4": "127.0.0.2"})
        assert warning == f"the cache file {folder / 'binds'} cannot be written: No such file or directory"
        assert ways(running, origin) == {"127.0.0.2"}
        folder.mkdir()


def test_the_command(tmp_path: Path, origin: int) -> None:
    with service(tmp_path, direct=FLOAT) as running:
        where = ["-G", "test", "-C", str(tmp_path / "control")]
        result = CliRunner().invoke(command, [*where, "escaper", "direct", "publish", '{"ipv4": "127.0.0.2"}'])
        assert (result.exit_code, result.output) == (0, "done\n")
        result = CliRunner().invoke(command, [*where, "escaper", "direkt", "publish", "{}"])
        assert result.exit_code != 0
        assert "did you mean 'direct'?" in result.output
        assert ways(running, origin) == {"127.0.0.2"}
