"""What all connections and tasks of one server share."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..escaper.base import Escaper
from ..io.addresses import Peer, server_address
from ..io.pacing import SpeedLimit
from ..io.relay import RelayHost, RelayOptions, Result
from ..io.timers import Wheel
from ..log import Logger
from ..shared.memory import Counter, CounterGroup, Gauge
from ..task.errors import Reason
from ..task.notes import Event, TaskNotes
from ..upstream import Upstream


class ServerStats(CounterGroup):
    """Counters of one server since its start, by the names of g3's metrics."""

    connection_total: Counter
    listen_timeout: Counter
    """Connections whose TLS handshake did not come in time."""
    listen_dropped: Counter
    """Connections that the ingress filter refused."""
    task_total: Counter
    task_alive: Gauge
    dest_denied: Counter
    """Requests whose target the server's rules deny."""
    on_idle: Callable[[], None] | None = None
    """Called whenever the last running task has ended: a drain waits for it."""


@dataclass(frozen=True, slots=True)
class ServerContext:
    """One server on one event loop, as its tasks see it."""

    type_name: str
    """As the logs name it, ``HttpProxy`` for instance."""
    name: str
    loop: asyncio.AbstractEventLoop
    wheel: Wheel
    relays: RelayHost
    escaper: Escaper
    escapers: Mapping[str, Escaper]
    """All of them by their names: a route leads to any."""
    task_log: Logger
    escape_log: Logger
    relay_options: RelayOptions
    speed_limit: SpeedLimit | None = None
    """What each connection of a client may move (g3's ``tcp_sock_speed_limit`` of the server)."""
    log_created: bool = False
    log_connected: bool = False
    log_interval: float | None = None
    """Seconds between two periodic task logs, or None."""
    stats: ServerStats = field(default_factory=ServerStats)
    server_addr_wanted: bool = field(init=False)
    """Whether the log or the escaper wants to know which address a client has connected to."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "server_addr_wanted", self.task_log.enabled or self.escaper.wants_server_addr)

    @property
    def idle_seconds(self) -> float:
        """After so long without a byte a task is idle: as many idle checks as g3 makes."""
        return self.relay_options.idle_interval * self.relay_options.idle_count

    def begin_task(
        self, client: socket.socket, client_addr: Peer, upstream: Upstream, waiting_since: float
    ) -> TaskNotes:
        """A request is valid: account for it. Each task that begins ends in `end_task`; it logs its creation itself.

        ``waiting_since`` is when the wait for the request began, in seconds of a monotonic clock.
        """
        stats = self.stats
        stats.task_total += 1
        stats.task_alive += 1
        # Few want to know, and it costs a system call.
        server_addr = server_address(client, client_addr) if self.server_addr_wanted else None
        return TaskNotes(self.type_name, self.name, server_addr, client_addr, upstream, waiting_since)

    def end_task(
        self,
        notes: TaskNotes,
        task_type: str,
        reason: Reason,
        detail: str = "",
        *,
        moved: Result | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        """The task is over: account for it and write its log line, with ``more`` fields of its own kind."""
        stats = self.stats
        stats.task_alive -= 1
        if stats.on_idle is not None and not stats.task_alive:
            stats.on_idle()
        if self.task_log.enabled:
            notes.log(self.task_log, task_type, Event.FINISHED, reason, detail, moved, more)
