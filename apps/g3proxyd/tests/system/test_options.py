"""The options of the process."""

from pathlib import Path

import pytest
from g3proxyd.system.options import MAX_SOCKET_PATH, OptionError, RunOptions


def test_the_plain_case() -> None:
    options = RunOptions()
    assert (options.group, options.control_dir, options.pid_file, options.replaceable) == ("", None, None, False)


@pytest.mark.parametrize("group", ["a", "left-2", "grün", ".x", "a b"])
def test_groups(group: str) -> None:
    assert RunOptions(group=group).group == group


@pytest.mark.parametrize("group", ["a/b", "/", "a\0b", "a\nb", "\x1b", "\udcff"])
def test_no_groups(group: str) -> None:
    with pytest.raises(OptionError, match="cannot be part of a file name") as caught:
        RunOptions(group=group)
    assert caught.value.option == "-G / --group-name"


@pytest.mark.parametrize("directory", [Path("/run/g3proxy"), Path("/tmp/g3"), Path("/ü")])
def test_the_path_of_a_control_socket_has_room(directory: Path) -> None:
    """Counted in bytes, with the longest number of a process."""
    room = MAX_SOCKET_PATH - len(bytes(directory)) - len("/_4194304.sock")
    RunOptions(group="x" * room, control_dir=directory)
    for group, excess in (("x" * (room + 1), 1), ("x" * (room - 1) + "ü", 1), ("ü" * room, room)):
        with pytest.raises(OptionError, match=f"would have {107 + excess} bytes, and only 107"):
            RunOptions(group=group, control_dir=directory)


def test_the_default_directory_counts_as_the_longer_one() -> None:
    room = MAX_SOCKET_PATH - len("/run/g3proxy/_4194304.sock")
    RunOptions(group="x" * room)
    with pytest.raises(OptionError, match="would have 108 bytes"):
        RunOptions(group="x" * (room + 1))


def test_a_control_directory_is_absolute() -> None:
    with pytest.raises(OptionError, match="'run/x' is not an absolute path"):
        RunOptions(control_dir=Path("run/x"))


def test_the_background_needs_a_pid_file() -> None:
    with pytest.raises(OptionError, match="needs --pid-file"):
        RunOptions(daemon=True)
    assert RunOptions(daemon=True, pid_file=Path("/run/x.pid")).replaceable


@pytest.mark.parametrize("way", ["systemd", "monitored"])
def test_who_can_be_replaced(way: str) -> None:
    assert RunOptions(**{way: True}).replaceable  # type: ignore[arg-type]  # the names are those of flags
