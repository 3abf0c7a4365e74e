"""UDP sockets of the relay: how they are made, and what they have moved."""

import contextlib
import functools
import random
import socket
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .sockopts import SocketOption, set_options

if TYPE_CHECKING:
    from ..config.values.socket_buffer import SocketBuffer

SOL_UDP = 17
UDP_SEGMENT = 103
UDP_GRO = 104
SO_SNDBUFFORCE = 32
SO_RCVBUFFORCE = 33
"""Of <linux/udp.h> and <asm/socket.h>, which the socket module lacks."""

BUFFER_SIZE = 1 << 20
"""Bytes of either buffer where nothing is configured. The kernel's default holds 92 datagrams of 1200 bytes, and loses
the next one; with this size windows of 512 datagrams pass."""

PORT_TRIES = 256
"""Ports of a range that are tried before there is said to be none: more would hold up everybody else."""


class UdpSocket:
    """A UDP socket with its counters. It owns ``sock``, which is non-blocking."""

    received = received_bytes = 0
    """Datagrams and bytes that were read."""
    sent = sent_bytes = 0
    """Datagrams and bytes that the kernel took."""
    error = 0
    """The last error number of a datagram that could not go; whoever has told somebody sets it to 0."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.train_segment = (1452 if sock.family == socket.AF_INET6 else 1472) if can_cut_trains() else 0
        """The largest segment of a train: what fits into an Ethernet packet until the kernel says otherwise."""

    def join_trains(self) -> None:
        """Let the kernel glue datagrams together from now on; an old one does not."""
        with contextlib.suppress(OSError):
            self.sock.setsockopt(SOL_UDP, UDP_GRO, 1)

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()


def open_udp(
    address: tuple[str, int] | tuple[str, int, int, int],
    options: Iterable[SocketOption] = (),
    buffer: "SocketBuffer | None" = None,
    ports: Sequence[int] = (0,),
) -> socket.socket:
    """A non-blocking socket that is bound to the address and to one of these ports, chosen at random.

    IPv6 sockets take no IPv4. Raises OSError.
    """
    family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        set_options(sock, options)
        set_buffers(sock, buffer)
        _bind(sock, address, ports)
    except BaseException:
        sock.close()
        raise
    return sock


def set_buffers(sock: socket.socket, buffer: "SocketBuffer | None" = None) -> None:
    """Set the sizes of both buffers: beyond the machine's limit where the process may do so, else up to it."""
    receive = buffer.recv if buffer is not None else None
    send = buffer.send if buffer is not None else None
    for size, plain, force in (
        (receive, socket.SO_RCVBUF, SO_RCVBUFFORCE),
        (send, socket.SO_SNDBUF, SO_SNDBUFFORCE),
    ):
        wanted = BUFFER_SIZE if size is None else size
        try:
            sock.setsockopt(socket.SOL_SOCKET, force, wanted)
        except OSError:
            sock.setsockopt(socket.SOL_SOCKET, plain, wanted)


@functools.cache
def can_cut_trains() -> bool:
    """Whether the kernel knows UDP_SEGMENT (Linux 4.18): an older one would send a train as one datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.getsockopt(SOL_UDP, UDP_SEGMENT)
        except OSError:
            return False
    return True


def _bind(sock: socket.socket, address: tuple[str, int] | tuple[str, int, int, int], ports: Sequence[int]) -> None:
    host, _, *rest = address
    tried = random.sample(ports, min(len(ports), PORT_TRIES))
    for port in tried:
        try:
            sock.bind((host, port, *rest))
        except OSError:
            if port == tried[-1]:
                raise
        else:
            return
