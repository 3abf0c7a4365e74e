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
    """Every resolver by its name."""
    logger: Logger
    """The daemon's escape logger."""

    def resolver(self, name: str | None) -> Resolver:
        """The resolver of this name; where there is none, one that denies everything."""
        from ..resolver.deny_all import DenyAllResolver

        found = None if name is None else self.resolvers.get(name)
        return found or DenyAllResolver(name or "")


def make_escaper(config: "EscaperConfig", around: Surroundings) -> Escaper:
    """The escaper of a configuration."""
    from ..config.escaper import DirectFixedConfig, DummyDenyConfig
    from .direct_fixed import DirectFixedEscaper, DirectFixedWithHeader
    from .dummy_deny import DummyDenyEscaper
    from .proxy_header import make_header

    match config:
        case DirectFixedConfig():
            resolver = around.resolver(config.resolver)
            header = make_header(config.use_proxy_protocol)
            if header is not None:
                return DirectFixedWithHeader(config, resolver, around.logger, header)
            return DirectFixedEscaper(config, resolver, around.logger)
        case DummyDenyConfig():
            return DummyDenyEscaper(config.name)
    raise TypeError(f"there is no escaper for {type(config).__name__}")
