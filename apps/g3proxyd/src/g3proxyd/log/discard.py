"""The sink that keeps nothing."""

from typing import Any

from .logger import Sink


class DiscardSink(Sink):
    """Drops every record; its loggers are not enabled, so that none is built in the first place."""

    enabled = False

    def write(self, record: dict[str, Any]) -> None:
        """Drop it."""

    def close(self, patience: float) -> None:
        """There is nothing to let go of."""
