"""Names to addresses: one file per type of resolver."""

from typing import TYPE_CHECKING

from ..log import Logger
from .base import Answer, Query, Resolver, Source
from .errors import ErrorType, ResolveError

if TYPE_CHECKING:
    from ..config.resolver import ResolverConfig

__all__ = ["Answer", "ErrorType", "Query", "ResolveError", "Resolver", "Source", "make_resolver"]


def make_resolver(config: "ResolverConfig", logger: Logger) -> Resolver:
    """The resolver of a configuration; to be made on the event loop that it is used on, after any fork.

    ``logger`` is the daemon's resolve logger. Raises ValueError for a configuration that its library does not take.
    """
    from ..config.resolver import CAresConfig, DenyAllConfig
    from .c_ares import CAresResolver
    from .deny_all import DenyAllResolver

    match config:
        case CAresConfig():
            return CAresResolver(config, logger)
        case DenyAllConfig():
            return DenyAllResolver(config.name)
    raise TypeError(f"there is no resolver for {type(config).__name__}")
