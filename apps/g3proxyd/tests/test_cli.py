"""The command line."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from daemon import free_port
from g3proxyd import cli
from g3proxyd.config import Config
from g3proxyd.config.schema import main_file_schema
from g3proxyd.system.options import RunOptions

GOOD = """\
server: [{name: a, type: dummy_close}]
escaper: [{name: b, type: direct_fixed, resolver: c}]
resolver: [{name: c, type: deny_all}]
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run g3proxyd in an empty directory with a main.yml."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str, main: str = GOOD) -> Result:
        Path("main.yml").write_text(main, encoding="utf-8")
        return CliRunner().invoke(cli.command, arguments, prog_name="g3proxyd")

    return invoke


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Config, int]]:
    """What would have been run."""
    calls: list[tuple[Config, int]] = []

    def run(config: Config, options: RunOptions) -> int:
        calls.append((config, options.verbosity))
        return 7

    monkeypatch.setattr("g3proxyd.supervisor.process.run", run)
    return calls


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[RunOptions]:
    """How it would have been run."""
    calls: list[RunOptions] = []

    def run(_: Config, options: RunOptions) -> None:
        calls.append(options)
        raise SystemExit(7)

    monkeypatch.setattr(cli, "_run", run)
    return calls


def test_a_good_configuration(run: Callable[..., Result]) -> None:
    result = run("-c", "main.yml", "-t")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "main.yml: ok: 1 server, 1 escaper, 1 resolver, 0 warnings\n"


def test_a_directory(run: Callable[..., Result]) -> None:
    assert run("--config-file", ".", "--test-config").stdout.startswith("main.yml: ok: ")


def test_warnings(run: Callable[..., Result]) -> None:
    result = run("-tc", "main.yml", main="runtime: {thread_number: 2}\n")
    assert result.exit_code == 0
    assert result.stdout == "main.yml: ok: 0 servers, 0 escapers, 0 resolvers, 1 warning\n"
    assert result.stderr.splitlines() == [
        "main.yml:1:11: runtime.thread_number: has no effect here: worker.thread_number is the number of processes",
        "1 warning",
    ]


def test_a_bad_configuration(run: Callable[..., Result]) -> None:
    result = run("-c", "main.yml", "-t", main="runtime: {thread_number: 2}\nsever: []\nlog: x\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert [line.partition(";")[0] for line in result.stderr.splitlines()] == [
        "main.yml:1:11: runtime.thread_number: has no effect here: worker.thread_number is the number of processes",
        "1 warning",
        "main.yml:2:1: sever: unknown section",
        "main.yml:3:6: log: 'x' is not a log driver",
        "2 problems",
    ]


def test_lines_are_shown_on_a_terminal(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("g3proxyd.cli._on_terminal", lambda: True)
    result = run("-c", "main.yml", "-t", main="log: x\n")
    assert result.stderr.splitlines()[1:] == ["    log: x", "         ^", "1 problem"]


def test_a_file_that_is_not_there(run: Callable[..., Result]) -> None:
    result = run("-c", "none.yml", "-t")
    assert (result.exit_code, result.stderr) == (1, "cannot read none.yml: No such file or directory\n1 problem\n")


def test_no_file(run: Callable[..., Result]) -> None:
    result = run()
    assert result.exit_code == 2
    assert "the option -c / --config-file is missing; `g3proxyd example` prints one to begin with" in result.stderr


@pytest.mark.parametrize("arguments", [("-c", "main.yml"), ("-vc", "main.yml"), ("-vvc", "main.yml")])
def test_running(arguments: tuple[str, ...], run: Callable[..., Result], served: list[tuple[Config, int]]) -> None:
    assert run(*arguments).exit_code == 7
    ((config, verbosity),) = served
    assert list(config.servers) == ["a"]
    assert verbosity == arguments[0].count("v")


def test_a_bad_configuration_does_not_run(run: Callable[..., Result], served: list[tuple[Config, int]]) -> None:
    assert run("-c", "main.yml", main="log: x").exit_code == 1
    assert served == []


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        (("-g",), "digraph g3proxyd {"),
        (("-g", "graphviz"), "digraph g3proxyd {"),
        (("--dep-graph", "mermaid"), "flowchart LR"),
        (("--dep-graph=plantuml",), "@startuml"),
    ],
)
def test_graph(arguments: tuple[str, ...], first: str, run: Callable[..., Result]) -> None:
    result = run("-c", "main.yml", *arguments)
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, first)
    assert run(*arguments, "-c", "main.yml").stdout == result.stdout


def test_an_unknown_graph(run: Callable[..., Result]) -> None:
    assert run("-c", "main.yml", "-g", "x").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-d",), "-d / --daemon: a process in the background needs --pid-file, so that it can be found"),
        (("-C", "run/x"), "-C / --control-dir: 'run/x' is not an absolute path"),
        (("-G", "a/b"), "-G / --group-name: 'a/b' cannot be part of a file name; use printable characters without /"),
        (("-G", "x" * 200), "shorten the group or the directory"),
    ],
)
def test_options_that_cannot_be_used(arguments: tuple[str, ...], message: str, run: Callable[..., Result]) -> None:
    result = run("-c", "main.yml", "-t", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_how_to_run(run: Callable[..., Result], ways: list[RunOptions]) -> None:
    assert run("-smv", "-p", "x.pid", "-G", "left", "-C", "/run/x", "-c", "main.yml").exit_code == 7
    assert run("-dp/run/x.pid", "-c", "main.yml").exit_code == 7
    assert run("-m", "example", "--run").exit_code == 7
    pid_file = Path("x.pid").absolute()
    assert ways == [
        RunOptions(False, True, True, pid_file, "left", Path("/run/x"), 1),
        RunOptions(daemon=True, pid_file=Path("/run/x.pid")),
        RunOptions(monitored=True),
    ]


@pytest.mark.parametrize(("option", "shown"), [("-d", True), ("-m", False)])
def test_a_process_in_the_background_remembers_where_its_files_are(
    option: str, shown: bool, run: Callable[..., Result], served: list[tuple[Config, int]]
) -> None:
    run(option, "-p", "x.pid", "-c", "main.yml")
    ((config, _),) = served
    assert config.path.is_absolute() is shown


def test_an_option_without_effect(run: Callable[..., Result]) -> None:
    result = run("-c", "main.yml", "-t", "--panic-quit")
    assert result.exit_code == 0
    assert "g3proxyd: the option --panic-quit has no effect: a fault of the event loop" in result.stderr


def test_every_option_of_upstream_is_there() -> None:
    names = {name for parameter in cli.command.params for name in parameter.opts}
    assert {"-c", "-t", "-G", "-C", "-d", "-s", "-m", "-p", "-v", "-V", "-g", "--completion", "--panic-quit"} <= names


def test_version(run: Callable[..., Result]) -> None:
    assert run("-V").stdout == "g3proxyd 0.1.0\n"
    assert run("--version").stdout == "g3proxyd 0.1.0\n"
    lines = run("-v", "-V").stdout.splitlines()
    assert lines[0] == "g3proxyd 0.1.0"
    assert [line.split()[0] for line in lines[2:]] == ["pycares", "pydantic", "PyYAML", "uvloop"]


@pytest.mark.parametrize("shell", cli.SHELLS)
def test_completion(shell: str, run: Callable[..., Result]) -> None:
    result = run("--completion", shell)
    assert result.exit_code == 0
    assert "_G3PROXYD_COMPLETE" in result.stdout


def test_completion_of_an_unknown_shell(run: Callable[..., Result]) -> None:
    assert run("--completion", "tcsh").exit_code == 2


def test_verify_panic(run: Callable[..., Result]) -> None:
    result = run("--verify-panic")
    assert isinstance(result.exception, RuntimeError)
    assert "--verify-panic" not in run("--help").stdout


def test_completion_does_not_run_anything() -> None:
    parameters = {parameter.name: parameter for parameter in cli.command.params}
    context = click.Context(cli.command, resilient_parsing=True)
    for name in ("version", "completion", "verify_panic"):
        callback = parameters[name].callback
        assert callback is not None
        assert callback(context, parameters[name], "bash") is None


def test_keys(run: Callable[..., Result]) -> None:
    assert "server.http_proxy.listen\n" in run("keys").stdout


def test_schema(run: Callable[..., Result]) -> None:
    assert json.loads(run("schema").stdout) == main_file_schema()


def test_example(run: Callable[..., Result]) -> None:
    text = run("example").stdout
    assert (
        run("-c", "main.yml", "-t", main=text).stdout == "main.yml: ok: 2 servers, 1 escaper, 1 resolver, 0 warnings\n"
    )


def test_example_that_runs(run: Callable[..., Result], served: list[tuple[Config, int]]) -> None:
    assert run("-v", "example", "--run").exit_code == 7
    ((config, verbosity),) = served
    assert (list(config.servers), verbosity) == (["http", "socks"], 1)


def test_a_process(tmp_path: Path) -> None:
    """As a module, with a real server, until SIGINT."""
    port = free_port()
    (tmp_path / "main.yml").write_text(
        f"server: [{{name: a, type: socks_proxy, escaper: b, listen: 127.0.0.1:{port}}}]\n"
        "escaper: [{name: b, type: dummy_deny}]\n"
    )
    command = [sys.executable, "-m", "g3proxyd", "-c", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if "listens on" in line:
                    break
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                client.sendall(b"\x05\x01\x00")
                assert client.recv(2) == b"\x05\x00"
            process.send_signal(signal.SIGINT)
            process.stderr.read()
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
