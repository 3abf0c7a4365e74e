"""Options of sockets, worked out once from the configuration and set on every socket."""

import contextlib
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..config.values.keepalive import TcpKeepalive
    from ..config.values.sockopts import TcpMiscSockOpts, UdpMiscSockOpts

SocketOption = tuple[int, int, int | bytes]
"""Level, name and value, as `socket.setsockopt` takes them."""

IP_BIND_ADDRESS_NO_PORT = 24
"""Of <linux/in.h>; the socket module has it since Python 3.12 only."""

KEEPALIVE_SECONDS_MAX = 32767
"""The largest idle time and probe interval that Linux takes (MAX_TCP_KEEPIDLE in <net/tcp.h>)."""

KEEPALIVE_COUNT_MAX = 127
"""The largest probe count that Linux takes (MAX_TCP_KEEPCNT in <net/tcp.h>)."""

LATE_BINDING: SocketOption = (socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
"""Set before bind() to port 0: the port is chosen by connect(), so that one address serves more than 64 K peers."""

TRANSPARENT: dict[int, SocketOption] = {
    socket.AF_INET: (socket.IPPROTO_IP, 19, 1),  # IP_TRANSPARENT of <linux/in.h>
    socket.AF_INET6: (socket.IPPROTO_IPV6, 75, 1),  # IPV6_TRANSPARENT of <linux/in6.h>
}
"""By family, the option that lets a socket have addresses of other machines; not in the socket module."""


def tcp_options(
    family: socket.AddressFamily, misc: "TcpMiscSockOpts", keepalive: "TcpKeepalive | None" = None
) -> tuple[SocketOption, ...]:
    """The options of ``tcp_misc_opts`` and ``tcp_keepalive`` for sockets of a family; TCP_NODELAY is on unless said."""
    options: list[SocketOption] = []
    if misc.no_delay is not False:
        options.append((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1))
    if misc.max_segment_size is not None:
        options.append((socket.IPPROTO_TCP, socket.TCP_MAXSEG, misc.max_segment_size))
    if misc.congestion_control is not None:
        options.append((socket.IPPROTO_TCP, socket.TCP_CONGESTION, misc.congestion_control.encode()))
    options.extend(_network(family, misc))
    if keepalive is not None and keepalive.enable:
        options.extend(_keepalive(keepalive))
    return tuple(options)


def udp_options(family: socket.AddressFamily, misc: "UdpMiscSockOpts") -> tuple[SocketOption, ...]:
    """The options of ``udp_misc_opts`` for sockets of a family."""
    return tuple(_network(family, misc))


def bind_to_device(interface: str) -> SocketOption:
    """The option that ties a socket to a network interface."""
    return (socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")


def set_options(sock: socket.socket, options: Iterable[SocketOption]) -> None:
    """Set them all. Raises OSError for the first one that the kernel refuses."""
    for option in options:
        sock.setsockopt(*option)


def set_transparent(sock: socket.socket) -> None:
    """Let a socket have addresses of other machines. Raises OSError, mostly for want of a capability."""
    try:
        set_options(sock, [TRANSPARENT[sock.family]])
    except PermissionError as error:
        hint = "other machines' addresses need the capability CAP_NET_ADMIN"
        raise OSError(error.errno, f"{error.strerror}: {hint}") from None


def adjust_options(sock: socket.socket, misc: "TcpMiscSockOpts") -> None:
    """Set the options of ``tcp_misc_opts`` on a connection that somebody else accepted, as far as it takes them."""
    if sock.type != socket.SOCK_STREAM:
        return  # a stream of QUIC, whose socket many share
    for option in tcp_options(sock.family, misc):
        with contextlib.suppress(OSError):  # the client may be gone, which the first read tells
            sock.setsockopt(*option)
    if misc.no_delay is False:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)


def _keepalive(keepalive: "TcpKeepalive") -> list[SocketOption]:
    options: list[SocketOption] = [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _whole_seconds(keepalive.idle_time)),
    ]
    if keepalive.probe_interval is not None:
        options.append((socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _whole_seconds(keepalive.probe_interval)))
    if keepalive.probe_count is not None:
        count = min(max(keepalive.probe_count, 1), KEEPALIVE_COUNT_MAX)
        options.append((socket.IPPROTO_TCP, socket.TCP_KEEPCNT, count))
    return options


def _whole_seconds(seconds: float) -> int:
    return min(max(round(seconds), 1), KEEPALIVE_SECONDS_MAX)


def _network(family: socket.AddressFamily, misc: "TcpMiscSockOpts | UdpMiscSockOpts") -> list[SocketOption]:
    if family == socket.AF_INET6:
        names = (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, socket.IPV6_TCLASS)
        values = (misc.hop_limit, misc.traffic_class)
    else:
        names = (socket.IPPROTO_IP, socket.IP_TTL, socket.IP_TOS)
        values = (misc.time_to_live, misc.type_of_service)
    options: list[SocketOption] = [
        (names[0], name, value) for name, value in zip(names[1:], values, strict=True) if value is not None
    ]
    if misc.netfilter_mark is not None:
        options.append((socket.SOL_SOCKET, socket.SO_MARK, misc.netfilter_mark))
    return options
