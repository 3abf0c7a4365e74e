"""The escaper that hands every connection to a fixed place."""

from __future__ import annotations

from typing import Annotated, Literal

from ..module import TypeName
from .next_hop import NextHopConfig

__all__ = ["DivertTcpConfig"]


class DivertTcpConfig(NextHopConfig):
    """Hands every TCP connection to a fixed place, with a PROXY header of version 2 that tells where it was to go."""

    type: Annotated[Literal["divert_tcp"], TypeName("divert_tcp")] = "divert_tcp"
    """What the object is."""
