"""Fixtures for configurations, as the tests of the configuration have them."""

from config.conftest import config, problems, write

__all__ = ["config", "problems", "write"]
