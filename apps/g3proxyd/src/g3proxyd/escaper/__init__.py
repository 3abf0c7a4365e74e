"""Ways out to the remote side: one file per type of escaper."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..io.relay import RelayHost
from ..log import Logger
from ..resolver.base import Resolver
from .base import Connection, ConnectNotes, Escaper, EscaperStats, HttpHop, SocketAddress, TaskIdentity
from .errors import ConnectKind, ConnectReason, TcpConnectError

if TYPE_CHECKING:
    from ..config.escaper import EscaperConfig
    from ..config.escaper.floating import Publication

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
    escapers: Mapping[str, Escaper] = field(default_factory=dict)
    """Those that were made before, by their names: all that a route leads to are among them."""
    published: Mapping[str, "Publication"] = field(default_factory=dict)
    """What has been published, by the names of the escapers."""

    def resolver(self, name: str | None) -> Resolver:
        """The resolver of this name; where there is none, one that denies everything."""
        from ..resolver.deny_all import DenyAllResolver

        found = None if name is None else self.resolvers.get(name)
        return found or DenyAllResolver(name or "")

    def published_for(self, config: "EscaperConfig") -> "Publication | None":
        """What has been published for this escaper; not for one of another type that had its name."""
        found = self.published.get(config.name)
        return found if found is not None and found.type == config.type else None
