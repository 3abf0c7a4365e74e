"""The escapers' configurations."""

from __future__ import annotations

from .common import EscaperConfig
from .direct_fixed import DirectFixedConfig
from .dummy_deny import DummyDenyConfig

__all__ = ["ESCAPERS", "DirectFixedConfig", "DummyDenyConfig", "EscaperConfig"]

ESCAPERS: tuple[type[EscaperConfig], ...] = (DirectFixedConfig, DummyDenyConfig)
"""The supported types."""
