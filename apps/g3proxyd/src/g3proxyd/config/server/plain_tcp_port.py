"""The port in front of another server."""

from __future__ import annotations

from typing import Annotated, Literal

from ..module import NameOf, TypeName
from .port import PortConfig

__all__ = ["PlainTcpPortConfig"]


class PlainTcpPortConfig(PortConfig):
    """Hands each connection to another server, with the addresses of the PROXY header if one is expected."""

    type: Annotated[Literal["plain_tcp_port"], TypeName("plain_tcp_port", "plain_tcp")] = "plain_tcp_port"
    """What the object is."""
    server: Annotated[str, NameOf("server")]
    """The server that gets the connections; it need not listen itself."""
