"""Each example of a package is a program that runs to its end by itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.workspace import packages

EXAMPLE_CEILING = 60
EXAMPLES = [path for member in packages() for path in sorted((member.folder / "examples").glob("*.py"))]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.parent.name}/{path.name}")
def test_example(path: Path, tmp_path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= EXAMPLE_CEILING
    command = [sys.executable, "-W", "error", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
