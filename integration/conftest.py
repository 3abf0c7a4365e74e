"""One laboratory for the whole run."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "apps/g3proxyd/tests")]  # the daemon's tests know how to issue certificates

from integration.build import BuildError, UnavailableError  # noqa: E402 - not before the path
from integration.lab import Lab, running  # noqa: E402


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The running containers. Without a Docker engine the suite is skipped; if they fail to start, it ends at once."""
    with ExitStack() as stack:
        try:
            ready = stack.enter_context(running())
        except UnavailableError as reason:
            pytest.skip(str(reason))
        except BuildError as error:
            pytest.exit(f"the containers do not start: {error}", returncode=1)
        yield ready


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The time limit is each test's own; the first one also waits for images that are built."""
    for item in items:
        item.add_marker(pytest.mark.timeout(120, func_only=True))
