"""Every verb of g3proxy-ctl, asked of a daemon that does nothing."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from control.fake import FakeOperations, serving
from g3proxyd.config.values.resolve import QueryStrategy
from g3proxyd.control.operations import Change, Kind, ObjectChange, OperationError, Reason, ReloadReport
from g3proxyd.ctl import cli

Run = Callable[..., Result]


@pytest.fixture
def operations() -> FakeOperations:
    """What the daemon is asked."""
    return FakeOperations()


@pytest.fixture
def run(folder: Path, operations: FakeOperations) -> Iterator[Run]:
    """Run g3proxy-ctl for the group `main`, which is served."""

    def invoke(*arguments: str, stdin: str = "") -> Result:
        line = ["-C", str(folder), "-G", "main", *arguments]
        return CliRunner().invoke(cli.command, line, input=stdin, prog_name="g3proxy-ctl")

    with serving(folder / "main.sock", operations):
        yield invoke


DONE = [
    (["offline"], ("offline",)),
    (["cancel-shutdown"], ("cancel_shutdown",)),
    (["force-quit-all"], ("force_quit_all",)),
    (["force-quit", "old one"], ("force_quit", "old one")),
    (["escaper", "e", "publish", '{"a": 1}'], ("escaper_publish", "e", '{"a": 1}')),
    (["escaper", "e", "publish", "-f", "-"], ("escaper_publish", "e", '["stdin"]')),
    (["user-group", "g", "publish-user", "-"], ("user_group_publish_dynamic", "g", '["stdin"]')),
]


@pytest.mark.parametrize(("line", "call"), DONE)
def test_verbs_that_say_done(run: Run, operations: FakeOperations, line: list[str], call: tuple[Any, ...]) -> None:
    result = run(*line, stdin='["stdin"]')
    assert (result.exit_code, result.stdout, result.stderr) == (0, "done\n", "")
    assert operations.calls == [call]
    result = run("--json", *line, stdin='["stdin"]')
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"ok": True})


RELOADS = [
    (["reload"], ("reload", None, None)),
    (["reload-user-group", "a"], ("reload", Kind.USER_GROUP, "a")),
    (["reload-resolver", "a"], ("reload", Kind.RESOLVER, "a")),
    (["reload-auditor", "a"], ("reload", Kind.AUDITOR, "a")),
    (["reload-escaper", "a"], ("reload", Kind.ESCAPER, "a")),
    (["reload-server", "a"], ("reload", Kind.SERVER, "a")),
]


@pytest.mark.parametrize(("line", "call"), RELOADS)
def test_reloads(run: Run, operations: FakeOperations, line: list[str], call: tuple[Any, ...]) -> None:
    result = run(*line)
    assert (result.exit_code, result.stdout) == (0, "warning: main.yml:1:2: server: odd\nserver http: rebuilt\n")
    assert operations.calls == [call]


def test_a_reload_of_nothing(run: Run, operations: FakeOperations) -> None:
    operations.report = ReloadReport((ObjectChange(Kind.SERVER, "a", Change.KEPT),))
    assert run("reload").stdout == "nothing has changed\n"
    document = json.loads(run("reload", "--json").stdout)
    assert document == {"objects": [{"kind": "server", "name": "a", "change": "kept"}], "warnings": []}


def test_a_configuration_that_cannot_be_used(run: Run, operations: FakeOperations) -> None:
    operations.failure = OperationError(Reason.CONFIGURATION, "2 problems", ["a.yml:1:2: x\x1b[2J", "a.yml:3:4: é"])
    result = run("reload")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "g3proxy-ctl: 2 problems\na.yml:1:2: x\\x1b[2J\na.yml:3:4: é\n"
    result = run("reload", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert json.loads(result.stderr) == {
        "error": {
            "reason": "configuration",
            "message": "2 problems",
            "details": ["a.yml:1:2: x\x1b[2J", "a.yml:3:4: é"],
        }
    }


@pytest.mark.parametrize(
    ("word", "kind", "lines"),
    [
        ("server", Kind.SERVER, "http\nsocks\n"),
        ("USER-Group", Kind.USER_GROUP, ""),
        ("user_group", Kind.USER_GROUP, ""),
    ],
)
def test_lists(run: Run, operations: FakeOperations, word: str, kind: Kind, lines: str) -> None:
    result = run("list", word)
    assert (result.exit_code, result.stdout) == (0, lines)
    assert operations.calls == [("names", kind)]


def test_users(run: Run) -> None:
    assert run("user-group", "g", "list-static-user").stdout == "ann\n"
    assert run("user-group", "g", "list-dynamic-user").stdout == "bob\ncy\n"
    assert json.loads(run("user-group", "g", "list-dynamic-user", "--json").stdout) == {"names": ["bob", "cy"]}


def test_version(run: Run) -> None:
    assert run("version").stdout == "1.2.3\n"
    assert json.loads(run("version", "--json").stdout) == {"version": "1.2.3", "pid": os.getpid()}


def test_server_status(run: Run) -> None:
    assert run("server", "http", "status").stdout == (
        "online: yes\nalive tasks: 1\ntotal connections: 2\ntotal tasks: 3\n"
    )
    assert run("server", "old", "status").stdout.startswith("online: no\nalive tasks: 4\n")
    assert json.loads(run("server", "http", "status", "--json").stdout)["total_tasks"] == 3


def test_status(run: Run) -> None:
    assert run("status").stdout.splitlines() == [
        f"g3proxyd 1.2.3, process {os.getpid()}",
        "worker 0: process 77, running",
        "server http: online, 1 alive tasks, 2 connections, 3 tasks",
        "server old: offline, 4 alive tasks, 5 connections, 6 tasks",
    ]


@pytest.mark.parametrize(
    ("options", "strategy", "delay"),
    [
        ([], QueryStrategy.IPV4_FIRST, 50),
        (["-s", "Ipv6-Only"], QueryStrategy.IPV6_ONLY, 50),
        (["--strategy", "IPV4ONLY", "--resolution-delay", "0"], QueryStrategy.IPV4_ONLY, 0),
        (["--query-strategy", "ipv6_first", "--resolution-delay", "65535"], QueryStrategy.IPV6_FIRST, 65535),
    ],
)
def test_queries(run: Run, operations: FakeOperations, options: list[str], strategy: QueryStrategy, delay: int) -> None:
    result = run("resolver", "dns", "query", "é.test", *options)
    assert (result.exit_code, result.stdout) == (0, "192.0.2.1\n2001:db8::1\n")
    assert operations.calls == [("resolver_query", "dns", "é.test", strategy, delay)]


def test_published_files(run: Run, operations: FakeOperations, folder: Path) -> None:
    file = folder / "data.json"
    file.write_text('["é"]', encoding="utf-8")
    for line in (["escaper", "e", "publish", "--file"], ["user-group", "g", "publish-user"]):
        assert run(*line, str(file)).stdout == "done\n"
        assert operations.calls.pop()[-1] == '["é"]'
    result = run("user-group", "g", "publish-user", str(folder / "none"))
    assert (result.exit_code, operations.calls) == (2, [])
    assert "No such file" in result.stderr


@pytest.mark.parametrize("data", ["{", "", "\udcff"])
def test_published_data_that_the_daemon_refuses(run: Run, data: str) -> None:
    result = run("escaper", "e", "publish", data)
    assert result.exit_code == 1
    assert result.stderr.startswith("g3proxy-ctl: the ")


def test_published_data_of_which_a_part_is_left_out(run: Run, operations: FakeOperations) -> None:
    operations.remarks = ("[1].addr: wrong", "[2]: wrong")
    result = run("escaper", "e", "publish", "[]")
    assert (result.exit_code, result.stdout) == (0, "warning: [1].addr: wrong\nwarning: [2]: wrong\ndone\n")


def test_an_unknown_name(run: Run) -> None:
    result = run("server", "htp", "status")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "g3proxy-ctl: there is no server named 'htp'; did you mean 'http'?\n"


@pytest.mark.parametrize(
    "line",
    [
        [],
        ["nothing"],
        ["list"],
        ["list", "cats"],
        ["reload-server"],
        ["server"],
        ["server", "http"],
        ["server", "http", "fly"],
        ["escaper", "e", "publish"],
        ["escaper", "e", "publish", "-f", "-", "{}"],
        ["resolver", "dns", "query"],
        ["resolver", "dns", "query", "a", "-s", "ipv5"],
        ["resolver", "dns", "query", "a", "--resolution-delay", "65536"],
        ["-p", "0", "version"],
    ],
)
def test_mistakes_on_the_command_line(run: Run, operations: FakeOperations, line: list[str]) -> None:
    result = run(*line)
    assert result.exit_code == 2
    assert "Usage: g3proxy-ctl" in result.stderr
    assert operations.calls == []


def test_help_needs_no_daemon() -> None:
    runner = CliRunner()
    for line in (["-h"], ["version", "--help"], ["server", "a", "status", "-h"], ["reload-user-group", "-h"]):
        result = runner.invoke(cli.command, line, prog_name="g3proxy-ctl")
        assert (result.exit_code, result.stdout[:19]) == (0, "Usage: g3proxy-ctl ")
    for option in ("-V", "--version"):
        assert runner.invoke(cli.command, [option], prog_name="g3proxy-ctl").stdout.startswith("g3proxy-ctl 0.")


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_completion(shell: str) -> None:
    result = CliRunner().invoke(cli.command, ["--completion", shell])
    assert (result.exit_code, "_G3PROXY_CTL_COMPLETE" in result.stdout) == (0, True)


def test_the_words_are_those_of_the_daemon() -> None:
    assert list(cli.KINDS) == [kind.value for kind in Kind]
    assert set(cli.STRATEGIES) == {strategy.value for strategy in QueryStrategy}


def test_upstreams_verbs_are_there() -> None:
    context = click.Context(cli.command)
    plain = ("version", "offline", "cancel-shutdown", "force-quit", "force-quit-all", "list")
    assert set(cli.command.list_commands(context)) == {
        *plain,
        *("user-group", "resolver", "escaper", "server"),
        *(f"reload-{kind}" for kind in cli.KINDS),
        *("reload", "status"),
    }


def test_the_entry_point(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["anything", "--help"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("Usage: g3proxy-ctl ")
