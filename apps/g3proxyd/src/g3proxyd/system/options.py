"""How the process is to run: the options of the command line that are not about the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["MAX_SOCKET_PATH", "OptionError", "RunOptions"]

MAX_SOCKET_PATH = 107  # bytes of sun_path without its NUL, unix(7)

_DEFAULT_DIRECTORY = Path("/run/g3proxy")  # the longer one of the directories that are tried
_LONGEST_PID = "4194304"  # the kernel's limit for pid_max, proc(5)


class OptionError(ValueError):
    """Options that cannot be used. `option` is the one to blame, as people write it."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run. Raises OptionError for a combination that cannot work."""

    daemon: bool = False
    """Go to the background; needs `pid_file`."""
    systemd: bool = False
    """Tell systemd what the process is doing."""
    monitored: bool = False
    """Something else supervises the process in the foreground."""
    pid_file: Path | None = None
    """Where to write the number of the process; absolute."""
    group: str = ""
    """The daemon group: part of the name of the control sockets, and a field of every log record."""
    control_dir: Path | None = None
    """The directory of the control sockets, absolute; None is the default."""
    verbosity: int = 0
    """How many -v there were."""

    def __post_init__(self) -> None:
        if self.daemon and self.pid_file is None:
            raise OptionError("-d / --daemon", "a process in the background needs --pid-file, so that it can be found")
        if self.control_dir is not None and not self.control_dir.is_absolute():
            raise OptionError("-C / --control-dir", f"{str(self.control_dir)!r} is not an absolute path")
        self._check_group()

    @property
    def replaceable(self) -> bool:
        """Whether a later process of the same group may take over from this one."""
        return self.daemon or self.systemd or self.monitored

    def _check_group(self) -> None:
        if "/" in self.group or not self.group.isprintable():
            raise OptionError(
                "-G / --group-name", f"{self.group!r} cannot be part of a file name; use printable characters without /"
            )
        socket = (self.control_dir or _DEFAULT_DIRECTORY) / f"{self.group}_{_LONGEST_PID}.sock"
        length = len(bytes(socket))
        if length > MAX_SOCKET_PATH:
            raise OptionError(
                "-G / --group-name",
                f"the path of the control socket, {socket}, would have {length} bytes, and only {MAX_SOCKET_PATH} "
                "are allowed; shorten the group or the directory",
            )
