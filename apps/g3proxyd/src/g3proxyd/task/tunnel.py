"""The tunnel behind an HTTP CONNECT or a SOCKS connect: the last stage of such a connection."""

import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..io.direction import End
from ..io.pacing import Pace, paces
from ..io.relay import Relay, Result
from ..io.stream import Stream
from ..io.stream_relay import StreamRelay
from .errors import Reason, TaskError
from .notes import Event, Stage, TaskNotes
from .periodic import start_periodic

if TYPE_CHECKING:
    from ..server.context import ServerContext

TASK_TYPE = "TcpConnect"

RELAYING, FINISHED, BOTH_CLOSED = Stage.RELAYING, Reason.FINISHED, End.FINISHED
"""For use here: CPython 3.11 takes 85 ns to look a member up in its class."""

REASONS = {
    End.FINISHED: Reason.FINISHED,
    End.CLIENT_READ: Reason.CLIENT_TCP_READ_FAILED,
    End.CLIENT_WRITE: Reason.CLIENT_TCP_WRITE_FAILED,
    End.UPSTREAM_READ: Reason.UPSTREAM_READ_FAILED,
    End.UPSTREAM_WRITE: Reason.UPSTREAM_WRITE_FAILED,
    End.IDLE: Reason.IDLE,
    End.CANCELLED: Reason.CANCELED_AS_SERVER_QUIT,
}


class Tunnel:
    """Relays until both sides are done, then writes the task's log line. It owns both ends."""

    __slots__ = ("_context", "_more", "_notes", "_relay", "_task_type")

    def __init__(
        self,
        context: "ServerContext",
        client: Stream | socket.socket,
        upstream: Stream | socket.socket,
        notes: TaskNotes,
        task_type: str = TASK_TYPE,
        more: dict[str, Any] | None = None,
    ) -> None:
        """``notes`` already count the bytes that went ahead of the tunnel.

        ``task_type`` is what the logs call the task, ``more`` are the fields that only this type of task has.
        """
        up: Sequence[Pace] = ()
        down: Sequence[Pace] = ()
        if context.speed_limit is not None or notes.connect.speed_limit is not None:
            up, down = paces(context.loop.time, context.speed_limit, notes.connect.speed_limit)
        self._context = context
        self._notes = notes
        self._task_type = task_type
        self._more = more
        on_half = self._log_half if context.task_log.enabled else None
        self._relay: Relay | StreamRelay
        if (isinstance(client, Stream) and not client.bare) or (isinstance(upstream, Stream) and not upstream.bare):
            self._relay = StreamRelay(
                context.relays, client, upstream, context.relay_options, up=up, down=down, on_half=on_half
            )
            return
        if isinstance(client, Stream):
            client, _ = client.detach()
        said = b""
        if isinstance(upstream, Stream):
            upstream, said = upstream.detach()
        self._relay = Relay(
            context.relays, client, upstream, context.relay_options, up=up, down=down, on_half=on_half, said=said
        )

    async def run(self) -> None:
        """Relay to the end; the connection is over then."""
        notes = self._notes
        notes.stage = RELAYING
        notes.ready = time.monotonic()
        periodic = start_periodic(self._context, self._log_periodic)
        try:
            await self._relay.run()
        finally:
            if periodic is not None:
                periodic.stop()
            result = self._relay.result
            if result is not None:
                error = "" if result.error is None else str(result.error)
                reason = FINISHED if result.end is BOTH_CLOSED else REASONS[result.end]
                self._context.end_task(notes, self._task_type, reason, error, moved=result, more=self._more)

    def _log_half(self, by_client: bool) -> None:
        event = Event.CLIENT_SHUTDOWN if by_client else Event.UPSTREAM_SHUTDOWN
        self._log(event, self._relay.so_far(End.FINISHED))

    def _log_periodic(self) -> None:
        self._log(Event.PERIODIC, self._relay.so_far(End.FINISHED))

    def _log(self, event: Event, moved: Result) -> None:
        self._notes.log(self._context.task_log, self._task_type, event, moved=moved, more=self._more)


async def send_ahead(
    context: "ServerContext", upstream: Stream | socket.socket, early: bytes, notes: TaskNotes
) -> None:
    """Send the bytes that a client sent behind its request: they belong to the tunnel. Raises TaskError."""
    if isinstance(upstream, Stream):
        await send_early(context, upstream, early)
    else:
        stream = context.relays.stream(upstream)
        try:
            await send_early(context, stream, early)
        finally:
            stream.detach()  # nothing was received, so the loop does not watch it
    notes.from_client += len(early)
    notes.to_upstream += len(early)


async def send_early(context: "ServerContext", upstream: Stream, early: bytes) -> None:
    """The same for who counts them in another way."""
    try:
        await upstream.send(early, context.idle_seconds)
    except TimeoutError:
        raise TaskError(Reason.IDLE, "the upstream takes no bytes", None) from None
    except OSError as error:
        raise TaskError(Reason.UPSTREAM_WRITE_FAILED, str(error), None) from None
