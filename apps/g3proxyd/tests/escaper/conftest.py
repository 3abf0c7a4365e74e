"""Fixtures for configurations, as the tests of the configuration have them, and a time of day."""

import time

import pytest
from config.conftest import config, problems, write

__all__ = ["AFTER_NOON", "NOON", "clock", "config", "problems", "write"]

NOON = 1_900_000_000.0
AFTER_NOON = "2030-03-17T17:46:50Z"
"""Ten seconds later."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of day; a test may change it."""
    now = [NOON]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now
