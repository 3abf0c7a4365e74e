"""The escaper that connects to the remote side itself, from fixed local addresses if wanted."""

import socket
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from g3_escape import select_by_number

from ..io.sockopts import set_transparent
from ..log import Logger
from ..resolver.base import Resolver
from ..upstream import Upstream
from .base import ConnectNotes, TaskIdentity, client_host
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
        """``logger`` is the escape logger of the daemon. Raises ValueError if it may not use clients' addresses."""
        super().__init__(config, resolver, logger, config.bind_ip)
        self._foreign = config.bind_foreign
        self._foreign_port = config.bind_foreign and config.bind_foreign_port
        if config.bind_foreign:
            _require_foreign_addresses(config.name)
        self._chooses = config.bind_foreign or config.enable_path_selection

    def _chosen_sockets(self, task: TaskIdentity, notes: ConnectNotes) -> OutgoingSockets:
        """The sockets with the client's address, or with the one whose number in ``bind_ip`` the request tells."""
        if self._foreign:
            return self._sockets.foreign(client_host(task), task.client_addr[1] if self._foreign_port else 0)
        return self._numbered(self._sockets, task)

    def _sockets_beside(self, first: ConnectNotes, notes: ConnectNotes) -> OutgoingSockets:
        if self._foreign and first.next_bind_ip is not None and first.next_bound_addr is not None:
            return self._sockets.foreign(first.next_bind_ip, first.next_bound_addr[1] if self._foreign_port else 0)
        return super()._sockets_beside(first, notes)

    def _sockets_for_udp(self, task: TaskIdentity, notes: ConnectNotes) -> OutgoingSockets:
        if self._foreign:
            return self._udp_sockets.foreign(client_host(task))
        return self._numbered(self._udp_sockets, task) if self._chooses else self._udp_sockets

    def _numbered(self, sockets: OutgoingSockets, task: TaskIdentity) -> OutgoingSockets:
        path = task.egress_path
        number = None if path is None else path.numbers.get(self.name)
        return sockets if number is None else replace(sockets, choose=partial(select_by_number, number=number))


class DirectFixedWithHeader(DirectFixedEscaper):
    """The same with a PROXY header ahead of each connection; another class, so that the others do not pay for it.

    The data connections of FTP have none, as in g3.
    """

    wants_server_addr = True

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


def _require_foreign_addresses(name: str) -> None:
    with socket.socket() as probe:
        try:
            set_transparent(probe)
        except OSError as error:
            raise ValueError(f"escaper {name}: bind_foreign: {error.strerror}") from None
