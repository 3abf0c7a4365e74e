"""What is where in this workspace, for the tools and for the workspace's own tests."""

import subprocess
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Member:
    """A package or an app: a folder with a pyproject.toml."""

    folder: Path

    @property
    def name(self) -> str:
        """The distribution's name, which is also the folder's."""
        return self.folder.name

    @property
    def is_app(self) -> bool:
        return self.folder.parent.name == "apps"

    @property
    def source(self) -> Path:
        """The folder of the import package."""
        return self.folder / "src" / self.name.replace("-", "_")

    @cached_property
    def pyproject(self) -> dict[str, Any]:
        return tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))

    @property
    def project(self) -> dict[str, Any]:
        table: dict[str, Any] = self.pyproject["project"]
        return table

    def __str__(self) -> str:
        return self.name


def packages() -> list[Member]:
    """The protocol packages, by name."""
    return [Member(path.parent) for path in sorted(ROOT.glob("packages/*/pyproject.toml"))]


def members() -> list[Member]:
    """The packages, then the apps."""
    return packages() + [Member(path.parent) for path in sorted(ROOT.glob("apps/*/pyproject.toml"))]


def project_files() -> list[Path]:
    """Every file that belongs to the project: those that git tracks, or all of them where there is no git."""
    # A checkout that belongs to another user is still the one that we were started from.
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "ls-files", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        return [path for path in sorted(ROOT.rglob("*")) if path.is_file() and not _is_generated(path)]
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def _is_generated(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    hidden = any(part.startswith(".") and part not in (".ci", ".gitignore") for part in parts)
    return hidden or any(part in ("__pycache__", "dist", "build", "_build", "results") for part in parts)
