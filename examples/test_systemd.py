"""The units of systemd are what systemd takes, and say what the program knows."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from g3proxyd.cli import command

FOLDER = Path(__file__).parent / "systemd"
UNITS = ("g3proxyd.service", "g3proxyd.socket")
PROGRAMS = "/opt/g3proxyd/bin/"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_them(tmp_path: Path) -> None:
    """With a program in place of ours that is there."""
    for name in UNITS:
        text = (FOLDER / name).read_text().replace(PROGRAMS + "g3proxyd", "/bin/true")
        (tmp_path / name).write_text(text.replace(PROGRAMS + "g3proxy-ctl", "/bin/true"))
    units = [str(tmp_path / name) for name in UNITS]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if str(tmp_path) in line]) == (0, [])


def test_the_program_takes_the_options() -> None:
    """Up to the configuration, which is checked instead."""
    (line,) = re.findall(rf"^ExecStart={PROGRAMS}g3proxyd (.*)$", (FOLDER / UNITS[0]).read_text(), re.MULTILINE)
    arguments = line.replace("/etc/g3proxyd", str(FOLDER)).split()
    done = CliRunner().invoke(command, [*arguments, "--test-config"])
    assert done.exit_code == 0, done.output


def test_the_socket_is_that_of_the_configuration() -> None:
    addresses = re.findall(r"^ListenStream=(.*)$", (FOLDER / UNITS[1]).read_text(), re.MULTILINE)
    assert addresses == [server["listen"] for server in yaml.safe_load((FOLDER / "main.yml").read_text())["server"]]
