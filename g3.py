#!/usr/bin/env python3
"""Set up this checkout and use it: the only thing that a fresh machine needs is Python 3.11 with pip.

Everything lands inside the checkout: the environment in ``.venv`` (or where ``G3_VENV`` says), uv itself in ``.tools``.
Nothing is installed into the system's Python, so that a system that guards its Python (PEP 668) or lacks the venv
module will do. The versions are those of ``uv.lock``. Settings for pip (environment, pip.conf) and for uv hold here as
well.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

if sys.version_info < (3, 11):
    sys.exit("g3 needs Python 3.11 or newer; this is Python " + sys.version.split()[0])

ROOT = Path(__file__).resolve().parent
VENV = Path(os.environ.get("G3_VENV") or ROOT / ".venv").absolute()
TOOLS = ROOT / ".tools"
UV_VERSION = "0.13.9"
OLDEST_UV = (0, 13)
PUBLIC_INDEX = re.compile(r"https://pypi\.org/simple/?")

# uv doesn't read pip's settings, and a machine that has had only pip until now has only those.
PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
}


USAGE = """
    python3 g3.py run [OPTION...]     set up, then run the proxy on its example configuration
    python3 g3.py test [-- OPTION...] set up, then run all tests; the options are those of pytest
    python3 g3.py sync [GROUP...]     set up only, with more dependency groups (docs, fuzz)
    python3 g3.py uv ARGUMENT...      run the uv of this checkout, with the same settings
"""


def main(verb: str = "", *rest: str) -> None:
    if verb == "run":
        sync()
        execute([str(VENV / "bin" / "g3proxyd"), "example", "--run", *rest])
    elif verb == "test":
        sync("dev")
        execute([str(VENV / "bin" / "nox"), "-s", "tests", *rest])
    elif verb == "sync":
        sync("dev", *rest)
    elif verb == "uv":
        environment = uv_environment()
        execute([find_uv(environment), *rest], environment)
    elif verb in ("-h", "--help", "help"):
        print(__doc__, USAGE, sep="\n", end="")
    else:
        sys.exit("usage:" + USAGE.rstrip())


def sync(*groups: str) -> None:
    """Bring ``.venv`` to the locked versions with these dependency groups; leave what else is in it."""
    environment = uv_environment()
    uv = find_uv(environment)
    environment["UV_PROJECT_ENVIRONMENT"] = str(VENV)
    wanted = ["--frozen", "--no-default-groups"]
    for group in groups:
        wanted += ["--group", group]
    if uses_mirror(environment):
        sync_from_mirror(uv, wanted, environment)
    else:
        call([uv, "sync", "--quiet", "--inexact", "--python", base_python(), *wanted], environment)


def sync_from_mirror(uv: str, wanted: list[str], environment: dict[str, str]) -> None:
    """The same from another index: `uv sync` would take each file from the address that the lock file names."""
    requirements = TOOLS / "requirements.txt"
    TOOLS.mkdir(exist_ok=True)
    call([uv, "export", "--quiet", "--no-emit-workspace", *wanted, "--output-file", str(requirements)], environment)
    if not (VENV / "bin" / "python").exists():
        call([uv, "venv", "--quiet", "--python", base_python(), str(VENV)], environment)
    install = [uv, "pip", "install", "--quiet", "--python", str(VENV)]
    call([*install, "--require-hashes", "--requirement", str(requirements)], environment)
    members = sorted(str(path.parent) for path in ROOT.glob("*/*/pyproject.toml"))
    call([*install, "--no-deps", *(word for member in members for word in ("--editable", member))], environment)


def find_uv(environment: dict[str, str]) -> str:
    """The uv on the PATH where it is recent enough, else our own, which pip puts into ``.tools``."""
    ours = TOOLS / "uv" / "bin" / "uv"
    on_path = shutil.which("uv")
    if on_path is not None and uv_version(on_path) >= OLDEST_UV:
        return on_path
    # Ours keeps its cache here as well; a uv that the user installed keeps its own.
    environment.setdefault("UV_CACHE_DIR", str(TOOLS / "cache"))
    if uv_version(str(ours)) < OLDEST_UV:
        print(f"g3.py: installing uv {UV_VERSION} into {ours.parent.parent}", file=sys.stderr, flush=True)
        pip = [base_python(), "-m", "pip"]
        if not succeeds([*pip, "--version"]):
            sys.exit("g3.py: this Python has no pip: install pip (Debian: python3-pip), or put uv on the PATH")
        quiet = [
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--no-cache-dir",
            "--upgrade",
            "--root-user-action=ignore",
        ]
        # PEP 668 lets --target pass; a pip.conf that asks for user or virtualenv installs must not interfere.
        pip_environment = {**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
        call([*pip, "install", *quiet, "--target", str(ours.parent.parent), f"uv=={UV_VERSION}"], pip_environment)
    return str(ours)


def uv_version(uv: str) -> tuple[int, ...]:
    """The version that this uv reports; empty where it doesn't run."""
    try:
        answer = subprocess.run([uv, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ()
    found = re.match(r"uv (\d+)\.(\d+)", answer)
    return tuple(map(int, found.groups())) if found else ()


def uv_environment() -> dict[str, str]:
    """Our environment, with pip's settings under uv's names where uv has none of its own."""
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    if "UV_INDEX_URL" in environment:  # the old name of the same setting
        environment.setdefault("UV_DEFAULT_INDEX", environment["UV_INDEX_URL"])
    if "UV_EXTRA_INDEX_URL" in environment:
        environment.setdefault("UV_INDEX", environment["UV_EXTRA_INDEX_URL"])
    listed = subprocess.run([base_python(), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    for section in (":env:", "install", "global"):  # as pip ranks them
        # A line looks like  global.index-url='https://...'
        for key, value in re.findall(rf"^{section}\.([a-z-]+)=(['\"].*['\"])$", listed.stdout, re.MULTILINE):
            if key in PIP_TO_UV:
                environment.setdefault(PIP_TO_UV[key], " ".join(ast.literal_eval(value).split()))
    return environment


def uses_mirror(environment: dict[str, str]) -> bool:
    """Whether packages come from elsewhere than the public index."""
    index = environment.get("UV_DEFAULT_INDEX", "")
    return "UV_NO_INDEX" in environment or (index != "" and PUBLIC_INDEX.fullmatch(index) is None)


def base_python() -> str:
    """The interpreter that runs this, or, inside a virtual environment, the one that it was made from."""
    return getattr(sys, "_base_executable", sys.executable) or sys.executable


def succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def call(command: list[str], environment: dict[str, str]) -> None:
    """Run a step; where it fails, it has said why, and we end with its status."""
    environment = {key: value for key, value in environment.items() if key != "VIRTUAL_ENV"}
    status = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
    if status:
        sys.exit(f"g3.py: failed with status {status}: {' '.join(command)}")


def execute(command: list[str], environment: Mapping[str, str] = os.environ) -> None:
    """Become the command, with the programs of this checkout within its reach."""
    folders = [str(VENV / "bin"), str(TOOLS / "uv" / "bin"), environment.get("PATH", os.defpath)]
    sys.stdout.flush()
    os.execve(command[0], command, {**environment, "PATH": os.pathsep.join(folders)})


if __name__ == "__main__":
    main(*sys.argv[1:])
