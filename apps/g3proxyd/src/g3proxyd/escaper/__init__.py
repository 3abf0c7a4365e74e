"""Ways out to the remote side: one file per type of escaper."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..log import Logger
from ..resolver.base import Resolver
from .base import ConnectNotes, Escaper, EscaperStats, SocketAddress, TaskIdentity
from .errors import ConnectKind, ConnectReason, TcpConnectError

if TYPE_CHECKING:
    from ..config.escaper import EscaperConfig

__all__ = [
    "ConnectKind",
    "ConnectNotes",
    "ConnectReason",
    "Escaper",
    "EscaperStats",
    "SocketAddress",
    "TaskIdentity",
    "TcpConnectError",
    "make_escaper",
]


def make_escaper(config: "EscaperConfig", resolvers: Mapping[str, Resolver], logger: Logger) -> Escaper:
    """The escaper of a configuration.

    ``resolvers`` holds every resolver by its name; a name that is missing stands for one that denies everything, as
    in g3. ``logger`` is the daemon's escape logger.
    """
    from ..config.escaper import DirectFixedConfig, DummyDenyConfig
    from ..resolver.deny_all import DenyAllResolver
    from .direct_fixed import DirectFixedEscaper
    from .dummy_deny import DummyDenyEscaper

    match config:
        case DirectFixedConfig():
            resolver = resolvers.get(config.resolver) or DenyAllResolver(config.resolver)
            return DirectFixedEscaper(config, resolver, logger)
        case DummyDenyConfig():
            return DummyDenyEscaper(config.name)
    raise TypeError(f"there is no escaper for {type(config).__name__}")
