"""A whole configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .controller import ControllerConfig
from .errors import Problem
from .escaper import EscaperConfig
from .log import LogConfig
from .resolver import ResolverConfig
from .runtime import RuntimeConfig
from .server import ServerConfig
from .worker import WorkerConfig

__all__ = ["Config"]


@dataclass(frozen=True, slots=True)
class Config:
    """What `load` returns: everything checked, every name that is referred to exists.

    Objects are held by name in the order of the files. `worker` is None when there is no such section.
    """

    path: Path
    """The main file."""
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)
    worker: WorkerConfig | None = None
    log: LogConfig = field(default_factory=LogConfig)
    controller: ControllerConfig = field(default_factory=ControllerConfig)
    servers: Mapping[str, ServerConfig] = field(default_factory=dict)
    escapers: Mapping[str, EscaperConfig] = field(default_factory=dict)
    resolvers: Mapping[str, ResolverConfig] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()
    """What works and what the operator should know all the same, in the order of the files."""
