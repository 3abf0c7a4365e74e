"""The command line of g3proxy-ctl."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from ..control.client import ControlClient
from .session import PROGRAM, Session

__all__ = ["command", "main"]

SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "fish": FishComplete, "zsh": ZshComplete}

KINDS = ("user-group", "resolver", "auditor", "escaper", "server")

STRATEGIES = ("ipv4_first", "ipv6_first", "ipv4_only", "ipv6_only")

MAX_DELAY = 65535  # milliseconds


class AnySpelling(click.Choice[str]):
    """A choice in any case, with `-`, `_` or neither between its words, as the configuration language has it."""

    def normalize_choice(self, choice: object, ctx: click.Context | None) -> str:
        return str(choice).lower().replace("-", "").replace("_", "")


def _completion(context: click.Context, _: click.Parameter, shell: str | None) -> None:
    if shell is None or context.resilient_parsing:
        return
    variable = f"_{PROGRAM.upper().replace('-', '_')}_COMPLETE"
    click.echo(SHELLS[shell](command, {}, PROGRAM, variable).source())
    context.exit()


def _json_too(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        context.find_object(Session).as_json = True  # type: ignore[union-attr] # the group below has made one


def verb(function: Callable[..., None]) -> Callable[..., None]:
    """What all verbs share: the session as first argument, and --json behind the verb as well."""
    option = click.option("--json", is_flag=True, expose_value=False, callback=_json_too, help="Print JSON.")
    return option(click.make_pass_decorator(Session)(function))


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help="Ask a running g3proxyd. Exit codes: 0 done, 1 refused, 2 a mistake on the command line, 3 no daemon found.",
)
@click.option(
    "-C",
    "--control-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The directory of the control sockets; else /run/g3proxy and /tmp/g3.",
)
@click.option(
    "-G", "--daemon-group", metavar="NAME", help="The daemon's group; may be empty. Required unless -p is given."
)
@click.option("-p", "--daemon-pid", type=click.IntRange(min=1), metavar="PID", help="Ask this process.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs; errors too, on standard error.")
@click.option(
    "--completion",
    type=click.Choice(list(SHELLS)),
    is_eager=True,
    expose_value=False,
    callback=_completion,
    help="Print the script that lets a shell complete this command line.",
)
@click.version_option(
    importlib.metadata.version("g3proxyd"), "-V", "--version", prog_name=PROGRAM, message="%(prog)s %(version)s"
)
@click.pass_context
def command(
    context: click.Context, /, control_dir: Path | None, daemon_group: str | None, daemon_pid: int | None, as_json: bool
) -> None:
    """Ask a running daemon."""
    context.obj = Session(control_dir, daemon_group, daemon_pid, as_json)


@command.command("version", short_help="Print the daemon's version.")
@verb
def version(session: Session) -> None:
    """Print the version of the running daemon."""
    session.ask(lambda client: client.get("version"), lambda document: [document["version"]])


@command.command("status", short_help="Print the daemon's processes and servers.")
@verb
def status(session: Session) -> None:
    """Print the processes and the servers of the running daemon."""
    session.ask(lambda client: client.get("status"), _status_lines)


def _simple(name: str, help_text: str, *path: str) -> None:
    @command.command(name, short_help=help_text, help=help_text)
    @verb
    def simple(session: Session) -> None:
        session.ask(lambda client: client.post(*path), _done)


_simple("offline", "End gracefully: stop listening after a delay, let running tasks finish.", "offline")
_simple("cancel-shutdown", "Take back `offline` while the daemon still listens.", "cancel-shutdown")
_simple("force-quit-all", "End all connections of all offline servers.", "force-quit")


@command.command("force-quit", short_help="End all connections of an offline server.")
@click.argument("name")
@verb
def force_quit(session: Session, name: str) -> None:
    """End all connections of the server NAME that a reload has replaced or removed."""
    session.ask(lambda client: client.post("server", name, "force-quit"), _done)


@command.command("list", short_help="List the names of objects.")
@click.argument("resource", type=AnySpelling(KINDS), metavar=f"[{'|'.join(KINDS)}]")
@verb
def list_names(session: Session, resource: str) -> None:
    """List the names of all objects of a kind."""
    session.ask(lambda client: client.get(resource), _names)


@command.command("reload", short_help="Read the configuration again, and apply it.")
@verb
def reload_all(session: Session) -> None:
    """Read the configuration files again and apply what has changed, as SIGHUP does."""
    session.ask(lambda client: client.post("reload"), _reload_lines)


def _reload(kind: str) -> None:
    @command.command(
        f"reload-{kind}", short_help=f"Reload one {kind}.", help=f"Read the {kind} NAME again, and apply it."
    )
    @click.argument("name")
    @verb
    def reload_one(session: Session, name: str) -> None:
        session.ask(lambda client: client.post(kind, name, "reload"), _reload_lines)


for _kind in KINDS:
    _reload(_kind)


def _object(kind: str) -> click.Group:
    """The group of verbs for one object."""

    @command.group(kind, short_help=f"Ask one {kind}.", help=f"Ask the {kind} NAME.")
    @click.argument("name")
    @click.pass_context
    def group(context: click.Context, /, name: str) -> None:
        context.meta["name"] = name

    return group


def named(function: Callable[..., None]) -> Callable[..., None]:
    """A verb of one object: its name is the argument after the session."""
    return verb(lambda session, **rest: function(session, click.get_current_context().meta["name"], **rest))


user_group = _object("user-group")
resolver = _object("resolver")
escaper = _object("escaper")
server = _object("server")


@user_group.command("list-static-user", short_help="List the users of the configuration.")
@named
def list_static_user(session: Session, name: str) -> None:
    """List the users that the configuration has."""
    session.ask(lambda client: client.get("user-group", name, "static-users"), _names)


@user_group.command("list-dynamic-user", short_help="List the users that were published or fetched.")
@named
def list_dynamic_user(session: Session, name: str) -> None:
    """List the users that were published or fetched."""
    session.ask(lambda client: client.get("user-group", name, "dynamic-users"), _names)


@user_group.command("publish-user", short_help="Replace the dynamic users.")
@click.argument("file", type=click.File("rb"))
@named
def publish_user(session: Session, name: str, file: IO[bytes]) -> None:
    """Replace the dynamic users by those in FILE, a JSON array; - is standard input."""
    body = file.read()
    session.ask(lambda client: client.post("user-group", name, "dynamic-users", body=body), _done)


@resolver.command("query", short_help="Resolve a name.")
@click.argument("domain")
@click.option(
    "-s",
    "--strategy",
    "--query-strategy",
    "strategy",
    type=AnySpelling(STRATEGIES),
    default=STRATEGIES[0],
    show_default=True,
    help="Which address families to ask for, and which comes first.",
)
@click.option(
    "--resolution-delay",
    "delay",
    type=click.IntRange(0, MAX_DELAY),
    default=50,
    show_default=True,
    metavar="MS",
    help="Milliseconds to wait for the family that comes first once the other is there.",
)
@named
def query(session: Session, name: str, domain: str, strategy: str, delay: int) -> None:
    """Print the addresses of DOMAIN, one on a line."""
    parameters: dict[str, str | int] = {"domain": domain, "strategy": strategy, "resolution_delay": delay}

    def ask(client: ControlClient) -> Any:
        return client.get("resolver", name, "query", parameters=parameters)

    session.ask(ask, lambda document: document["addresses"])


@escaper.command("publish", short_help="Publish peers or bind addresses.")
@click.option("-f", "--file", "file", type=click.File("rb"), help="Where the data is; - is standard input.")
@click.argument("data", required=False)
@named
def publish(session: Session, name: str, file: IO[bytes] | None, data: str | None) -> None:
    """Give the escaper new peers or bind addresses: DATA, or the content of a file, is JSON."""
    if (file is None) == (data is None):
        raise click.UsageError("give either DATA or -f / --file")
    body = file.read() if file is not None else str(data).encode("utf-8", "surrogateescape")
    session.ask(lambda client: client.post("escaper", name, "publish", body=body), _published_lines)


@server.command("status", short_help="Print the counts of tasks and connections.")
@named
def server_status(session: Session, name: str) -> None:
    """Print whether the server is online, and its counts of tasks and connections."""
    session.ask(lambda client: client.get("server", name, "status"), _server_lines)


def main() -> None:
    """The entry point of the command `g3proxy-ctl`."""
    command.main(prog_name=PROGRAM)


def _done(_: Any) -> list[str]:
    return ["done"]


def _names(document: Any) -> list[str]:
    return list(document["names"])


def _published_lines(document: Any) -> list[str]:
    return [*(f"warning: {text}" for text in document.get("warnings", ())), "done"]


def _reload_lines(document: Any) -> list[str]:
    changed = [item for item in document["objects"] if item["change"] != "kept"]
    lines = [f"warning: {text}" for text in document["warnings"]]
    lines += [f"{item['kind']} {item['name']}: {item['change']}" for item in changed]
    return lines if changed else [*lines, "nothing has changed"]


def _server_lines(document: Any) -> list[str]:
    return [
        f"online: {'yes' if document['online'] else 'no'}",
        f"alive tasks: {document['alive_tasks']}",
        f"total connections: {document['total_connections']}",
        f"total tasks: {document['total_tasks']}",
    ]


def _status_lines(document: Any) -> list[str]:
    lines = [f"g3proxyd {document['version']}, process {document['pid']}"]
    lines += [f"worker {item['number']}: process {item['pid']}, {item['state']}" for item in document["workers"]]
    for item in document["servers"]:
        state = "online" if item["online"] else "offline"
        counts = (
            f"{item['alive_tasks']} alive tasks, {item['total_connections']} connections, {item['total_tasks']} tasks"
        )
        lines.append(f"server {item['name']}: {state}, {counts}")
    return lines
