"""The resolvers' configurations."""

from __future__ import annotations

from .c_ares import CAresConfig
from .common import ResolverConfig
from .deny_all import DenyAllConfig

__all__ = ["RESOLVERS", "CAresConfig", "DenyAllConfig", "ResolverConfig"]

RESOLVERS: tuple[type[ResolverConfig], ...] = (CAresConfig, DenyAllConfig)
"""The supported types."""
