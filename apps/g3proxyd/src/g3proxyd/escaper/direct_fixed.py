"""The escaper that connects to the remote side itself, from fixed local addresses if wanted."""

import asyncio
import random
import socket
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING

from g3_acl import default_egress_network_rule, unmap
from g3_escape import Family, Pace, Strategy, select_by_number

from ..io.sockopts import SocketOption, tcp_options, udp_options
from ..log import Logger
from ..resolver.base import Answer, Query, Resolver
from ..upstream import Upstream
from .base import ConnectNotes, Escaper, TaskIdentity
from .dial import dial
from .direct_udp import DirectUdp
from .errors import TcpConnectError
from .log import log_tcp_connect
from .race import Ask, Course, Race
from .sockets import FamilySockets, Host, OutgoingSockets

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
        self._course = _course(config)
        self._sockets = _sockets(config, self)
        self._path_selection = config.enable_path_selection
        self._udp_speed_limit = config.udp_sock_speed_limit
        self._udp_sockets = _udp_sockets(config, self)

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


def peer_host(notes: ConnectNotes) -> Host:
    """The address that a connection goes to."""
    address = notes.next_peer_addr
    assert address is not None  # noqa: S101 - it is connected
    zone = f"%{address[3]}" if len(address) == 4 and address[3] else ""
    return ip_address(address[0] + zone)


def _redirected(addresses: tuple[Host, ...], family: Family, receive: Callable[[Answer], None]) -> Answer | Query:
    return Answer(tuple(address for address in addresses if address.version == family.value))


def _course(config: "DirectFixedConfig") -> Course:
    eyeballs = config.happy_eyeballs
    strategy = config.resolve_strategy
    pace = Pace(
        resolution_delay=eyeballs.resolution_delay,
        second_resolution_timeout=eyeballs.second_resolution_timeout,
        first_address_family_count=eyeballs.first_address_family_count,
        connection_attempt_delay=eyeballs.connection_attempt_delay,
        max_tries=config.tcp_connect.max_retry + 1,
        each_timeout=config.tcp_connect.each_timeout,
    )
    shuffle = random.shuffle if strategy.pick.value == "random" else None
    return Course(Strategy(strategy.query.value).families, pace, shuffle)


def _sockets(config: "DirectFixedConfig", escaper: Escaper) -> OutgoingSockets:
    def options(family: socket.AddressFamily) -> tuple[SocketOption, ...]:
        return tcp_options(family, config.tcp_misc_opts, config.tcp_keepalive)

    return _outgoing(config, escaper, options)


def _udp_sockets(config: "DirectFixedConfig", escaper: Escaper) -> OutgoingSockets:
    def options(family: socket.AddressFamily) -> tuple[SocketOption, ...]:
        return udp_options(family, config.udp_misc_opts)

    return _outgoing(config, escaper, options)


def _outgoing(
    config: "DirectFixedConfig",
    escaper: Escaper,
    options_of: Callable[[socket.AddressFamily], tuple[SocketOption, ...]],
) -> OutgoingSockets:
    def of_family(family: socket.AddressFamily, version: int, disabled: bool) -> FamilySockets:
        options = options_of(family)
        return FamilySockets(not disabled, options, tuple(ip for ip in config.bind_ip if ip.version == version))

    return OutgoingSockets(
        name=config.name,
        ipv4=of_family(socket.AF_INET, 4, config.no_ipv4),
        ipv6=of_family(socket.AF_INET6, 6, config.no_ipv6),
        interface=config.bind_interface,
        egress=config.egress_network_filter or default_egress_network_rule(),
        stats=escaper.stats,
    )
