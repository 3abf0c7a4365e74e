"""What the containers are made of: the base image and the daemon's wheels, both kept until their source changes."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from packaging.requirements import Requirement

from integration import tls_files

ROOT = Path(__file__).resolve().parents[1]
_HERE = ROOT / "integration"
_CACHE = _HERE / ".cache"
_WHEELS = _CACHE / "wheels"
_TLS = _CACHE / "tls"


class UnavailableError(Exception):
    """The suite cannot run on this machine, for a reason that is not its fault."""


class BuildError(Exception):
    """Something that must build does not; the message has the end of the output."""


def base_image() -> str:
    """The image that the others start from: G3_BASE_IMAGE, or one made from the Debian archive."""
    if named := os.environ.get("G3_BASE_IMAGE"):
        return named
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        known = _run(["docker", "image", "ls", "-q", "--filter", f"reference={_base_name()}"])
        if not known.strip():
            raise UnavailableError(
                "no base image: set G3_BASE_IMAGE (python:3-slim, for one), or run as root with debootstrap installed"
            )
    return _run([str(_HERE / "build_base.sh")]).strip()


def _base_name() -> str:
    recipe = sha256((_HERE / "build_base.sh").read_bytes()).hexdigest()
    return f"g3-base:{recipe[:12]}"


def wheels(base: str) -> None:
    """Collect the workspace's wheels and those of its dependencies, for the Python of the base image."""
    version = _run(
        ["docker", "run", "--rm", base, "python3", "-c", "import platform; print(platform.python_version())"]
    )
    shutil.rmtree(_WHEELS, ignore_errors=True)
    shutil.copytree(_dependencies(version.strip()), _WHEELS / "dependencies", ignore=shutil.ignore_patterns("*[!l]"))
    _uv("build", "--quiet", "--all-packages", "--wheel", "--out-dir", str(_WHEELS / "own"))


def certificates() -> None:
    """Issue the certificates that the images get: new ones for each run, since they are good for a day."""
    tls_files.write(_TLS)


def _dependencies(version: str) -> Path:
    """The folder of the third-party wheels; downloaded again when the lock file or the Python version changes."""
    lock = sha256((ROOT / "uv.lock").read_bytes() + (ROOT / "apps/g3proxyd/pyproject.toml").read_bytes())
    folder = _CACHE / f"dependencies-{version}-{lock.hexdigest()[:12]}"
    if (folder / "complete").exists():
        return folder
    for old in _CACHE.glob("dependencies-*"):
        shutil.rmtree(old)
    folder.mkdir(parents=True)
    listed = folder / "requirements.txt"
    export = [
        "export",
        "--quiet",
        "--frozen",
        "--no-dev",
        "--package",
        "g3proxyd",
        "--no-emit-workspace",
        "--no-hashes",
    ]
    _uv(*export, "--output-file", str(listed))
    listed.write_text(_meant_for(version, listed.read_text()))
    machine = platform.machine()
    platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in (34, 28, 17)]
    platforms.append(f"--platform=manylinux2014_{machine}")
    minor_version = version.rpartition(".")[0]
    download = ["pip", "download", "--quiet", "--only-binary=:all:", f"--python-version={minor_version}", *platforms]
    _run([*_pip_runner(), *download, "--no-deps", "--dest", str(folder), "--requirement", str(listed)])
    (folder / "complete").touch()
    return folder


def _meant_for(version: str, requirements: str) -> str:
    """The requirements of a Python of this version: pip itself looks at the one that it runs on."""
    python = {"python_full_version": version, "python_version": version.rpartition(".")[0]}
    lines = [line for line in requirements.splitlines() if line and line[0] not in "# "]
    wanted = [each for each in map(Requirement, lines) if each.marker is None or each.marker.evaluate(python)]
    return "".join(f"{each.name}{each.specifier}\n" for each in wanted)


def _pip_runner() -> list[str]:
    """This interpreter where it has pip, else one that uv gives pip to."""
    has_pip = (
        subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    )
    if has_pip:
        return [sys.executable, "-m"]
    return [
        sys.executable,
        str(ROOT / "g3.py"),
        "uv",
        "run",
        "--quiet",
        "--no-project",
        "--with",
        "pip",
        "python",
        "-m",
    ]


def _uv(*words: str) -> None:
    _run([sys.executable, str(ROOT / "g3.py"), "uv", *words])


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=600, check=False)
    if done.returncode != 0:
        raise BuildError(f"{' '.join(command)}\nended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout
