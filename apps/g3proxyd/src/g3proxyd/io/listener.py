"""Listening sockets: accepting without spinning, whatever the system runs out of."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from typing import Protocol

from .addresses import MAPPED, Peer

__all__ = ["AnyListener", "Listener", "Peer"]

log = logging.getLogger(__name__)

ACCEPTS_PER_TURN = 16
"""Connections accepted before the loop turns to the others again."""

EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
"""Errors of accept() that stay until somebody frees something: to try again at once would only burn the processor."""

MOST_IN_QUEUE = 65536
"""Connections taken at the end: a successor that shares the socket goes on, and its clients need not end with us."""

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 1.0
"""Seconds to wait after such an error; doubled each time up to the longest."""


class AnyListener(Protocol):
    """What listeners on sockets of all kinds have."""

    sock: socket.socket

    def start(self) -> None:
        """Begin to take clients."""

    def drain(self) -> None:
        """Take those who wait in the kernel, then stop and close."""

    def close(self) -> None:
        """Stop and close; may be called again."""


class Listener:
    """Accepts the connections of one listening socket and hands them over, non-blocking."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        on_connection: Callable[[socket.socket, Peer], None],
    ) -> None:
        """``sock`` listens and is non-blocking; the listener owns it."""
        self.sock = sock
        self.accepted = 0
        self.failed = 0
        """accept() calls that failed."""
        self._family = sock.family
        self._loop = loop
        self._on_connection = on_connection
        self._pause = 0.0
        self._started = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to accept."""
        if not self._started:
            self._started = True
            self._watch()

    def hand_to(self, on_connection: Callable[[socket.socket, Peer], None]) -> None:
        """Let somebody else have the connections from now on."""
        self._on_connection = on_connection

    def drain(self) -> None:
        """Take what waits in the kernel's queue, then stop and close."""
        if self.sock.fileno() >= 0:
            for _ in range(0, MOST_IN_QUEUE, ACCEPTS_PER_TURN):
                if not self._accept_some():
                    break
        self.close()

    def close(self) -> None:
        """Stop and close; may be called again. Connections in the kernel's queue are lost with the last socket."""
        if self.sock.fileno() >= 0:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            elif self._started:
                self._loop.remove_reader(self.sock.fileno())
            self.sock.close()

    def _watch(self) -> None:
        self._loop.add_reader(self.sock.fileno(), self._accept_some)

    def _accept_some(self) -> bool:
        """Take connections; False when there is none left, or no way to take it now."""
        for _ in range(ACCEPTS_PER_TURN):
            try:
                # socket.accept() does the same and then looks up the names of the family and the type, for two
                # microseconds.
                fd, address = self.sock._accept()  # type: ignore[attr-defined]
            except (BlockingIOError, InterruptedError):
                return False
            except OSError as error:
                if error.errno in EXHAUSTED:
                    self._exhausted(error)
                    return False
                # ECONNABORTED and the network errors that accept(2) passes on concern one connection only.
                self.failed += 1
                continue
            self._recovered()
            self.accepted += 1
            connection = socket.socket(self._family, socket.SOCK_STREAM, 0, fileno=fd)
            connection.setblocking(False)
            if address[0].startswith(MAPPED):
                address = (address[0][len(MAPPED) :], address[1])
            self._on_connection(connection, address)
        return True

    def _exhausted(self, error: OSError) -> None:
        self.failed += 1
        if not self._pause:
            log.error("cannot accept on %s: %s; trying again until it works", self.sock.getsockname(), error)
        self._pause = min(self._pause * 2 or FIRST_PAUSE, LONGEST_PAUSE)
        if self._timer is None:
            self._loop.remove_reader(self.sock.fileno())
            self._timer = self._loop.call_later(self._pause, self._resume)

    def _resume(self) -> None:
        self._timer = None
        self._watch()

    def _recovered(self) -> None:
        if self._pause:
            self._pause = 0.0
            log.warning("accepting again on %s", self.sock.getsockname())
