"""Where control sockets are: the one rule that the daemon, its successor and g3proxy-ctl follow."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["DIRECTORIES", "default_directory", "find", "group_socket", "process_socket"]

DIRECTORIES = (Path("/run/g3proxy"), Path("/tmp/g3"))  # noqa: S108 - upstream's place; see socket_file.check_directory
"""Where a daemon without --control-dir may have its sockets, best first."""

_PROCESS = re.compile(r"(?P<group>.*)_(?P<pid>[1-9][0-9]*)\.sock", re.DOTALL)


def default_directory() -> Path:
    """Where a daemon makes its sockets: /run/g3proxy if it is there and can be written to, else /tmp/g3."""
    first, second = DIRECTORIES
    return first if first.is_dir() and os.access(first, os.W_OK | os.X_OK) else second


def process_socket(directory: Path, group: str, pid: int) -> Path:
    """The socket of one process; every daemon has it."""
    return directory / f"{group}_{pid}.sock"


def group_socket(directory: Path, group: str) -> Path:
    """The socket of whoever serves for the group now: with -d, -s or -m. Without a name the group is `_`."""
    return directory / f"{group or '_'}.sock"


def find(directories: Iterable[Path], *, group: str | None = None, pid: int | None = None) -> list[Path]:
    """The sockets of daemons with this group and process id; None is any. Not all of them need be alive.

    For a group without a process id its group socket comes first. Raises PermissionError if there is nothing where
    we may look, and a directory where we may not.
    """
    found: list[Path] = []
    refusal: PermissionError | None = None
    for directory in directories:
        try:
            names = sorted(os.listdir(directory))
        except PermissionError as error:
            refusal = error
            continue
        except (FileNotFoundError, NotADirectoryError):
            continue
        if group is not None and pid is None and group_socket(directory, group).name in names:
            found.append(group_socket(directory, group))
        found += [directory / name for name in names if _is_process(name, group, pid)]
    if refusal is not None and not found:
        raise refusal
    return found


def _is_process(name: str, group: str | None, pid: int | None) -> bool:
    match = _PROCESS.fullmatch(name)
    return match is not None and group in (None, match["group"]) and pid in (None, int(match["pid"]))
