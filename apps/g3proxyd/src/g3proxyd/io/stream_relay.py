"""Two-way relay of bytes between two streams, of which one or both are TLS: what `Relay` is for two sockets.

The rules are the same: the end of one direction is passed on after all of its bytes, as a half-close (a FIN for TLS's
close_notify and the other way round); an error of either side, and an end without TLS's own end, aborts both with a
reset, so that nobody takes a part for the whole. A side that takes no bytes stops the other one: at most one read is
in memory for each direction.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence

from .direction import BIG_READ, End
from .pacing import Pace, allowed
from .relay import DOWNWARDS, UPWARDS, RelayHost, RelayOptions, Result, TwoWay
from .stream import Stream

BULK = 1 << 18
"""Bytes read at once while they come faster than a small read takes them."""

EVER = 10 * 365 * 86400.0
"""Seconds to wait for bytes, or for room: the idle check ends a relay, not the wait itself."""


class Way:
    """One direction: where it comes from, where it goes, and how much has gone."""

    __slots__ = ("done", "failed_read", "failed_write", "paces", "received", "sent", "sink", "source")

    def __init__(self, source: Stream, sink: Stream, paces: Sequence[Pace], failures: tuple[End, End]) -> None:
        self.source, self.sink = source, sink
        self.paces = paces
        self.failed_read, self.failed_write = failures
        self.received = 0
        """Bytes that came from the source."""
        self.sent = 0
        """Bytes that the sink took."""
        self.done = False


class StreamRelay(TwoWay[Way]):
    """Both ways of a tunnel. It owns the two ends and closes them at the end, whatever that end is."""

    __slots__ = ("_client", "_upstream", "down", "up")

    def __init__(
        self,
        host: RelayHost,
        client: Stream | socket.socket,
        upstream: Stream | socket.socket,
        options: RelayOptions,
        *,
        up: Sequence[Pace] = (),
        down: Sequence[Pace] = (),
        on_half: Callable[[bool], None] | None = None,
    ) -> None:
        """The arguments are those of `Relay`, but for ends that are streams already."""
        super().__init__(host, options, on_half)
        self._client, self._upstream = host.stream(client), host.stream(upstream)
        self.up = Way(self._client, self._upstream, up, UPWARDS)
        self.down = Way(self._upstream, self._client, down, DOWNWARDS)

    async def run(self) -> Result:
        """See `TwoWay.run`."""
        self.host.wheel.start(self, self.options.idle_interval)
        up = self.host.loop.create_task(self._pass(self.up), name="relay")
        up.add_done_callback(self._ended)
        try:
            await self._pass(self.down)
            await up  # raises what is a fault of ours
        finally:
            self.abort(End.CANCELLED)
            up.cancel()
        assert self.result is not None  # noqa: S101 - abort() leaves a result in every case
        return self.result

    def sockets(self) -> tuple[socket.socket, socket.socket]:
        """See `TwoWay.sockets`."""
        return self._client.sock, self._upstream.sock

    def abort(self, end: End, error: OSError | None = None) -> None:
        """See `TwoWay.abort`."""
        if self.result is None:
            self._end(end, error)
            self._client.abort()
            self._upstream.abort()

    def _end(self, end: End, error: OSError | None) -> None:
        self.result = self.so_far(end, error)
        self.host.wheel.forget(self)
        self._on_half = None

    def _ended(self, up: asyncio.Task[None]) -> None:
        if up.cancelled() or up.exception() is not None:
            self.abort(End.CANCELLED)  # which ends the other way, too

    async def _pass(self, way: Way) -> None:
        """Pass on what comes, until its end or an error."""
        source, paces = way.source, way.paces
        size = small = self.options.copy_size
        budget = self.options.yield_size
        drained = not source.at_hand
        while self.result is None:
            wanted = await allowed(paces, size) if paces else size
            try:
                if drained:
                    await source.readable(EVER)
                data = source.borrow(wanted)
            except OSError as error:
                self.abort(way.failed_read, error)
                return
            if not data:
                if data is None:  # a part of a record
                    drained = True
                    continue
                await self._pass_end(way)
                return
            drained = len(data) < BIG_READ
            way.received += len(data)
            self.active = True
            for pace in paces:
                pace.spend(len(data))
            try:
                if not way.sink.write(data):
                    await way.sink.drain(EVER)
                    self.active = True
            except OSError as error:
                self.abort(way.failed_write, error)
                return
            way.sent += len(data)
            # Memory for bulk is taken only where bulk comes.
            size = BULK if len(data) >= small else small
            budget -= len(data)
            if budget <= 0:
                budget = self.options.yield_size
                await asyncio.sleep(0)

    async def _pass_end(self, way: Way) -> None:
        other = self.down if way is self.up else self.up
        self.active = True
        if not other.done:  # else the ends are closed now, which says the same
            try:
                way.sink.send_eof()
                await way.sink.drain(EVER)
            except OSError as error:  # it was reset in the meantime
                self.abort(way.failed_write, error)
                return
        way.done = True
        if not other.done:
            if self._on_half is not None:
                self._on_half(way is self.up)
        elif self.result is None:
            self._end(End.FINISHED, None)
            self._client.close()
            self._upstream.close()
