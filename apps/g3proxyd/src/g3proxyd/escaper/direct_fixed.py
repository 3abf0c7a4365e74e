"""The escaper that connects to the remote side itself, from fixed local addresses if wanted."""

import socket
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from g3_escape import select_by_number

from ..log import Logger
from ..resolver.base import Resolver
from ..upstream import Upstream
from .base import ConnectNotes, TaskIdentity
from .direct import DirectEscaper
from .errors import ConnectReason, TcpConnectError
from .proxy_header import Header, send_header
from .sockets import OutgoingSockets

if TYPE_CHECKING:
    from ..config.escaper.direct_fixed import DirectFixedConfig


class DirectFixedEscaper(DirectEscaper):
    """g3's ``direct_fixed``."""

    type_name = "DirectFixed"

    def __init__(self, config: "DirectFixedConfig", resolver: Resolver, logger: Logger) -> None:
        """``logger`` is the escape logger of the daemon."""
        super().__init__(config, resolver, logger, config.bind_ip)
        self._chooses = config.enable_path_selection

    def _chosen_sockets(self, task: TaskIdentity, notes: ConnectNotes) -> OutgoingSockets:
        """The sockets whose local address the request chooses by its number in ``bind_ip``, of each address family."""
        path = task.egress_path
        number = None if path is None else path.numbers.get(self.name)
        if number is None:
            return self._sockets
        return replace(self._sockets, choose=partial(select_by_number, number=number))


class DirectFixedWithHeader(DirectFixedEscaper):
    """The same with a PROXY header ahead of each connection; another class, so that the others do not pay for it.

    The data connections of FTP have none, as in g3.
    """

    tells_addresses = True

    def __init__(self, config: "DirectFixedConfig", resolver: Resolver, logger: Logger, header: Header) -> None:
        super().__init__(config, resolver, logger)
        self._header = header

    async def tcp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> socket.socket:
        """Connect to the upstream itself, and tell it whose connection it is."""
        try:
            header = self._header(upstream, task)
            sock = await super().tcp_connect(upstream, notes, task)
            try:
                send_header(sock, header)
            except BaseException:
                sock.close()
                raise
        except TcpConnectError as error:
            if error.reason in HEADER_REASONS and self._logger.enabled:
                self._report(upstream, notes, task, error)
            raise
        return sock


HEADER_REASONS = (ConnectReason.PROXY_PROTOCOL_ENCODE_ERROR, ConnectReason.PROXY_PROTOCOL_WRITE_FAILED)
"""The failures that the dialling itself has not reported."""
