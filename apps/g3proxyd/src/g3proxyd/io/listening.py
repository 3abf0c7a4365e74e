"""Opening the sockets that a server listens on."""

import os
import socket
from typing import TYPE_CHECKING

from .sockopts import bind_to_device, set_options, tcp_options

if TYPE_CHECKING:
    from ..config.values.listen import TcpListen
    from ..config.values.sockopts import TcpMiscSockOpts


def open_listening(listen: "TcpListen", misc: "TcpMiscSockOpts") -> list[socket.socket]:
    """The listening sockets of one server, non-blocking, all on one address. Raises OSError.

    The options of accepted connections are set here: Linux gives them the options of the socket that they came
    through, which saves several system calls per connection.
    """
    sockets: list[socket.socket] = []
    try:
        for _ in range(listen.sockets(os.cpu_count() or 1)):
            sockets.append(_open(listen, misc))  # noqa: PERF401 - those that are open are closed when one fails
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _open(listen: "TcpListen", misc: "TcpMiscSockOpts") -> socket.socket:
    address = listen.address
    family = socket.AF_INET if address.host.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Several sockets on one address, and a successor that takes over while we still serve.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, listen.ipv6_only)
        set_options(sock, tcp_options(family, misc, listen.keepalive))
        if listen.max_segment_size is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, listen.max_segment_size)
        if listen.netfilter_mark is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, listen.netfilter_mark)
        if listen.interface is not None:
            set_options(sock, [bind_to_device(listen.interface)])
        sock.bind((str(address.host), address.port))
        sock.listen(listen.backlog)
    except BaseException:
        sock.close()
        raise
    return sock
