"""Logs: what happened to tasks, on the way out, in resolvers and under inspection; one file per sink."""

from .logger import Fields, Logger, Loggers, Sink, SinkStats

__all__ = ["Fields", "Logger", "Loggers", "Sink", "SinkStats"]
