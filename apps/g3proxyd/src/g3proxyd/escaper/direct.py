"""What escapers have in common that connect to the remote side themselves."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from g3_acl import default_egress_network_rule, unmap
from g3_escape import Family

from ..log import Logger
from ..resolver.base import Answer, Query, Resolver
from ..upstream import Upstream
from .base import ConnectNotes, Escaper, TaskIdentity
from .dial import dial
from .direct_udp import DirectUdp
from .errors import TcpConnectError
from .log import log_tcp_connect
from .outgoing import make_course, tcp_sockets, udp_sockets
from .race import Ask, Race
from .sockets import Host, OutgoingSockets, peer_host

if TYPE_CHECKING:
    from ..config.escaper.direct import DirectConfig


class DirectEscaper(Escaper):
    """Connects from local addresses that are fixed, unless it is one that chooses them for each task."""

    _chooses = False
    """Whether `_chosen_sockets` is asked."""

    def __init__(
        self, config: "DirectConfig", resolver: Resolver, logger: Logger, bind_ips: Sequence[Host] = ()
    ) -> None:
        """``logger`` is the escape logger of the daemon; ``bind_ips`` are the fixed local addresses."""
        super().__init__(config.name)
        self._resolver = resolver
        self._logger = logger.bind(escaper_type=self.type_name, escaper_name=config.name)
        self._redirection = config.resolve_redirection
        self._speed_limit = config.tcp_sock_speed_limit
        self._course = make_course(config)
        egress = config.egress_network_filter or default_egress_network_rule()
        self._sockets = tcp_sockets(config, bind_ips, self.stats, egress)
        self._udp_speed_limit = config.udp_sock_speed_limit
        self._udp_sockets = udp_sockets(config, bind_ips, self.stats, egress)

    async def tcp_connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> socket.socket:
        """Connect to the upstream itself; a name is redirected, resolved, and raced."""
        self.stats.task_total += 1
        notes.escaper = self.name
        notes.speed_limit = self._speed_limit
        report = partial(self._report, upstream, notes, task) if self._logger.enabled else None
        loop = asyncio.get_running_loop()
        host = upstream.host
        sockets = self._chosen_sockets(task, notes) if self._chooses else self._sockets
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
        sockets = self._sockets_beside(first, notes)
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
        sockets = self._sockets_for_udp(task, notes)
        return DirectUdp(sockets, self._course, self._asking, self._logger, notes, task)

    def _chosen_sockets(self, task: TaskIdentity, notes: ConnectNotes) -> OutgoingSockets:
        """The sockets for one task. Raises TcpConnectError if there are none."""
        return self._sockets

    def _sockets_beside(self, first: ConnectNotes, notes: ConnectNotes) -> OutgoingSockets:
        """The sockets that begin where the first connection does."""
        bind_ip = first.next_bind_ip
        return self._sockets if bind_ip is None else replace(self._sockets, choose=lambda _: bind_ip)

    def _sockets_for_udp(self, task: TaskIdentity, notes: ConnectNotes) -> OutgoingSockets:
        """The same for datagrams."""
        return self._udp_sockets

    def _asking(self, domain: str) -> Ask:
        """How to find the addresses of a name: what the redirection says, else what the resolver says."""
        found = None if self._redirection is None else self._redirection.find(domain)
        if found is None or isinstance(found, str):
            return partial(self._resolver.query, found or domain)
        return partial(_redirected, tuple(unmap(address) for address in found))

    def _report(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity, error: TcpConnectError) -> None:
        log_tcp_connect(self._logger, error, upstream, notes, task)


def _redirected(addresses: tuple[Host, ...], family: Family, receive: Callable[[Answer], None]) -> Answer | Query:
    return Answer(tuple(address for address in addresses if address.version == family.value))
