"""Which daemon is asked, and what happens when there is none."""

import errno
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from control.fake import FakeOperations, serving
from g3proxyd.control.client import ControlClient, NoAnswerError
from g3proxyd.ctl import cli, session


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.command, arguments, prog_name="g3proxy-ctl")


def daemon(version: str) -> FakeOperations:
    """A daemon of this version, to tell it from others."""

    class Versioned(FakeOperations):
        async def version(self) -> str:
            return version

    return Versioned()


def stale(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


def test_the_socket_of_the_group_comes_first(folder: Path) -> None:
    with serving(folder / "a.sock", daemon("new")), serving(folder / "a_1.sock", daemon("old")):
        assert run("-C", str(folder), "-G", "a", "version").stdout == "new\n"
        assert run("-C", str(folder), "-G", "a", "-p", "1", "version").stdout == "old\n"
        assert run("-C", str(folder), "-p", "1", "version").stdout == "old\n"
        assert run("--control-dir", str(folder), "--daemon-pid", "1", "version").stdout == "old\n"


def test_a_group_without_a_name(folder: Path) -> None:
    with serving(folder / "_.sock", daemon("nameless")):
        assert run("-C", str(folder), "--daemon-group", "", "version").stdout == "nameless\n"


def test_the_only_process_of_a_group(folder: Path) -> None:
    stale(folder / "a.sock")
    stale(folder / "a_1.sock")
    with serving(folder / "a_2.sock", daemon("only")):
        assert run("-C", str(folder), "-G", "a", "version").stdout == "only\n"
        with serving(folder / "a_3.sock"):
            result = run("-C", str(folder), "-G", "a", "version")
            assert result.exit_code == 2
            assert f"choose one with -p / --daemon-pid: {folder}/a_2.sock, {folder}/a_3.sock" in result.stderr


def test_both_directories_are_looked_into(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = folder / "run", folder / "tmp"
    monkeypatch.setattr(session, "DIRECTORIES", (first, second))
    with serving(second / "a.sock", daemon("second")):
        assert run("-G", "a", "version").stdout == "second\n"
        with serving(first / "a_1.sock", daemon("first")):
            assert run("-G", "a", "version").stdout == "second\n"
            assert run("-p", "1", "version").stdout == "first\n"
    result = run("-G", "a", "version")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == (
        f"g3proxy-ctl: no daemon of the group 'a' is running with its socket in {first} or {second}\n"
    )


def test_nobody(folder: Path) -> None:
    stale(folder / "a_1.sock")
    result = run("-C", str(folder), "-p", "1", "version")
    assert (result.exit_code, result.stderr) == (
        3,
        f"g3proxy-ctl: no daemon with the process id 1 is running with its socket in {folder}\n",
    )
    result = run("-C", str(folder), "-G", "", "-p", "1", "--json", "version")
    assert result.exit_code == 3
    message = f"no daemon of the group '' and with the process id 1 is running with its socket in {folder}"
    assert json.loads(result.stderr) == {"error": {"reason": "no_daemon", "message": message}}


def test_it_has_to_be_said_which(folder: Path) -> None:
    result = run("-C", str(folder), "version")
    assert result.exit_code == 2
    assert "which daemon? say its group with -G / --daemon-group, or its process id with -p" in result.stderr


def test_a_directory_of_somebody_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "listdir", refuse)
    result = run("-C", str(folder), "-G", "a", "version")
    assert (result.exit_code, result.stderr) == (
        3,
        f"g3proxy-ctl: no daemon that talks to this user: {folder}: Permission denied\n",
    )


def test_a_socket_of_somebody_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = ControlClient.__init__

    def guarded(self: ControlClient, path: Path, *rest: Any) -> None:
        if path.name == "a.sock":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        connect(self, path, *rest)

    monkeypatch.setattr(ControlClient, "__init__", guarded)
    stale(folder / "a.sock")
    result = run("-C", str(folder), "-G", "a", "version")
    assert (result.exit_code, result.stderr) == (
        3,
        f"g3proxy-ctl: no daemon that talks to this user: {folder}/a.sock: Permission denied\n",
    )
    result = run("-C", str(folder), "-G", "a", "--json", "version")
    assert json.loads(result.stderr)["error"]["reason"] == "no_daemon"
    with serving(folder / "a_1.sock", daemon("ours")):
        assert run("-C", str(folder), "-G", "a", "version").stdout == "ours\n"


def test_a_daemon_that_does_not_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(self: ControlClient, *path: str) -> None:
        raise NoAnswerError("no answer within 60 seconds")

    monkeypatch.setattr(ControlClient, "get", silent)
    with serving(folder / "a.sock"):
        result = run("-C", str(folder), "-G", "a", "version")
        assert (result.exit_code, result.stderr) == (1, "g3proxy-ctl: no answer within 60 seconds\n")
        result = run("-C", str(folder), "-G", "a", "version", "--json")
        assert json.loads(result.stderr)["error"]["reason"] == "no_answer"


def test_a_terminal_obeys_nothing(folder: Path) -> None:
    with serving(folder / "a.sock", daemon("1\x1b]0;x\x07\u202e\udcff é")):
        assert run("-C", str(folder), "-G", "a", "version").stdout == "1\\x1b]0;x\\x07\\u202e\\udcff é\n"
