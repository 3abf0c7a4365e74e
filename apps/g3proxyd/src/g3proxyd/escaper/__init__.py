"""Ways out to the remote side: one file per type of escaper."""

from .base import ConnectNotes, Escaper, SocketAddress, TaskIdentity
from .errors import ConnectKind, ConnectReason, TcpConnectError

__all__ = [
    "ConnectKind",
    "ConnectNotes",
    "ConnectReason",
    "Escaper",
    "SocketAddress",
    "TaskIdentity",
    "TcpConnectError",
]
