"""Two-way relay of bytes between two TCP sockets: copies first, splices the bulk.

Rules. A pipe is filled only when it is empty, so that EAGAIN of the filling means that the socket is empty, and EAGAIN
of the draining means that the peer is full. A pipe is borrowed for one filling and kept only while the peer is full.
The end of one direction is passed on after all of its bytes, as a half-close; an error of either socket aborts both
with a reset, so that nobody takes a part for the whole.
"""

import asyncio
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from .direction import Direction, End
from .pacing import Pace
from .pipes import PipePool
from .poller import Poller
from .stream import RESET_ON_CLOSE, Stream
from .timers import Wheel

FINISHED = End.FINISHED
UPWARDS = End.CLIENT_READ, End.UPSTREAM_WRITE
DOWNWARDS = End.UPSTREAM_READ, End.CLIENT_WRITE
"""For use here: CPython 3.11 takes 85 ns to look a member up in its class."""


@dataclass(slots=True)
class Result:
    """What a relay did; not frozen, because a frozen one takes twice as long to make."""

    end: End
    from_client: int
    """Bytes read from the client."""
    to_upstream: int
    """Bytes written to the upstream."""
    from_upstream: int
    """Bytes read from the upstream."""
    to_client: int
    """Bytes written to the client."""
    error: OSError | None = None


@dataclass(frozen=True, slots=True)
class RelayOptions:
    """What all relays of one server share."""

    copy_size: int = 16384
    """Bytes per copying read; g3's ``tcp_copy_buffer_size``."""
    yield_size: int = 1 << 20
    """Bytes one direction may move before others get their turn; g3's ``tcp_copy_yield_size``."""
    idle_interval: float = 60.0
    """Seconds between two idle checks; g3's ``task_idle_check_interval``."""
    idle_count: int = 5
    """Idle checks in a row that end the relay; g3's ``task_idle_max_count``."""
    splice_after: int = 65536
    """Bytes that a direction copies before it may splice: most tunnels are too short to be worth a pipe."""


class RelayHost:
    """What the relays of one worker share: the poller, the timers and the pipes."""

    def __init__(self, poller: Poller, wheel: Wheel, pipes: PipePool | None = None) -> None:
        self.loop = poller.loop
        self.poller = poller
        self.wheel = wheel
        self.pipes = pipes or PipePool()
        self._kept: set[asyncio.Task[Any]] = set()

    def keep(self, running: Coroutine[Any, Any, Any]) -> None:
        """Run something beside the connections' own tasks; the loop itself would forget it."""
        task = self.loop.create_task(running)
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)

    def stream(self, end: Stream | socket.socket) -> Stream:
        """The end of a connection as a stream."""
        return Stream(self.poller, end, self.wheel) if isinstance(end, socket.socket) else end


class Flow(Protocol):
    """The bytes of one way."""

    received: int
    """Bytes that came from the source."""
    sent: int
    """Bytes that the sink took."""


F = TypeVar("F", bound=Flow)


class TwoWay(ABC, Generic[F]):
    """What a relay is on the outside, whatever its ends are: the bytes so far, the idle check, an end."""

    __slots__ = ("_idle", "_on_half", "active", "bucket", "deadline", "host", "options", "result")

    up: F
    down: F

    def __init__(self, host: RelayHost, options: RelayOptions, on_half: Callable[[bool], None] | None) -> None:
        """``on_half(by_client)`` hears of the first side that closes in order."""
        self.host = host
        self.options = options
        self._on_half = on_half
        self._idle = 0
        self.active = False
        """Whether anything has moved since the last idle check."""
        self.bucket: int | None = None
        self.deadline: float | None = None
        self.result: Result | None = None
        """What came of it; None until the end."""

    @abstractmethod
    async def run(self) -> Result:
        """Relay until both sides have closed or one has failed. A cancelled relay has a result as well."""

    @abstractmethod
    def abort(self, end: End, error: OSError | None = None) -> None:
        """End the relay at once, if it has not ended yet; both peers see a reset."""

    @abstractmethod
    def sockets(self) -> tuple[socket.socket, socket.socket]:
        """The client's socket and the upstream's."""

    def so_far(self, end: End, error: OSError | None = None) -> Result:
        """The bytes that have moved up to now."""
        return Result(end, self.up.received, self.up.sent, self.down.received, self.down.sent, error)

    def timed_out(self) -> None:
        """The wheel's call: look whether anything moved since the last one."""
        for sock, end in zip(self.sockets(), (End.CLIENT_READ, End.UPSTREAM_READ), strict=True):
            # A side that nobody watches now, because the other one is full, may have been reset.
            if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self.abort(end, OSError(code, os.strerror(code)))
                return
        self._idle = 0 if self.active else self._idle + 1
        self.active = False
        if self._idle >= self.options.idle_count:
            self.abort(End.IDLE)
        else:
            self.host.wheel.start(self, self.options.idle_interval)


class Relay(TwoWay[Direction]):
    """Both ways of a tunnel. It owns the two sockets and closes them at the end, whatever that end is."""

    __slots__ = ("_client", "_ended", "_said", "_upstream", "down", "up")

    def __init__(
        self,
        host: RelayHost,
        client: socket.socket,
        upstream: socket.socket,
        options: RelayOptions,
        *,
        up: Sequence[Pace] = (),
        down: Sequence[Pace] = (),
        on_half: Callable[[bool], None] | None = None,
        said: bytes = b"",
    ) -> None:
        """``client`` and ``upstream`` are connected and non-blocking. ``up`` paces the bytes from the client, ``down``
        those to it. ``said`` is what the upstream has sent already: the first bytes that the client gets.
        """
        super().__init__(host, options, on_half)
        self._client, self._upstream = client, upstream
        self._said = said
        self._ended: asyncio.Future[None] = host.loop.create_future()
        self.up = Direction(self, client, upstream, up, UPWARDS)
        self.down = Direction(self, upstream, client, down, DOWNWARDS)

    async def run(self) -> Result:
        """See `TwoWay.run`."""
        self.host.wheel.start(self, self.options.idle_interval)
        self.up.watch(read=True, write=False)
        self.down.watch(read=True, write=False)
        if self._said:
            self.down.send_first(self._said)
        try:
            await self._ended
        finally:
            if self.result is None:
                self.abort(End.CANCELLED)
        assert self.result is not None  # noqa: S101 - abort() leaves a result in every case
        return self.result

    def sockets(self) -> tuple[socket.socket, socket.socket]:
        """See `TwoWay.sockets`."""
        return self._client, self._upstream

    def last_direction(self) -> bool:
        """Whether both directions are done."""
        return self.up.done and self.down.done

    def direction_done(self, direction: Direction) -> None:
        """One direction has passed its end on."""
        self.active = True
        if self.last_direction():
            self._end(FINISHED, None)
        elif self._on_half is not None:
            self._on_half(direction is self.up)

    def abort(self, end: End, error: OSError | None = None) -> None:
        """See `TwoWay.abort`."""
        if self.result is None:
            for sock in (self._client, self._upstream):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._end(end, error)

    def _end(self, end: End, error: OSError | None) -> None:
        self.result = self.so_far(end, error)
        self.host.wheel.forget(self)
        for sock in (self._client, self._upstream):
            self.host.poller.forget(sock.fileno())
        self.up.stop()
        self.down.stop()
        self._client.close()
        self._upstream.close()
        self._on_half = None
        if not self._ended.done():
            self._ended.set_result(None)
