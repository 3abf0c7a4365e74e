"""What a configuration says about outgoing connections: the course of a race, and how sockets are made."""

import random
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from g3_acl import NetworkRule
from g3_escape import Pace, Strategy

from ..io.sockopts import SocketOption, tcp_options, udp_options
from .base import EscaperStats
from .race import Course
from .sockets import FamilySockets, Host, OutgoingSockets

if TYPE_CHECKING:
    from ..config.escaper.common import TcpEscaperConfig
    from ..config.values.keepalive import TcpKeepalive
    from ..config.values.sockopts import TcpMiscSockOpts, UdpMiscSockOpts


class SocketKeys(Protocol):
    """What a configuration says about all of its sockets."""

    @property
    def name(self) -> str: ...

    @property
    def no_ipv4(self) -> bool: ...

    @property
    def no_ipv6(self) -> bool: ...

    @property
    def bind_interface(self) -> str | None: ...


class TcpSocketKeys(SocketKeys, Protocol):
    """What it says about those of TCP."""

    @property
    def tcp_misc_opts(self) -> "TcpMiscSockOpts": ...

    @property
    def tcp_keepalive(self) -> "TcpKeepalive": ...


class UdpSocketKeys(SocketKeys, Protocol):
    """What it says about those of UDP."""

    @property
    def udp_misc_opts(self) -> "UdpMiscSockOpts": ...


def make_course(config: "TcpEscaperConfig") -> Course:
    """The rules of a race."""
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


def tcp_sockets(
    config: TcpSocketKeys, bind_ips: Sequence[Host], stats: EscaperStats, egress: NetworkRule | None = None
) -> OutgoingSockets:
    """How TCP sockets are made, which start from one of ``bind_ips`` and go where ``egress`` permits."""

    def options(family: socket.AddressFamily) -> tuple[SocketOption, ...]:
        return tcp_options(family, config.tcp_misc_opts, config.tcp_keepalive)

    return _outgoing(config, bind_ips, stats, egress, options)


def udp_sockets(
    config: UdpSocketKeys,
    bind_ips: Sequence[Host],
    stats: EscaperStats,
    egress: NetworkRule | None = None,
) -> OutgoingSockets:
    """The same of UDP sockets."""

    def options(family: socket.AddressFamily) -> tuple[SocketOption, ...]:
        return udp_options(family, config.udp_misc_opts)

    return _outgoing(config, bind_ips, stats, egress, options)


def _outgoing(
    config: SocketKeys,
    bind_ips: Sequence[Host],
    stats: EscaperStats,
    egress: NetworkRule | None,
    options_of: Callable[[socket.AddressFamily], tuple[SocketOption, ...]],
) -> OutgoingSockets:
    def of_family(family: socket.AddressFamily, version: int, disabled: bool) -> FamilySockets:
        return FamilySockets(not disabled, options_of(family), tuple(ip for ip in bind_ips if ip.version == version))

    return OutgoingSockets(
        name=config.name,
        ipv4=of_family(socket.AF_INET, 4, config.no_ipv4),
        ipv6=of_family(socket.AF_INET6, 6, config.no_ipv6),
        interface=config.bind_interface,
        egress=egress,
        stats=stats,
    )
