"""Loggers and what they write to."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Fields = Mapping[str, Any]
"""The fields of one record by name. A field whose value is None is left out."""


class SinkStats:
    """What became of the records of one sink; the names are those of the logger metrics."""

    __slots__ = (
        "bytes_passed",
        "channel_closed",
        "channel_overflow",
        "format_failed",
        "passed",
        "total",
        "unreachable",
    )

    def __init__(self) -> None:
        self.total = 0
        """Records that loggers handed in."""
        self.passed = 0
        """Records that were written."""
        self.bytes_passed = 0
        """Bytes that were written."""
        self.format_failed = 0
        """Records lost because a value could not be encoded."""
        self.channel_closed = 0
        """Records lost because the sink was closed before they came."""
        self.channel_overflow = 0
        """Records lost because the queue was full."""
        self.unreachable = 0
        """Records lost because the other side took no more bytes."""

    @property
    def dropped(self) -> int:
        """All lost records."""
        return self.format_failed + self.channel_closed + self.channel_overflow + self.unreachable


class Sink(ABC):
    """Takes records and never blocks: what cannot be queued is dropped and counted."""

    enabled = True
    """False when records vanish anyway, so that nobody need build them."""

    def __init__(self) -> None:
        self.stats = SinkStats()

    @abstractmethod
    def write(self, record: dict[str, Any]) -> None:
        """Queue one record; the sink owns the dictionary. Never raises."""

    @abstractmethod
    def close(self, patience: float) -> None:
        """Write out what is queued, for at most ``patience`` seconds, then let go."""


class Logger:
    """One kind of records on the way to one sink."""

    __slots__ = ("_constant", "_sink", "enabled", "log_type")

    def __init__(self, log_type: str, sink: Sink, constant: Fields | None = None) -> None:
        """``constant`` holds fields that every record has, after ``log_type``."""
        self.log_type = log_type
        self.enabled = sink.enabled
        """Whether records go anywhere. Ask before building one."""
        self._sink = sink
        self._constant = {"log_type": log_type, **(constant or {})}

    def bind(self, **constant: Any) -> "Logger":
        """A logger to the same sink whose records have these fields as well."""
        return Logger(self.log_type, self._sink, {**self._constant, **constant})

    def log(self, fields: Fields, message: str = "") -> None:
        """Write one record. ``message`` is a sentence for people, for instance the text of an error. Never raises."""
        if self.enabled:
            record = {**self._constant, **fields}
            if message:
                record["msg"] = message
            self._sink.write(record)


@dataclass(frozen=True, slots=True)
class Loggers:
    """The loggers of the daemon, one per family of the ``log`` section."""

    task: Logger
    escape: Logger
    resolve: Logger
    audit: Logger
    sinks: tuple[Sink, ...] = ()

    def close(self, patience: float) -> None:
        """Write out what is queued; each sink gets at most ``patience`` seconds."""
        for sink in self.sinks:
            sink.close(patience)
