"""Ways out to the remote side: one file per type of escaper."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..io.relay import RelayHost
from ..log import Logger
from ..resolver.base import Resolver
from .base import Connection, ConnectNotes, Escaper, EscaperStats, HttpHop, SocketAddress, TaskIdentity
from .errors import ConnectKind, ConnectReason, TcpConnectError

if TYPE_CHECKING:
    from ..config.escaper import EscaperConfig

__all__ = [
    "ConnectKind",
    "ConnectNotes",
    "ConnectReason",
    "Connection",
    "Escaper",
    "EscaperStats",
    "HttpHop",
    "SocketAddress",
    "Surroundings",
    "TaskIdentity",
    "TcpConnectError",
    "make_escaper",
]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What escapers are made with; one for all of a worker."""

    relays: RelayHost
    """The event loop, its poller and its timers."""
    resolvers: Mapping[str, Resolver]
    """Every resolver by its name; a name that is missing stands for one that denies everything, as in g3."""
    logger: Logger
    """The daemon's escape logger."""


def make_escaper(config: "EscaperConfig", around: Surroundings) -> Escaper:
    """The escaper of a configuration."""
    from ..config.escaper import DirectFixedConfig, DummyDenyConfig
    from ..resolver.deny_all import DenyAllResolver
    from .direct_fixed import DirectFixedEscaper
    from .dummy_deny import DummyDenyEscaper

    match config:
        case DirectFixedConfig():
            resolver = around.resolvers.get(config.resolver) or DenyAllResolver(config.resolver)
            return DirectFixedEscaper(config, resolver, around.logger)
        case DummyDenyConfig():
            return DummyDenyEscaper(config.name)
    raise TypeError(f"there is no escaper for {type(config).__name__}")
