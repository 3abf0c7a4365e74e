"""The command line."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import json
import platform
import sys
from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from .config import Config, ConfigError, Problem, load
from .config.errors import report
from .config.graph import FORMATS, draw
from .config.listing import all_keys
from .config.schema import main_file_schema
from .system.options import OptionError, RunOptions

__all__ = ["command", "main"]

PROGRAM = "g3proxyd"
EXAMPLE = "example.yml"
_PANIC_QUIT = "a fault of the event loop itself ends the process anyway"
SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "fish": FishComplete, "zsh": ZshComplete}


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    click.echo(f"{PROGRAM} {importlib.metadata.version(PROGRAM)}")
    if context.params.get("verbose"):
        click.echo(f"{platform.python_implementation()} {platform.python_version()} on {platform.platform()}")
        for package in ("pycares", "pydantic", "PyYAML", "uvloop"):
            click.echo(f"{package} {importlib.metadata.version(package)}")
    context.exit()


def _completion(context: click.Context, _: click.Parameter, shell: str | None) -> None:
    if shell is None or context.resilient_parsing:
        return
    click.echo(SHELLS[shell](command, {}, PROGRAM, f"_{PROGRAM.upper()}_COMPLETE").source())
    context.exit()


def _panic(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        raise RuntimeError("a fault as requested")


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help="A forward proxy that reads the g3proxy configuration language. Without a command it runs.",
)
@click.option("-v", "--verbose", count=True, is_eager=True, help="Say more in the process log; twice says all.")
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Print the version, with -v before it those of the libraries as well.",
)
@click.option(
    "--completion",
    type=click.Choice(list(SHELLS)),
    is_eager=True,
    expose_value=False,
    callback=_completion,
    help="Print the script that lets a shell complete this command line.",
)
@click.option("--verify-panic", is_flag=True, hidden=True, is_eager=True, expose_value=False, callback=_panic)
@click.option(
    "-c",
    "--config-file",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The main configuration file, or the directory that holds it. Required to run.",
)
@click.option("-t", "--test-config", is_flag=True, help="Check the configuration and exit.")
@click.option(
    "-g",
    "--dep-graph",
    type=click.Choice(list(FORMATS)),
    is_flag=False,
    flag_value="graphviz",
    help="Print the graph of servers, escapers and resolvers, for Graphviz unless another is given, and exit.",
)
@click.option("-d", "--daemon", is_flag=True, help="Go to the background once everything is ready; needs --pid-file.")
@click.option("-s", "--systemd", is_flag=True, help="Tell systemd what the process is doing (Type=notify).")
@click.option("-m", "--monitored", is_flag=True, help="Another program supervises this one, in the foreground.")
@click.option(
    "-p",
    "--pid-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the number of the process there while it runs.",
)
@click.option(
    "-G",
    "--group-name",
    default="",
    metavar="NAME",
    help="The daemon group: part of the name of the control sockets, and a field of log records.",
)
@click.option(
    "-C",
    "--control-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The directory of the control sockets, by default /run/g3proxy or else /tmp/g3.",
)
@click.option("--panic-quit", is_flag=True, help=f"No effect: {_PANIC_QUIT}.")
@click.pass_context
def command(
    context: click.Context,
    /,
    verbose: int,
    config_file: Path | None,
    test_config: bool,
    dep_graph: str | None,
    daemon: bool,
    systemd: bool,
    monitored: bool,
    pid_file: Path | None,
    group_name: str,
    control_dir: Path | None,
    panic_quit: bool,
) -> None:
    """Run, check or draw a configuration."""
    try:
        options = RunOptions(
            daemon=daemon,
            systemd=systemd,
            monitored=monitored,
            pid_file=pid_file and pid_file.absolute(),
            group=group_name,
            control_dir=control_dir,
            verbosity=verbose,
        )
    except OptionError as error:
        raise click.BadParameter(str(error), param_hint=error.option) from None
    if panic_quit:
        click.echo(f"{PROGRAM}: the option --panic-quit has no effect: {_PANIC_QUIT}", err=True)
    context.obj = options
    if context.invoked_subcommand is not None:
        return
    if config_file is None:
        raise click.UsageError("the option -c / --config-file is missing; `g3proxyd example` prints one to begin with")
    # A process in the background leaves its working directory, and reads its files again later.
    config = _load(config_file.absolute() if daemon else config_file)
    if dep_graph is not None:
        click.echo(draw(config, dep_graph), nl=False)
    if test_config:
        click.echo(_summary(config))
    if dep_graph is None and not test_config:
        _run(config, options)


@command.command("keys", short_help="Print every configuration key.")
def keys() -> None:
    """Print every configuration key, with the reason for each that is refused or has no effect."""
    for line in all_keys():
        click.echo(line)


@command.command("schema", short_help="Print the JSON Schema of the main file.")
def schema() -> None:
    """Print the JSON Schema of the main configuration file, for editors."""
    click.echo(json.dumps(main_file_schema(), indent=1, ensure_ascii=False))


@command.command("example", short_help="Print or run an example configuration.")
@click.option("--run", is_flag=True, help="Run it instead.")
@click.pass_obj
def example(options: RunOptions, run: bool) -> None:
    """Print an example configuration: HTTP on port 8080 and SOCKS on port 1080 of the loopback address."""
    with importlib.resources.as_file(importlib.resources.files(__package__) / EXAMPLE) as path:
        if not run:
            click.echo(path.read_text(encoding="utf-8"), nl=False)
            return
        config = _load(path)
    _run(config, options)


def main() -> None:
    """The entry point of the command `g3proxyd`."""
    command.main(prog_name=PROGRAM)


def _load(path: Path) -> Config:
    """Load, print the warnings; print everything that is wrong and exit with 1 if the configuration cannot be used."""
    try:
        config = load(path)
    except ConfigError as error:
        _print(error.warnings, "warning")
        _print(error.problems, "problem")
        raise click.exceptions.Exit(1) from None
    _print(config.warnings, "warning")
    return config


def _print(problems: Iterable[Problem], what: str) -> None:
    problems = list(problems)
    if problems:
        click.echo(report(problems, what=what, source_lines=_on_terminal()), err=True)


def _on_terminal() -> bool:
    return sys.stderr.isatty()


def _summary(config: Config) -> str:
    def count(objects: Iterable[object], kind: str) -> str:
        number = len(list(objects))
        return f"{number} {kind}{'' if number == 1 else 's'}"

    kinds = (count(config.servers, "server"), count(config.escapers, "escaper"), count(config.resolvers, "resolver"))
    return f"{config.path}: ok: {', '.join(kinds)}, {count(config.warnings, 'warning')}"


def _run(config: Config, options: RunOptions) -> None:
    # Everything that serves is imported only to serve: checking a file should not wait for it.
    from .supervisor.process import run

    sys.exit(run(config, options))
