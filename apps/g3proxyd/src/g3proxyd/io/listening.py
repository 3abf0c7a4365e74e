"""Opening the sockets that a server listens on, and how one ends without turning away who is about to get in."""

import contextlib
import ctypes
import socket
import struct
from typing import TYPE_CHECKING

from .addresses import Peer
from .sockopts import bind_to_device, set_options, set_transparent, tcp_options, udp_options
from .udp_socket import set_buffers

if TYPE_CHECKING:
    from ..config.values.listen import TcpListen, UdpListen
    from ..config.values.sockopts import TcpMiscSockOpts

IP_PKTINFO = 8
"""Of <linux/in.h>; the socket module has it not."""

SO_ATTACH_FILTER = 26
"""Of <asm-generic/socket.h>; the socket module has it not."""

HANDSHAKES = 0.2
"""Seconds for the last handshakes of a socket that lets nobody in any more: the way there and back of most clients."""

_NO_SYN = (
    (0x30, 0, 0, 13),  # load the byte of TCP's flags; the packet begins with TCP's header here
    (0x45, 0, 1, 0x02),  # is SYN among them?
    (0x06, 0, 0, 0),  # then drop the packet
    (0x06, 0, 0, 0xFFFF_FFFF),  # else take all of it
)
"""A classic BPF program (Linux, Documentation/networking/filter.rst): code, jump if true, jump if false, operand."""


def open_bound(
    listen: "TcpListen", misc: "TcpMiscSockOpts", cpu: int | None = None, *, transparent: bool = False
) -> socket.socket:
    """A socket that has its address and does not listen yet, non-blocking. Raises OSError.

    The options of accepted connections are set here: Linux gives them the options of the socket that they came
    through, which saves several system calls per connection. Among the sockets of one address the one with the ``cpu``
    on which a connection arrives is preferred. A ``transparent`` one also takes the connections to other machines'
    addresses that a rule of the firewall leads to it (Linux, Documentation/networking/tproxy.rst); it needs the
    capability CAP_NET_ADMIN.
    """
    address = listen.address
    family = socket.AF_INET if address.host.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # One socket for each worker on one address, and those of a successor that has other options.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, listen.ipv6_only)
        if transparent:
            set_transparent(sock)
        if cpu is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_INCOMING_CPU, cpu)
        set_options(sock, tcp_options(family, misc, listen.keepalive))
        if listen.max_segment_size is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, listen.max_segment_size)
        if listen.netfilter_mark is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, listen.netfilter_mark)
        if listen.interface is not None:
            set_options(sock, [bind_to_device(listen.interface)])
        sock.bind((str(address.host), address.port))
    except BaseException:
        sock.close()
        raise
    return sock


def open_udp_bound(listen: "UdpListen") -> socket.socket:
    """A UDP socket that clients may send to, non-blocking, which tells the address that each datagram was sent to.

    Raises OSError.
    """
    sock = _udp_socket(listen, listen.address.host.version == 6, listen.ipv6_only)
    try:
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        sock.bind((str(listen.address.host), listen.address.port))
    except BaseException:
        sock.close()
        raise
    return sock


def open_connected(listen: "UdpListen", local: Peer, peer: Peer) -> socket.socket:
    """A UDP socket for the datagrams of one peer alone, which the kernel prefers to those that listen at ``local``.

    Between its two steps it may get what others send: whoever reads it looks at the sources. Raises OSError.
    """
    sock = _udp_socket(listen, ":" in local[0], ipv6_only=True)
    try:
        sock.bind(local)
        sock.connect(peer)
    except BaseException:
        sock.close()
        raise
    return sock


def _udp_socket(listen: "UdpListen", is_ipv6: bool, ipv6_only: bool) -> socket.socket:
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        # One socket for each worker on one address. The kernel lets no other user have one.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if is_ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, ipv6_only)
        set_options(sock, udp_options(family, listen.socket_misc_opts))
        set_buffers(sock, listen.socket_buffer)
        if listen.interface is not None:
            set_options(sock, [bind_to_device(listen.interface)])
    except BaseException:
        sock.close()
        raise
    return sock


def hold_back(sock: socket.socket) -> None:
    """Let no new handshake begin on a listening socket; those under way may finish.

    Who knocks now hears nothing and tries again a second later, when another socket of the address answers, or none.
    Once `HANDSHAKES` have passed, the queue is complete: what has been accepted then is all there was. Where the kernel
    has no such filter, nothing happens.
    """
    if sock.type != socket.SOCK_STREAM:
        return  # QUIC's clients try again by themselves
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _NO_SYN))
    # Without it, the window between the last accept() and close() is a few microseconds.
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(_NO_SYN), ctypes.addressof(program)))
