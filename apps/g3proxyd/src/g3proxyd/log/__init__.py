"""Logs: what happened to tasks, on the way out, in resolvers and under inspection; one file per sink."""

import os
import threading
from typing import TYPE_CHECKING

from .discard import DiscardSink
from .logger import Fields, Logger, Loggers, Sink, SinkStats
from .stdout import StdoutSink

if TYPE_CHECKING:
    from ..config.log import LogConfig, LoggerConfig

__all__ = ["Fields", "Logger", "Loggers", "Sink", "SinkStats", "make_loggers"]


def make_loggers(config: "LogConfig", daemon_name: str = "") -> Loggers:
    """The loggers of this process; to be made after any fork.

    Families that are configured alike share a sink, and with it the order of their records. ``daemon_name`` is the
    daemon group; empty leaves the field out.
    """
    turn = threading.Lock()
    sinks: list[tuple[LoggerConfig, Sink]] = []

    def sink_of(family: "LoggerConfig") -> Sink:
        for known, sink in sinks:
            if known == family:
                return sink
        made = StdoutSink(family.async_channel_size, turn=turn) if family.driver == "stdout" else DiscardSink()
        sinks.append((family, made))
        return made

    constant = {"daemon_name": daemon_name or None, "pid": os.getpid()}
    return Loggers(
        task=Logger("Task", sink_of(config.task), constant),
        escape=Logger("Escape", sink_of(config.escape), constant),
        resolve=Logger("Resolve", sink_of(config.resolve), constant),
        audit=Logger("Inspect", sink_of(config.audit), constant),
        sinks=tuple(sink for _, sink in sinks),
    )
