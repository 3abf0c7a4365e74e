"""The port in front of another server that ends TLS, in the words of g3's servers that use OpenSSL."""

from __future__ import annotations

from typing import Annotated, Literal

from ..keys import Aliases
from ..module import NameOf, TypeName
from ..values.tls_server import OpensslTlsServer, TlsTicketer
from .port import PortConfig

__all__ = ["NativeTlsPortConfig"]


class NativeTlsPortConfig(PortConfig):
    """The same as `plain_tls_port`, but for the keys of its `tls_server`: there is one TLS library here."""

    type: Annotated[Literal["native_tls_port"], TypeName("native_tls_port", "native_tls")] = "native_tls_port"
    """What the object is."""
    tls_server: Annotated[OpensslTlsServer, Aliases("tls")]
    """TLS on the listening socket."""
    tls_ticketer: TlsTicketer | None = None
    """Keys of TLS session tickets that change over time."""
    server: Annotated[str, NameOf("server")]
    """The server that gets the connections; it need not listen itself, and has no TLS for clients of its own."""
