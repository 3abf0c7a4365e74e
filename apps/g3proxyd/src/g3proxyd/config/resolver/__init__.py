"""The resolvers' configurations."""

from __future__ import annotations

from .c_ares import CAresConfig
from .common import ResolverConfig
from .deny_all import DenyAllConfig
from .hickory import HickoryConfig

__all__ = ["RESOLVERS", "CAresConfig", "DenyAllConfig", "HickoryConfig", "ResolverConfig"]

RESOLVERS: tuple[type[ResolverConfig], ...] = (CAresConfig, HickoryConfig, DenyAllConfig)
"""The supported types."""
