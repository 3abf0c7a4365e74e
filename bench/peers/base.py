"""What a proxy must tell to be measured."""

import abc
import os
import shutil
import subprocess
from dataclasses import dataclass, fields
from pathlib import Path
from string import Template
from typing import ClassVar, Literal

# What a proxy is set up as: a forward proxy for HTTP or for SOCKS, the same with another one behind it, the end of TLS
# before a TCP server, or a reverse proxy before a web server.
Setup = Literal["http", "socks", "next_http", "next_socks", "tls", "web"]


@dataclass(frozen=True, slots=True)
class Places:
    """What a configuration names: ports of 127.0.0.1, and files."""

    port: int
    """Where the proxy listens."""
    origin: int
    next: int
    """Where the next proxy listens; of no meaning to setups that have none."""
    certificate: Path
    key: Path


class Peer(abc.ABC):
    """One proxy that can be measured, and its configuration files beside this module."""

    name: ClassVar[str]
    # Each has the file of its name.
    setups: ClassVar[frozenset[Setup]]
    # Path of these files, with `{}` for the setup.
    config: ClassVar[str]
    # Whether a client's connection serves more than one plain request.
    keep_alive: ClassVar[bool] = True
    # The user that it changes to when root starts it; None for programs that stay what they are.
    user: ClassVar[str | None] = None
    # Debian's package, for the message when the program is not there.
    package: ClassVar[str | None] = None

    @abc.abstractmethod
    def program(self) -> str | None:
        """Path of the executable, None when there is none on this machine."""

    @abc.abstractmethod
    def command(self, config: Path) -> list[str]:
        """The command that runs it in the foreground."""

    @abc.abstractmethod
    def version(self) -> str:
        """What the program says of its version, in one short line."""

    def missing(self) -> str | None:
        """Why it cannot be measured here, None when it can."""
        if self.program() is None:
            return f"not installed (Debian package {self.package})" if self.package else "not found"
        return None

    def user_lines(self, user: str) -> str:
        """Configuration lines that make it run as a user; only asked for when root starts it."""
        return ""

    def configure(self, folder: Path, setup: Setup, places: Places) -> Path:
        """Write the configuration into `folder`; returns its path."""
        source = Path(__file__).parent / self.config.format(setup)
        template = Template(source.read_text())
        lines = ""
        if self.user and os.geteuid() == 0:
            lines = self.user_lines(self.user)
            shutil.chown(folder, self.user)
        named = {item.name.upper(): getattr(places, item.name) for item in fields(places)}
        path = folder / source.name
        path.write_text(template.substitute(named, FOLDER=folder, USER=lines))
        return path

    def clean(self, config: Path) -> None:  # noqa: B027  # most programs leave nothing
        """Remove what a program that was killed leaves outside the folder of its configuration."""


def find(*names: str) -> str | None:
    """The first of some programs, in the system folders as well, which a user's PATH lacks."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def ask_version(*command: str, word: str = "") -> str:
    """The first line of a program's output that has `word`, the empty string if it will not tell."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ""
    return next((line.strip() for line in (done.stdout + done.stderr).splitlines() if word in line), "")
