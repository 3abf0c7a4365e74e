"""The escaper that refuses everything."""

from __future__ import annotations

from typing import Annotated, Literal

from ..module import TypeName
from .common import EscaperConfig

__all__ = ["DummyDenyConfig"]


class DummyDenyConfig(EscaperConfig):
    """Refuses every task."""

    type: Annotated[Literal["dummy_deny"], TypeName("dummy_deny")] = "dummy_deny"
    """What the object is."""
