"""The server that closes every connection."""

from __future__ import annotations

from typing import Annotated, Literal

from ..module import TypeName
from .common import ServerConfig

__all__ = ["DummyCloseConfig"]


class DummyCloseConfig(ServerConfig):
    """Closes every connection that another server hands to it."""

    type: Annotated[Literal["dummy_close"], TypeName("dummy_close")] = "dummy_close"
    """What the object is."""
