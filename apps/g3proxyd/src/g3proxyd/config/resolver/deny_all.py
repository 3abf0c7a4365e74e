"""The resolver that knows no name."""

from __future__ import annotations

from typing import Annotated, Literal

from ..module import TypeName
from .common import ResolverConfig

__all__ = ["DenyAllConfig"]


class DenyAllConfig(ResolverConfig):
    """Answers every query with a denial."""

    type: Annotated[Literal["deny_all"], TypeName("deny_all")] = "deny_all"
    """What the object is."""
