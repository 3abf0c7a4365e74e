"""Connecting one socket on the event loop.

Most connections of a proxy go to a single address, thousands in a second: this way is kept short, and does not pass
through the machine that races several addresses.
"""

import asyncio
import errno
import os
import socket
import time
from collections.abc import Callable

from .base import ConnectNotes, EscaperStats, SocketAddress
from .errors import ConnectReason, TcpConnectError
from .sockets import Host, OutgoingSockets

Report = Callable[[TcpConnectError], None]
"""Takes each failure towards the remote side; by then the notes describe the attempt that failed."""


async def dial(
    loop: asyncio.AbstractEventLoop,
    sockets: OutgoingSockets,
    host: Host,
    port: int,
    each_timeout: float,
    notes: ConnectNotes,
    report: Report | None = None,
) -> socket.socket:
    """Connect to this address and port within ``each_timeout`` seconds; the caller owns the socket.

    Raises TcpConnectError. Whatever else happens, a cancellation for instance, leaves nothing open.
    """
    stats = sockets.stats
    sock, address, notes.next_bind_ip = sockets.open(host, port)
    try:
        notes.next_peer_addr = address
        notes.tcp_connect_tries = 1
        stats.tcp_connect_attempt += 1
        started = time.monotonic()
        try:
            code = begin_connect(sock, address)
            if code == errno.EINPROGRESS:
                await _writable(loop, sock, each_timeout)
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        except TimeoutError:
            raise timed_out(stats) from None
        finally:
            notes.tcp_connect_spend = time.monotonic() - started
        if code:
            raise connect_failed(code, stats)
        note_connected(sock, notes, stats)
        stats.tcp_connect_establish += 1
        return sock
    except TcpConnectError as error:
        sock.close()
        if report is not None:
            report(error)
        raise
    except BaseException:
        sock.close()
        raise


def begin_connect(sock: socket.socket, address: SocketAddress) -> int:
    """Start to connect a non-blocking socket: 0 when it is connected, EINPROGRESS when that is not known yet.

    Any other value is the error number of the failure.
    """
    code = sock.connect_ex(address)
    if code == errno.EINPROGRESS:
        # A peer on this machine has answered by now, although the kernel does not say so before it is asked again.
        # The question costs a microsecond; being woken by the event loop costs twenty.
        code = sock.connect_ex(address)
        if code == errno.EALREADY:
            return errno.EINPROGRESS
    return code


def note_connected(sock: socket.socket, notes: ConnectNotes, stats: EscaperStats) -> None:
    """Write down that the socket is connected, and from which address. Raises TcpConnectError."""
    stats.tcp_connect_success += 1
    try:
        notes.next_bound_addr = sock.getsockname()
    except OSError as error:
        raise TcpConnectError(ConnectReason.SETUP_SOCKET_FAILED, os_error=error) from None


def connect_failed(code: int, stats: EscaperStats) -> TcpConnectError:
    """The network refused, with this error number."""
    stats.tcp_connect_error += 1
    return TcpConnectError(ConnectReason.CONNECT_FAILED, os_error=OSError(code, os.strerror(code)))


def timed_out(stats: EscaperStats) -> TcpConnectError:
    """An attempt had its full time."""
    stats.tcp_connect_timeout += 1
    return TcpConnectError(ConnectReason.TIMEOUT_BY_RULE)


async def _writable(loop: asyncio.AbstractEventLoop, sock: socket.socket, seconds: float) -> None:
    waiter: asyncio.Future[None] = loop.create_future()
    timer = loop.call_later(seconds, _expire, waiter)
    loop.add_writer(sock, _wake, waiter)
    try:
        await waiter
    finally:
        timer.cancel()
        loop.remove_writer(sock)
        del waiter  # its exception knows this frame: the two would wait for the collector


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
