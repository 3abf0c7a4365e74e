"""The escaper that refuses everything."""

import socket

from ..upstream import Upstream
from .base import ConnectNotes, Escaper, TaskIdentity
from .errors import ConnectReason, TcpConnectError


class DummyDenyEscaper(Escaper):
    """g3's ``dummy_deny``."""

    type_name = "DummyDeny"

    async def tcp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> socket.socket:
        """Always raises TcpConnectError."""
        self.stats.task_total += 1
        notes.escaper = self.name
        raise TcpConnectError(ConnectReason.METHOD_UNAVAILABLE)
