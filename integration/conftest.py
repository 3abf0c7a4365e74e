"""One laboratory for the whole run."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from integration.build import BuildError, UnavailableError
from integration.lab import Lab, running


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
