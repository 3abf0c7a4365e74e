"""The port in front of another server that ends TLS."""

from __future__ import annotations

from typing import Annotated, Literal

from ..keys import Aliases
from ..module import NameOf, TypeName
from ..values.tls_server import TlsServer, TlsTicketer
from .port import PortConfig

__all__ = ["PlainTlsPortConfig"]


class PlainTlsPortConfig(PortConfig):
    """Ends TLS and hands what is inside to another server; a PROXY header, if one is expected, comes before TLS."""

    type: Annotated[Literal["plain_tls_port"], TypeName("plain_tls_port", "plain_tls")] = "plain_tls_port"
    """What the object is."""
    tls_server: Annotated[TlsServer, Aliases("tls")]
    """TLS on the listening socket."""
    tls_ticketer: TlsTicketer | None = None
    """Keys of TLS session tickets that change over time."""
    server: Annotated[str, NameOf("server")]
    """The server that gets the connections; it need not listen itself, and has no TLS for clients of its own."""
