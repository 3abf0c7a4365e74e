"""Names to addresses: one file per type of resolver."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..io.poller import Poller
from ..io.timers import Wheel
from ..log import Logger
from .base import Answer, Query, Resolver, Source
from .errors import ErrorType, ResolveError

if TYPE_CHECKING:
    from ..config.resolver import ResolverConfig

__all__ = [
    "Answer",
    "ErrorType",
    "Query",
    "ResolveError",
    "Resolver",
    "Source",
    "Surroundings",
    "make_resolver",
    "preload",
]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What resolvers are made with; one for all of a worker."""

    poller: Poller
    wheel: Wheel
    logger: Logger
    """The daemon's resolve logger."""
    resolvers: Mapping[str, Resolver] = field(default_factory=dict)
    """Those that others may name, by their names; one that is missing stands for one that denies everything."""


def preload(config: "ResolverConfig") -> None:
    """Import what the resolver of a configuration is made of: before a fork, so that it is shared and at hand."""
    from ..config.resolver import CAresConfig, HickoryConfig

    if isinstance(config, CAresConfig):
        from . import c_ares  # noqa: F401  # with pycares
    elif isinstance(config, HickoryConfig):
        from .hickory import resolver  # noqa: F401  # with dnspython


def make_resolver(config: "ResolverConfig", around: Surroundings) -> Resolver:
    """The resolver of a configuration; to be made on the event loop that it is used on, after any fork.

    Raises ValueError for a configuration that its library does not take.
    """
    from ..config.resolver import CAresConfig, DenyAllConfig, FailOverConfig, HickoryConfig
    from .deny_all import DenyAllResolver

    match config:
        case CAresConfig():
            from .c_ares import CAresResolver

            return CAresResolver(config, around.logger)
        case HickoryConfig():
            from .hickory.resolver import HickoryResolver  # with dnspython, which takes a while

            return HickoryResolver(config, around.logger, around.poller, around.wheel)
        case FailOverConfig():
            from .fail_over import FailOverResolver

            primary, standby = (
                around.resolvers.get(name) or DenyAllResolver(name) for name in (config.primary, config.standby)
            )
            return FailOverResolver(config, primary, standby, around.logger)
        case DenyAllConfig():
            return DenyAllResolver(config.name)
    raise TypeError(f"there is no resolver for {type(config).__name__}")
