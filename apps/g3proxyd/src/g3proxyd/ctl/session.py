"""Finding the daemon, asking it, and telling what it said: to people, or to programs as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import click

from ..control.client import ControlClient, ControlError, RefusedError
from ..control.paths import DIRECTORIES, find, group_socket

__all__ = ["PROGRAM", "Session"]

PROGRAM = "g3proxy-ctl"


class FailureError(click.ClickException):
    """Ends the program with a message on standard error, as JSON for programs. Exit code 1: the daemon refused."""

    def __init__(self, as_json: bool, reason: str, message: str, details: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.as_json = as_json
        self.document: dict[str, Any] = {"reason": reason, "message": message}
        self.details = list(details)
        if self.details:
            self.document["details"] = self.details

    def show(self, file: IO[Any] | None = None) -> None:
        if self.as_json:
            click.echo(json.dumps({"error": self.document}), file=file, err=True)
            return
        click.echo(printable(f"{PROGRAM}: {self.message}"), file=file, err=True)
        for line in self.details:
            click.echo(printable(line), file=file, err=True)


class NoDaemonError(FailureError):
    """There is nobody to ask."""

    exit_code = 3


@dataclass(slots=True)
class Session:
    """What the options before the verb have said."""

    control_dir: Path | None
    group: str | None
    pid: int | None
    as_json: bool

    def ask(self, question: Callable[[ControlClient], Any], lines: Callable[[Any], Iterable[str]]) -> None:
        """Ask the daemon, and print its document: as it is, or in these lines."""
        with self._connect() as client:
            try:
                document = question(client)
            except RefusedError as error:
                raise FailureError(self.as_json, error.reason, error.text, error.details) from None
            except ControlError as error:
                raise FailureError(self.as_json, "no_answer", str(error)) from None
        if self.as_json:
            click.echo(json.dumps(document))
            return
        for line in lines(document):
            click.echo(printable(line))

    def _connect(self) -> ControlClient:
        """The daemon that is meant; the group's own socket comes before those of its processes."""
        refusal: OSError | None = None
        alive: list[ControlClient] = []
        for path in self._candidates():
            try:
                client = ControlClient(path)
            except (ConnectionRefusedError, FileNotFoundError):
                continue  # left behind by a daemon that was killed
            except OSError as error:
                refusal = error
                continue
            if self.pid is not None or self._is_group_socket(path):
                return client
            alive.append(client)
        if len(alive) == 1:
            return alive[0]
        for client in alive:
            client.close()
        if alive:
            files = ", ".join(str(client.path) for client in alive)
            raise click.UsageError(f"several processes are of this group; choose one with -p / --daemon-pid: {files}")
        raise self._nobody(refusal)

    def _candidates(self) -> list[Path]:
        if self.group is None and self.pid is None:
            raise click.UsageError("which daemon? say its group with -G / --daemon-group, or its process id with -p")
        try:
            found = find(self._directories(), group=self.group, pid=self.pid)
        except PermissionError as error:
            raise self._nobody(error) from None
        return sorted(found, key=lambda path: not self._is_group_socket(path))

    def _is_group_socket(self, path: Path) -> bool:
        return self.group is not None and path.name == group_socket(path.parent, self.group).name

    def _directories(self) -> tuple[Path, ...]:
        return DIRECTORIES if self.control_dir is None else (self.control_dir,)

    def _nobody(self, refusal: OSError | None) -> NoDaemonError:
        if refusal is not None:
            what = f"{refusal.filename}: {refusal.strerror}"
            return NoDaemonError(self.as_json, "no_daemon", f"no daemon that talks to this user: {what}")
        who = " and ".join(
            [f"of the group {self.group!r}"] * (self.group is not None)
            + [f"with the process id {self.pid}"] * (self.pid is not None)
        )
        where = " or ".join(map(str, self._directories()))
        return NoDaemonError(self.as_json, "no_daemon", f"no daemon {who} is running with its socket in {where}")


def printable(text: str) -> str:
    """Without what a terminal would obey: names and messages come from files that others may have written."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
