"""The escaper that connects to the remote side itself, from fixed local addresses if wanted."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from g3_acl import default_egress_network_rule, unmap
from g3_escape import Family, select_by_number

from ..log import Logger
from ..resolver.base import Answer, Query, Resolver
from ..upstream import Upstream
from .base import ConnectNotes, Escaper, TaskIdentity
from .dial import dial
from .direct_udp import DirectUdp
from .errors import ConnectReason, TcpConnectError
from .log import log_tcp_connect
from .outgoing import make_course, tcp_sockets, udp_sockets
from .proxy_header import Header, send_header
from .race import Ask, Race
from .sockets import Host, OutgoingSockets, peer_host

if TYPE_CHECKING:
    from ..config.escaper.direct_fixed import DirectFixedConfig


class DirectFixedEscaper(Escaper):
    """g3's ``direct_fixed``."""

    type_name = "DirectFixed"

    def __init__(self, config: "DirectFixedConfig", resolver: Resolver, logger: Logger) -> None:
        """``logger`` is the escape logger of the daemon."""
        super().__init__(config.name)
        self._resolver = resolver
        self._logger = logger.bind(escaper_type=self.type_name, escaper_name=config.name)
        self._redirection = config.resolve_redirection
        self._speed_limit = config.tcp_sock_speed_limit
        self._course = make_course(config)
        egress = config.egress_network_filter or default_egress_network_rule()
        self._sockets = tcp_sockets(config, config.bind_ip, self.stats, egress)
        self._path_selection = config.enable_path_selection
        self._udp_speed_limit = config.udp_sock_speed_limit
        self._udp_sockets = udp_sockets(config, config.bind_ip, self.stats, egress)

    async def tcp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> socket.socket:
        """Connect to the upstream itself; a name is redirected, resolved, and raced."""
        self.stats.task_total += 1
        notes.escaper = self.name
        notes.speed_limit = self._speed_limit
        report = partial(self._report, upstream, notes, task) if self._logger.enabled else None
        loop = asyncio.get_running_loop()
        host = upstream.host
        sockets = self._chosen_sockets(task) if self._path_selection else self._sockets
        if not isinstance(host, str):
            timeout = self._course.pace.each_timeout
            return await dial(loop, sockets, unmap(host), upstream.port, timeout, notes, report)
        race = Race(loop, sockets, upstream.port, self._course, notes, report)
        return await race.run(self._asking(host))

    async def tcp_connect_beside(
        self, upstream: Upstream, first: ConnectNotes, notes: ConnectNotes, task: TaskIdentity
    ) -> socket.socket:
        """Connect to the address that the first connection goes to, from the local one that it comes from."""
        self.stats.task_total += 1
        notes.escaper = self.name
        notes.speed_limit = self._speed_limit
        report = partial(self._report, upstream, notes, task) if self._logger.enabled else None
        sockets = self._sockets
        if (bind_ip := first.next_bind_ip) is not None:
            sockets = replace(sockets, choose=lambda _: bind_ip)
        peer = peer_host(first)
        timeout = self._course.pace.each_timeout
        return await dial(asyncio.get_running_loop(), sockets, peer, upstream.port, timeout, notes, report)

    async def udp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> socket.socket:
        """Connect a socket to the upstream itself; of a name, to the first address that the rules allow."""
        return await self.udp_associate(notes, task).connect(upstream)

    def udp_associate(self, notes: ConnectNotes, task: TaskIdentity) -> DirectUdp:
        """Send to all targets from one socket for each address family."""
        self.stats.task_total += 1
        notes.escaper = self.name
        notes.udp_speed_limit = self._udp_speed_limit
        return DirectUdp(self._udp_sockets, self._course, self._asking, self._logger, notes, task)

    def _chosen_sockets(self, task: TaskIdentity) -> OutgoingSockets:
        """The sockets whose local address the request chooses by its number in ``bind_ip``, of each address family."""
        path = task.egress_path
        number = None if path is None else path.numbers.get(self.name)
        if number is None:
            return self._sockets
        return replace(self._sockets, choose=partial(select_by_number, number=number))

    def _asking(self, domain: str) -> Ask:
        """How to find the addresses of a name: what the redirection says, else what the resolver says."""
        found = None if self._redirection is None else self._redirection.find(domain)
        if found is None or isinstance(found, str):
            return partial(self._resolver.query, found or domain)
        return partial(_redirected, tuple(unmap(address) for address in found))

    def _report(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity, error: TcpConnectError) -> None:
        log_tcp_connect(self._logger, error, upstream, notes, task)


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


def _redirected(addresses: tuple[Host, ...], family: Family, receive: Callable[[Answer], None]) -> Answer | Query:
    return Answer(tuple(address for address in addresses if address.version == family.value))
