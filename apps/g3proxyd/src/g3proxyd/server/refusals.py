"""Telling the process log why connections were refused, however many there are."""

import logging
from collections.abc import Callable

from ..io.addresses import Peer

log = logging.getLogger(__name__)

LINES = 10
"""Lines in an interval: enough to see what goes wrong, and nobody can fill a disk with them."""

INTERVAL = 1.0
"""Seconds."""


class Refusals:
    """Counts what one server refuses, and writes a line for each of the first ones in an interval."""

    __slots__ = ("_began", "_clock", "_lines", "_server", "_silent")

    def __init__(self, server: str, clock: Callable[[], float]) -> None:
        """``clock`` is monotonic, in seconds."""
        self._server = server
        self._clock = clock
        self._began = clock()
        self._lines = 0
        self._silent = 0

    def note(self, peer: Peer, reason: str) -> None:
        """A connection from this address was refused; the reason never repeats what the peer sent."""
        now = self._clock()
        if now - self._began >= INTERVAL:
            if self._silent:
                log.warning("server %s: refused %d more connections", self._server, self._silent)
            self._began, self._lines, self._silent = now, 0, 0
        if self._lines < LINES:
            self._lines += 1
            log.warning("server %s: refused a connection from %s: %s", self._server, peer[0], reason)
        else:
            self._silent += 1
