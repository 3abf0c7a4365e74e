"""One direction of a relay: copies what trickles, splices what comes in bulk, and keeps bytes in order."""

import asyncio
import os
import socket
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

from .pacing import Pace
from .pipes import Pipe
from .portions import STRETCH, Portions

if TYPE_CHECKING:
    from .relay import Relay

SPLICE_FLAGS = 3
"""SPLICE_F_MOVE | SPLICE_F_NONBLOCK."""

BIG_READ = 16384
"""A read of so many bytes is bulk."""

SMALL_READ = 8192
"""A spliced read below this is small ..."""

SMALL_READS = 8
"""... and after more small reads in a row than this the direction goes back to copying."""


class End(Enum):
    """Why a relay ended."""

    FINISHED = "both sides closed in order"
    CLIENT_READ = "reading from the client failed"
    CLIENT_WRITE = "writing to the client failed"
    UPSTREAM_READ = "reading from the upstream failed"
    UPSTREAM_WRITE = "writing to the upstream failed"
    IDLE = "no byte moved for too long"
    CANCELLED = "the task was cancelled"


class Direction:
    """One way of a relay, from ``source`` to ``sink``."""

    __slots__ = (
        "_big",
        "_copy_size",
        "_failed_read",
        "_failed_write",
        "_measure_at",
        "_paces",
        "_pipe",
        "_piped",
        "_portions",
        "_reading",
        "_relay",
        "_rest",
        "_sink",
        "_sink_fd",
        "_small",
        "_source",
        "_source_fd",
        "_timer",
        "_writing",
        "done",
        "received",
        "sent",
    )

    def __init__(
        self,
        relay: "Relay",
        source: socket.socket,
        sink: socket.socket,
        paces: Sequence[Pace],
        failures: tuple[End, End],
    ) -> None:
        options = relay.options
        self._relay = relay
        self._source, self._source_fd = source, source.fileno()
        self._sink, self._sink_fd = sink, sink.fileno()
        self._paces = paces
        self._failed_read, self._failed_write = failures
        self._copy_size = options.copy_size
        self._big = options.splice_after == 0
        self._rest: bytes | memoryview = b""  # what the sink has not taken of a copy
        self._pipe: Pipe | None = None
        self._piped = 0  # bytes in the pipe
        self._small = 0
        self._portions: Portions | None = None
        self._measure_at = STRETCH
        self._timer: asyncio.TimerHandle | None = None
        self._reading = self._writing = False
        self.received = 0
        """Bytes that came from the source."""
        self.sent = 0
        """Bytes that the sink took."""
        self.done = False

    def watch(self, *, read: bool, write: bool) -> None:
        """Watch the source for bytes, the sink for room, or neither."""
        poller = self._relay.host.poller
        if read != self._reading:
            self._reading = read
            if read:
                poller.add_reader(self._source_fd, self._readable)
            else:
                poller.remove_reader(self._source_fd)
        if write != self._writing:
            self._writing = write
            if write:
                poller.add_writer(self._sink_fd, self._writable)
            else:
                poller.remove_writer(self._sink_fd)

    def send_first(self, data: bytes) -> None:
        """Send what came from the source before this direction began, ahead of what it has to say now."""
        self._rest = data
        self.received = len(data)
        for pace in self._paces:
            pace.spend(len(data))
        self.watch(read=False, write=True)

    def stop(self) -> None:
        """Watch nothing, keep nothing."""
        self.done = True
        self.watch(read=False, write=False)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._portions is not None:
            self._portions.stop()
            self._portions = None
        if self._pipe is not None:
            self._relay.host.pipes.drop(self._pipe)
            self._pipe = None
        self._rest = b""

    def _readable(self) -> None:
        """The source has bytes or has ended; the sink has taken all that came before."""
        relay = self._relay
        budget = relay.options.yield_size
        while budget > 0:
            size = wanted = relay.host.pipes.size if self._big else self._copy_size
            if self._paces:
                wanted = min(pace.allowed(size) for pace in self._paces)
                if wanted == 0:
                    self._pause()
                    return
            try:
                if self._big and (pipe := relay.host.pipes.borrow()) is not None:
                    moved = self._splice(pipe, wanted)
                else:
                    moved = self._copy(min(wanted, self._copy_size))
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                relay.abort(self._failed_read, error)
                return
            if moved <= 0:
                if moved == 0:
                    self._finish()
                return
            self.received += moved
            budget -= moved
            relay.active = True
            for pace in self._paces:
                pace.spend(moved)
            self._judge(moved)
            if self._piped or self._rest:
                self.watch(read=False, write=True)
                return
            if moved < wanted:  # most likely that was all; if not, the poller tells at once
                return

    def _portion(self) -> int:
        """Move what the source holds, if it is read now; return the bytes that have come in all."""
        if self._reading:
            self._readable()
        return self.received

    def _copy(self, wanted: int) -> int:
        """Move up to so many bytes; return how many came, 0 at the end, -1 when the relay is over."""
        data = self._source.recv(wanted)
        if data:
            taken = self._send(data)
            if taken < 0:
                return -1
            if taken < len(data):
                self._rest = memoryview(data)[taken:]
        return len(data)

    def _send(self, data: bytes | memoryview) -> int:
        """Bytes that the sink took; -1 when it failed and the relay is over."""
        try:
            taken = self._sink.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self._relay.abort(self._failed_write, error)
            return -1
        self.sent += taken
        return taken

    def _splice(self, pipe: Pipe, wanted: int) -> int:
        """The same through a pipe."""
        try:
            size = os.splice(self._source_fd, pipe[1], wanted, flags=SPLICE_FLAGS)
        except OSError:
            self._relay.host.pipes.give_back(pipe)  # nothing went in
            raise
        if size == 0:
            self._relay.host.pipes.give_back(pipe)
            return 0
        self._pipe, self._piped = pipe, size
        return size if self._drain_pipe() else -1

    def _drain_pipe(self) -> bool:
        """Move what the pipe holds to the sink, as far as it has room; False when the relay is over."""
        pipe = self._pipe
        if pipe is None:
            return True
        try:
            while self._piped:
                taken = os.splice(pipe[0], self._sink_fd, self._piped, flags=SPLICE_FLAGS)
                self._piped -= taken
                self.sent += taken
        except (BlockingIOError, InterruptedError):
            return True
        except OSError as error:
            self._relay.abort(self._failed_write, error)
            return False
        self._pipe = None
        self._relay.host.pipes.give_back(pipe)
        return True

    def _judge(self, moved: int) -> None:
        """Splice what comes in bulk, copy what trickles."""
        if not self._big:
            self._big = self.received >= self._relay.options.splice_after and moved >= BIG_READ
        elif moved >= SMALL_READ:
            self._small = 0
            if self.received >= self._measure_at:
                self._measure()
        else:
            self._small += 1
            if self._small > SMALL_READS:
                self._big, self._small = False, 0

    def _measure(self) -> None:
        """A stretch of bytes has come: look how fast."""
        self._measure_at = self.received + STRETCH
        if self._portions is None:
            self._portions = Portions(self._relay.host.loop, self._source, self._portion, self.received)
        else:
            self._portions.measure(self.received)

    def _writable(self) -> None:
        """The sink has room again for what it did not take before."""
        self._relay.active = True
        if not self._drain_pipe() or self._piped:
            return
        if self._rest:
            taken = self._send(self._rest)
            if taken < 0:
                return
            self._rest = self._rest[taken:] if taken < len(self._rest) else b""
            if self._rest:
                return
        self.watch(read=True, write=False)

    def _pause(self) -> None:
        self.watch(read=False, write=False)
        self._timer = self._relay.host.loop.call_later(max(pace.delay() for pace in self._paces), self._resume)

    def _resume(self) -> None:
        self._timer = None
        self.watch(read=True, write=False)

    def _finish(self) -> None:
        """The source has ended and the sink has taken all: pass the end on."""
        self.done = True
        if not self._relay.last_direction():  # else the sockets are closed now, which says the same
            self.stop()
            try:
                self._sink.shutdown(socket.SHUT_WR)
            except OSError as error:  # ENOTCONN: it was reset in the meantime
                self._relay.abort(self._failed_write, error)
                return
        self._relay.direction_done(self)
