"""A UDP socket towards the remote side, and the SOCKS headers for what comes from there."""

import ctypes
import mmap
import socket

from ..escaper.base import SocketAddress
from ..io.mmsg import NAME
from ..io.udp_socket import UdpSocket
from .socks_udp_header import IPV4_HEADER, IPV6_HEADER

SOURCES_MAX = 1024
"""Sources whose headers are kept: beyond that they are made anew."""


class Remote(UdpSocket):
    """Sends to many targets and takes from any; or, with a header of its own, speaks to the one it is connected to."""

    def __init__(self, sock: socket.socket, header: bytes | None = None) -> None:
        """``header`` goes before all that comes; without one, each datagram gets the header of its source."""
        super().__init__(sock)
        self.named = header is None
        """Whether the sources of datagrams matter."""
        self._ipv6 = sock.family == socket.AF_INET6
        self._own = _pin(header) if header is not None else None
        self.header_size = len(header) if header is not None else IPV6_HEADER if self._ipv6 else IPV4_HEADER
        """Bytes of each header."""
        self._headers: dict[bytes, tuple[int, object]] = {}

    def headers(self, sources: mmap.mmap, count: int) -> list[int]:
        """Where in memory the headers for so many datagrams are; good until the next call."""
        if self._own is not None:
            return [self._own[0]] * count
        if len(self._headers) > SOURCES_MAX:
            self._headers.clear()
        size = 24 if self._ipv6 else 8  # a socket address up to the end of its host
        if sources[: count * NAME] == sources[:NAME] * count:  # mostly one source, and this is quicker to see
            return [self._place(sources[:size])] * count
        return [self._place(sources[place : place + size]) for place in range(0, count * NAME, NAME)]

    def send(self, payload: bytes, address: SocketAddress | None) -> None:
        """Send one datagram, to the address or to where the socket is connected; an error is noted, not raised."""
        for _ in range(2):  # the first error may be that of an earlier datagram (ICMP)
            try:
                if address is None:
                    self.sock.send(payload)
                else:
                    self.sock.sendto(payload, address)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                code = error.errno or 0
            else:
                self.sent += 1
                self.sent_bytes += len(payload)
                return
        self.error = code

    def _place(self, source: bytes) -> int:
        header = self._headers.get(source)
        if header is None:
            header = self._headers[source] = _pin(self._header(source))
        return header[0]

    def _header(self, source: bytes) -> bytes:
        """RFC 1928 section 7, of a struct sockaddr_in or the first 24 bytes of a sockaddr_in6."""
        if self._ipv6:
            return b"\0\0\0\4" + source[8:24] + source[2:4]
        return b"\0\0\0\1" + source[4:8] + source[2:4]


def _pin(header: bytes) -> tuple[int, object]:
    """Its place in memory, and what keeps it there."""
    buffer = ctypes.create_string_buffer(header, len(header))
    return ctypes.addressof(buffer), buffer
