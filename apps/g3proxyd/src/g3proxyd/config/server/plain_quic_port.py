"""The port in front of another server whose clients come over QUIC."""

from __future__ import annotations

from typing import Annotated, Literal

from ..keys import NoEffect
from ..module import NameOf, TypeName
from ..values.listen import UdpListen
from ..values.numbers import U16
from ..values.quic_server import QuicServer
from ..values.tls_server import TlsTicketer
from .common import ListeningServerConfig

__all__ = ["PlainQuicPortConfig"]

_NO_TICKETS = "each QUIC connection shakes hands in full, so there are no tickets"
_NO_REBIND = "connections that outlive the listening socket keep their port"


class PlainQuicPortConfig(ListeningServerConfig):
    """Takes QUIC connections, and hands each stream that a client opens to another server as a connection."""

    type: Annotated[Literal["plain_quic_port"], TypeName("plain_quic_port", "plain_quic")] = "plain_quic_port"
    """What the object is."""
    listen: UdpListen
    """The UDP socket."""
    quic_server: QuicServer
    """TLS of the QUIC connections."""
    tls_ticketer: Annotated[TlsTicketer | None, NoEffect(_NO_TICKETS)] = None
    """Keys of TLS session tickets that change over time."""
    server: Annotated[str, NameOf("server")]
    """The server that gets the streams; it need not listen itself, and has no TLS for clients of its own."""
    offline_rebind_port: Annotated[U16 | None, NoEffect(_NO_REBIND)] = None
    """The port to which connections move when the listening socket is given up."""
