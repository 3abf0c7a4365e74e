"""A connection to an HTTP server, and whether it may serve another request."""

import time
from collections.abc import Sequence

from g3_http import Leniency, Limits, ResponseReader

from ..escaper.base import ConnectNotes, HttpHop
from ..io.pacing import Pace
from ..io.stream import Stream
from ..upstream import Upstream

LENIENT = Leniency(bare_status_line=True)
"""Many servers send "HTTP/1.1 200" without the space that the standard demands behind the code."""


class HttpUpstream:
    """One connection with its reader; kept between two requests of the same client to the same server."""

    __slots__ = (
        "any_upstream",
        "connect",
        "down",
        "expires",
        "hop",
        "reader",
        "received_before",
        "requests",
        "sent_before",
        "stream",
        "up",
        "upstream",
    )

    def __init__(
        self,
        upstream: Upstream,
        hop: HttpHop,
        stream: Stream,
        limits: Limits,
        connect: ConnectNotes,
        *,
        up: Sequence[Pace] = (),
        down: Sequence[Pace] = (),
    ) -> None:
        """``stream`` is that of ``hop``, which takes requests for ``upstream``, made in the way that ``connect`` tells.

        ``up`` and ``down`` are the limits on what goes to the server and on what comes from it.
        """
        self.upstream = upstream
        self.hop = hop
        self.any_upstream = hop.any_upstream
        self.stream = stream
        self.reader = ResponseReader(limits, LENIENT)
        self.connect = connect
        """How the connection was made: the log lines of later requests tell it as well."""
        self.up = up
        self.down = down
        self.requests = 0
        """Requests that were sent."""
        self.received_before = 0
        """Bytes that had come when the present request was sent."""
        self.sent_before = 0
        """Bytes that had been sent before the present request."""
        self.expires = 0.0

    def begin(self, method: bytes, upgrade: bool = False) -> None:
        """Another request is about to be sent; ``upgrade`` tells whether it asks for another protocol."""
        stream = self.stream
        self.requests += 1
        self.received_before = stream.received
        self.sent_before = stream.sent
        self.reader.expect(method, upgrade=upgrade)

    def keep(self, seconds: float) -> None:
        """Note that the connection is idle from now on and may be used again for so many seconds."""
        self.stream.watch()
        self.expires = time.monotonic() + seconds

    def usable_for(self, upstream: Upstream) -> bool:
        """Whether another request for this server may be sent.

        A server that said anything unasked, or closed, is not asked again: what it says next would answer nobody.
        """
        # Its reader was fit for reuse when the connection was kept, and has been given nothing since.
        same = self.upstream is upstream or self.upstream == upstream or (self.any_upstream and self._like(upstream))
        return same and not self.stream.surprised and time.monotonic() < self.expires

    def _like(self, upstream: Upstream) -> bool:
        """Whether requests for both go in the same way: a proxy that forwards http need not forward https."""
        return type(self.upstream) is type(upstream)
