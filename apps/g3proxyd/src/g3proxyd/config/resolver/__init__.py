"""The resolvers' configurations."""

from __future__ import annotations

from .c_ares import CAresConfig
from .common import ResolverConfig
from .deny_all import DenyAllConfig
from .fail_over import FailOverConfig
from .hickory import HickoryConfig

__all__ = ["RESOLVERS", "CAresConfig", "DenyAllConfig", "FailOverConfig", "HickoryConfig", "ResolverConfig"]

RESOLVERS: tuple[type[ResolverConfig], ...] = (CAresConfig, HickoryConfig, FailOverConfig, DenyAllConfig)
"""The supported types."""
