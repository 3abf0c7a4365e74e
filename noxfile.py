"""What the workspace checks, one session per question; `.venv/bin/nox -l` lists them.

Every session uses the workspace's own environment (``.venv``, which ``python3 g3.py sync`` makes from the lock file),
so that a session tests what a developer runs and starts at once. Options behind ``--`` go to the session's tool.
"""

import importlib.util
import os
import sys
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests"]

ROOT = Path(__file__).resolve().parent
PACKAGES = [path.parent.name for path in sorted(ROOT.glob("packages/*/pyproject.toml"))]
TWO_PROCESSES = ["-n", "2", "--dist", "worksteal"]


@nox.session
def tests(session: nox.Session) -> None:
    """Every suite: packages with the coverage of each module by its own tests, then apps, workspace and examples."""
    if session.posargs:
        python(session, "-m", "pytest", *session.posargs)
        return
    others = ["apps", "tests", "examples", "bench/tests"]
    each(session, ["tools.own_coverage"], ["pytest", *TWO_PROCESSES, "-m", "not slow", *others])


@nox.session
def lint(session: nox.Session) -> None:
    """Style and layout of the code."""
    each(session, ["ruff", "check", *session.posargs], ["ruff", "format", "--check", *session.posargs])


@nox.session
def types(session: nox.Session) -> None:
    """Types of everything, strictly; folder by folder, since each has a conftest.py or a test_server.py of its own."""
    root = [*(path.name for path in sorted(ROOT.glob("*.py"))), "tools"]
    folders = [
        *(f"packages/{name}" for name in PACKAGES),
        *(str(path.relative_to(ROOT)) for path in ROOT.glob("apps/*")),
    ]
    others = [name for name in ("tests", "bench", "fuzz", "integration", "docs", "examples") if has_python(ROOT / name)]
    groups = [session.posargs] if session.posargs else [root, *([folder] for folder in (*folders, *others))]
    each(session, *(["mypy", *paths] for paths in groups))


@nox.session
def integration(session: nox.Session) -> None:
    """The daemon among real peers in containers, for which a Docker engine is needed, and for long under load."""
    long = "apps/g3proxyd/tests/supervisor/test_long_run.py"
    python(session, "-m", "pytest", "integration", long, "--timeout", "900", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure proxies, then resolvers; `-- --quick` only shows that the benchmarks still run.

    Other options are those of bench/run.py, and leave the resolvers out.

    The other proxies are the distribution's builds, so the daemon runs on the distribution's Python where that is
    recent enough; G3PROXYD_BIN names another.
    """
    system, home = "/usr/bin/python3", ROOT / ".nox" / "bench"
    if "G3PROXYD_BIN" not in os.environ:
        session.chdir(ROOT)
        if Path(system).exists():  # g3.py says so if it is too old; the workspace's own Python has to do then
            session.run(system, "g3.py", "sync", env={"G3_VENV": str(home)}, external=True, success_codes=range(256))
        if (home / "bin" / "g3proxyd").exists():
            session.env["G3PROXYD_BIN"] = str(home / "bin" / "g3proxyd")
    python(session, "bench/run.py", *session.posargs)
    if not set(session.posargs) - {"--quick"}:
        need(session, "bench", "aiodns")
        python(session, "-m", "bench.resolvers", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Feed hostile bytes to every target; `-- --seconds 5` for a short run, `-- TARGET` for one."""
    if sys.version_info[:2] != (3, 11):
        session.skip("the fuzzer, atheris 3.0, exists for Python 3.11 only")
    need(session, "fuzz", "atheris")
    python(session, "fuzz/run.py", *session.posargs)


@nox.session
def mutate(session: nox.Session) -> None:
    """Change the code in small ways and see whether the tests notice; `-- g3-acl` for one package."""
    python(session, "-m", "tools.mutate", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into docs/_build/html; a warning is an error."""
    need(session, "docs", "sphinx")
    python(
        session, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build/html", *session.posargs
    )


@nox.session
def build(session: nox.Session) -> None:
    """Build wheels and sdists into dist/, then use each wheel in an environment that holds nothing else of ours."""
    python(session, "-m", "pytest", "-m", "slow", "tests", *session.posargs)
    python(session, "g3.py", "uv", "build", "--quiet", "--all-packages", "--clear", "--out-dir", "dist")


def python(session: nox.Session, *words: str) -> None:
    """Run something with the workspace's interpreter, from the root of the workspace."""
    session.chdir(ROOT)
    session.run(sys.executable, *words, external=True)


def has_python(folder: Path) -> bool:
    return any(folder.rglob("*.py"))


def each(session: nox.Session, *commands: list[str]) -> None:
    """Run every module, then fail if one of them failed: people want to see all there is to mend."""
    failed = False
    for command in commands:
        try:
            python(session, "-m", *command)
        except CommandFailed:
            failed = True
    if failed:
        session.error("see above")


def need(session: nox.Session, group: str, module: str) -> None:
    """Install a dependency group, unless it is there: most developers never need docs or fuzz."""
    if importlib.util.find_spec(module) is None:
        python(session, "g3.py", "sync", group)
