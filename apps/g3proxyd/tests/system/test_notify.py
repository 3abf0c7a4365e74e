"""Messages to systemd."""

import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from g3proxyd.system import notify
from g3proxyd.system.notify import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(10)
        yield sock


@pytest.fixture
def notifier(manager: socket.socket) -> Notifier:
    return Notifier(manager.getsockname())


def test_messages(manager: socket.socket, notifier: Notifier) -> None:
    notifier.ready()
    notifier.stopping()
    notifier.watchdog()
    notifier.main_pid(123)
    notifier.status("two\nlines of  text, ü")
    assert [manager.recv(4096).decode() for _ in range(5)] == [
        "READY=1",
        "STOPPING=1",
        "WATCHDOG=1",
        "MAINPID=123",
        "STATUS=two lines of text, ü",
    ]


def test_a_reload_says_when_it_began(manager: socket.socket, notifier: Notifier) -> None:
    before = time.monotonic_ns() // 1000
    notifier.reloading()
    after = time.monotonic_ns() // 1000
    first, _, second = manager.recv(4096).decode().partition("\n")
    assert first == "RELOADING=1"
    name, _, moment = second.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(moment) <= after


def test_an_abstract_name() -> None:
    name = f"g3proxyd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0{name}")
        sock.settimeout(10)
        Notifier(f"@{name}").ready()
        assert sock.recv(4096) == b"READY=1"


def test_status_that_is_no_text(manager: socket.socket, notifier: Notifier) -> None:
    notifier.status("\udcff")
    assert manager.recv(4096) == rb"STATUS=\udcff"


def test_the_environment_is_cleaned(manager: socket.socket) -> None:
    environment = {
        "NOTIFY_SOCKET": manager.getsockname(),
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": str(os.getpid()),
        "OTHER": "1",
    }
    found = Notifier.from_environment(environment)
    assert (found.enabled, found.watchdog_seconds, environment) == (True, 30.0, {"OTHER": "1"})
    found.ready()
    assert manager.recv(4096) == b"READY=1"


def test_the_real_environment(monkeypatch: pytest.MonkeyPatch, manager: socket.socket) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
    assert Notifier.from_environment().enabled
    assert "NOTIFY_SOCKET" not in os.environ


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({"WATCHDOG_USEC": "500000"}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({}, None),
    ],
)
def test_whether_systemd_watches(variables: dict[str, str], seconds: float | None) -> None:
    assert Notifier.from_environment({"NOTIFY_SOCKET": "/x", **variables}).watchdog_seconds == seconds


@pytest.mark.parametrize("interval", ["0", "-5", "x", "1.5", "9" * 21, "²"])
def test_a_watchdog_that_makes_no_sense(interval: str, caplog: pytest.LogCaptureFixture) -> None:
    found = Notifier.from_environment({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": interval})
    assert found.watchdog_seconds is None
    assert "WATCHDOG_USEC is no positive number" in caplog.text


def test_without_systemd() -> None:
    found = Notifier.from_environment({"WATCHDOG_USEC": "500000"})
    assert (found.enabled, found.watchdog_seconds) == (False, None)
    found.ready()
    found.status("nobody hears it")


def test_another_kind_of_address(caplog: pytest.LogCaptureFixture) -> None:
    found = Notifier("vsock:2:1234")
    assert not found.enabled
    assert "no path and no abstract name: 'vsock:2:1234'" in caplog.text


def test_a_dead_socket_is_reported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = Notifier(str(tmp_path / "none"))
    found.reloading()
    found.ready()
    assert [record.getMessage() for record in caplog.records] == [
        "cannot tell systemd 'RELOADING=1': [Errno 2] No such file or directory"
    ]
    assert caplog.records[0].levelno == logging.WARNING


def test_a_path_that_is_too_long(caplog: pytest.LogCaptureFixture) -> None:
    Notifier("/" + "x" * 200).ready()
    assert "AF_UNIX path too long" in caplog.text


def test_a_full_queue_does_not_hold_us_for_long(
    manager: socket.socket, notifier: Notifier, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notify, "SEND_TIMEOUT", 0.01)
    while not caplog.records:
        notifier.watchdog()
    assert "cannot tell systemd 'WATCHDOG=1': timed out" in caplog.text
    assert manager.recv(4096) == b"WATCHDOG=1"
