"""One UDP association of a SOCKS5 client: the last stage of its TCP connection (RFC 1928 section 7).

There are two modes. The full one sends to any number of targets. In the simplified one of g3 the first datagram names
the one target, the socket towards it is connected, and a datagram to another target ends the session.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING

from g3_acl import unmap
from g3_socks import UdpAssociate

from ..escaper.base import ConnectNotes, SocketAddress, UdpHop, UdpOutlet
from ..escaper.errors import TcpConnectError
from ..io.mmsg import SLOT
from ..io.stream import Stream
from ..io.udp_pace import UdpPace, UdpSpeedLimit, udp_paces
from ..io.udp_socket import UdpSocket, set_buffers
from ..upstream import Upstream
from .errors import Reason, TaskError, from_connect_error
from .notes import Event, Stage
from .periodic import Periodic, start_periodic
from .socks_udp_control import ControlWatch
from .socks_udp_header import header_size, upstream_in
from .socks_udp_hop import HopRemote
from .socks_udp_notes import ASSOCIATE, CONNECT, UdpNotes
from .socks_udp_relay import SETTLE_MAX, UdpRelay
from .socks_udp_remote import Remote
from .socks_udp_targets import ManyTargets, OneTarget

if TYPE_CHECKING:
    from ..server.context import ServerContext
    from ..server.socks_udp import UdpEntrance

log = logging.getLogger(__name__)

Outcome = tuple[Reason, str]


class SocksUdp:
    """From the request to the end; it owns the UDP sockets, and listens to the TCP connection."""

    deadline: float | None = None
    bucket: int | None = None
    _idle = 0
    _control: Stream | None = None
    _watches: tuple[ControlWatch, ...] = ()
    _relay: UdpRelay | None = None
    _connecting: asyncio.Task[None] | None = None
    _outlet: UdpOutlet | None = None
    _speed_limit: UdpSpeedLimit | None = None
    _periodic: Periodic | None = None

    def __init__(
        self,
        context: "ServerContext",
        entrance: "UdpEntrance",
        notes: UdpNotes,
        request: UdpAssociate,
        permits: Callable[[Upstream], None],
        admits: Callable[[SocketAddress], bool],
    ) -> None:
        """Account for the task; it ends in `fail` or in `run`.

        ``permits`` raises TaskError for a target that the server's rules forbid; ``admits`` asks its ingress filter.
        """
        self._context = context
        self._entrance = entrance
        self._notes = notes
        self._request = request
        self._permits = permits
        self._admits = admits
        self._type = ASSOCIATE if entrance.full else CONNECT
        self._ended: asyncio.Future[Outcome] = context.loop.create_future()
        self._client: UdpSocket | None = None
        self._remotes: dict[tuple[UdpOutlet, int] | UdpHop, Remote] = {}
        entrance.associations += 1
        context.stats.task_total += 1
        context.stats.task_alive += 1
        if context.log_created:
            notes.log(context.task_log, self._type, Event.CREATED)

    def open(self, control: SocketAddress) -> SocketAddress:
        """Ask the escaper whether it has UDP, and open the client's socket; return where that listens.

        ``control`` is the local address of the TCP connection. Raises TcpConnectError and OSError; `fail` is still to
        be called.
        """
        notes = self._notes
        notes.stage = Stage.PREPARING
        notes.connect = ConnectNotes()
        if self._entrance.full:
            self._outlet = self._context.escaper.udp_associate(notes.connect, notes)
        client = self._client = notes.client = self._entrance.open(self._request, control)
        notes.udp_listen_addr = client.sock.getsockname()
        notes.stage = Stage.REPLYING
        return notes.udp_listen_addr

    def fail(self, reason: Reason, detail: str) -> None:
        """There will be no association."""
        self._close()
        self._context.end_task(self._notes, self._type, reason, detail)

    def hold(self, control: Stream) -> None:
        """The client has been told where to send to: its TCP connection lives as long as the association."""
        self._control = control

    async def run(self) -> None:
        """Relay until the TCP connection, the configuration or idleness ends it."""
        context = self._context
        outcome: Outcome = (Reason.CANCELED_AS_SERVER_QUIT, "")
        assert self._control is not None  # noqa: S101 - hold() was called
        assert self._client is not None  # noqa: S101 - open() was called
        try:
            self._watches = (ControlWatch(self._control, self._client_said),)
            context.relays.poller.add_reader(self._client.fd, self._first_readable)
            context.wheel.start(self, self._entrance.first_timeout)
            outcome = await self._ended
            if self._connecting is not None:
                self._connecting.cancel()
                await asyncio.gather(self._connecting, return_exceptions=True)
        finally:
            self._close()
            context.end_task(self._notes, self._type, *outcome)

    def timed_out(self) -> None:
        """The wheel's call: no first datagram came, or it is time for an idle check."""
        relay, options = self._relay, self._context.relay_options
        if relay is None:
            self._end(Reason.CLIENT_APP_TIMEOUT, "no datagram came in time")
            return
        self._idle = 0 if relay.active else self._idle + 1
        relay.active = False
        if self._idle >= options.idle_count:
            self._end(Reason.IDLE, "")
        else:
            self._context.wheel.start(self, options.idle_interval)

    def _end(self, reason: Reason, detail: str) -> None:
        if not self._ended.done():
            self._ended.set_result((reason, detail))
        if self._relay is not None:
            self._relay.close()

    def _close(self) -> None:
        context = self._context
        context.wheel.forget(self)
        for watch in self._watches:
            watch.cancel()
        if self._periodic is not None:
            self._periodic.stop()
        if self._connecting is not None:
            self._connecting.cancel()
        if self._relay is not None:
            self._note_counts(self._relay)
            self._relay.close()
        if self._client is not None:
            context.relays.poller.forget(self._client.fd)
            self._client.close()
        if self._outlet is not None:
            self._outlet.close()
        self._entrance.associations -= 1
        # Callbacks of ours keep us alive in a circle: break it here.
        self._relay = self._outlet = self._connecting = self._control = None
        self._watches = ()
        self._remotes.clear()

    def _client_said(self, said: bytes | OSError) -> None:
        if isinstance(said, OSError):
            self._end(Reason.CLIENT_TCP_READ_FAILED, str(said))
        elif said:
            self._end(Reason.INVALID_CLIENT_PROTOCOL, "bytes behind the request on the TCP connection")
        else:
            before = self._notes.udp_client_addr is None
            self._end(Reason.CLOSED_EARLY_BY_CLIENT if before else Reason.CLOSED_BY_CLIENT, "")

    def _proxy_said(self, remote: HopRemote, said: bytes | OSError) -> None:
        """On the TCP connection to the next proxy; some end it early, and go on relaying all the same."""
        if isinstance(said, OSError):
            self._end(Reason.UPSTREAM_READ_FAILED, str(said))
        elif said:
            self._end(Reason.INVALID_UPSTREAM_PROTOCOL, "bytes behind the reply on the TCP connection")
        elif remote.hop.ends_with_control or remote.received:
            self._end(Reason.CLOSED_BY_UPSTREAM, "")

    def _first_readable(self) -> None:
        """Look for the client among those who send to the socket: its first proper datagram fixes its address."""
        assert self._client is not None  # noqa: S101 - it is watched
        for _ in range(SETTLE_MAX):
            try:
                data, source = self._client.sock.recvfrom(SLOT)
            except OSError:
                return
            if not self._may_be_client(source):
                self._notes.foreign += 1
                continue
            self._client.received += 1
            self._client.received_bytes += len(data)
            size = header_size(data[:5])
            upstream = upstream_in(data[:size]) if 0 < size <= len(data) else None
            if upstream is None:
                continue
            try:
                self._client.sock.connect(source)
            except OSError as error:
                self._end(Reason.INTERNAL_SERVER_ERROR, str(error))
                return
            self._begin(data, data[:size], upstream, source)
            return

    def _may_be_client(self, source: SocketAddress) -> bool:
        """RFC 1928 section 7: only who asked may send.

        That is the address in the request; without one, that of the TCP connection, unless the families differ.
        """
        host, request = unmap(ip_address(source[0].partition("%")[0])), self._request
        asked = unmap(request.host)
        if int(asked):
            right = host == asked and request.port in (0, source[1])
        else:
            owner = unmap(ip_address(self._notes.client_addr[0].partition("%")[0]))
            right = host == owner or host.version != owner.version
        return right and self._admits(source)

    def _begin(self, data: bytes, header: bytes, upstream: Upstream, source: SocketAddress) -> None:
        notes, context, client = self._notes, self._context, self._client
        assert client is not None  # noqa: S101 - it was read from
        notes.udp_client_addr = source
        notes.initial = notes.upstream = upstream
        context.wheel.forget(self)
        context.relays.poller.remove_reader(client.fd)
        if self._outlet is None:
            notes.stage = Stage.CONNECTING
            self._connecting = context.loop.create_task(self._connect(data, header, upstream, source))
            return
        relay = self._make_relay(client, source)
        targets = ManyTargets(self._outlet, self._is_permitted, self._remote_of, self._lost)
        self._enter(relay)
        relay.start(targets, data, self._outlet.report)

    async def _connect(self, data: bytes, header: bytes, upstream: Upstream, source: SocketAddress) -> None:
        """The simplified mode: connect to the one target; datagrams of the client wait in the kernel meanwhile."""
        notes, context, client = self._notes, self._context, self._client
        assert client is not None  # noqa: S101 - it was read from
        try:
            self._permits(upstream)
            try:
                way = await context.escaper.udp_connect(upstream, notes.connect, notes)
            except TcpConnectError as error:
                raise from_connect_error(error) from None
        except TaskError as error:
            self._end(error.reason, error.detail)
            return
        except Exception as error:
            # A fault of ours ends this session, and no other may notice.
            log.exception("server %s: a UDP session of %s failed", notes.server_name, source[0])
            self._end(Reason.INTERNAL_SERVER_ERROR, str(error))
            return
        if self._ended.done():
            way.close()
            return
        notes.stage = Stage.CONNECTED
        if context.log_connected:
            notes.log(context.task_log, self._type, Event.CONNECTED)
        relay = self._make_relay(client, source)
        remote = self._add(relay, way, header)
        self._enter(relay)
        relay.start(OneTarget(header, upstream, remote, self._second_target), data)

    def _make_relay(self, client: UdpSocket, source: SocketAddress) -> UdpRelay:
        self._relay = UdpRelay(self._context.relays, client, source, self._entrance.sizes, *self._paces())
        return self._relay

    def _paces(self) -> tuple[UdpPace | None, UdpPace | None]:
        """By the limits of the server and the escaper."""
        self._speed_limit = self._notes.connect.udp_speed_limit
        return udp_paces(self._context.loop.time, self._entrance.speed_limit, self._speed_limit)

    def _enter(self, relay: UdpRelay) -> None:
        notes, context = self._notes, self._context
        notes.stage = Stage.RELAYING
        notes.ready = time.monotonic()
        context.wheel.start(self, context.relay_options.idle_interval)
        self._periodic = start_periodic(context, self._log_periodic)

    def _is_permitted(self, upstream: Upstream) -> bool:
        try:
            self._permits(upstream)
        except TaskError:
            return False
        return True

    def _remote_of(self, upstream: Upstream, way: int | UdpHop) -> Remote:
        """The socket for all targets of a hop, or of a version that go the same way. Raises TcpConnectError."""
        relay, outlet = self._relay, self._outlet
        assert relay is not None  # noqa: S101 - it asks
        assert outlet is not None  # noqa: S101 - it asks
        key: tuple[UdpOutlet, int] | UdpHop = way if isinstance(way, UdpHop) else (outlet.way(upstream), way)
        remote = self._remotes.get(key)
        if remote is None:
            remote = self._add(relay, key if isinstance(key, UdpHop) else key[0].open(key[1]))
            self._remotes[key] = remote
            if self._notes.connect.udp_speed_limit is not self._speed_limit:  # of an escaper that was chosen just now
                relay.pace(*self._paces())
        return remote

    def _add(self, relay: UdpRelay, way: socket.socket | UdpHop, header: bytes | None = None) -> Remote:
        """Let the relay use the socket, or the hop; ``header`` is that of the only target."""
        if isinstance(way, UdpHop):
            hop = HopRemote(way, header)
            self._watches += (ControlWatch(way.control, partial(self._proxy_said, hop)),)
            remote: Remote = hop
        else:
            remote = Remote(way, header)
        set_buffers(remote.sock, self._entrance.buffer)
        relay.add(remote)
        return remote

    def _lost(self, error: TcpConnectError) -> None:
        """No target can be reached."""
        failure = from_connect_error(error)
        self._end(failure.reason, failure.detail)

    def _second_target(self, upstream: Upstream) -> None:
        self._end(Reason.INVALID_CLIENT_PROTOCOL, f"a datagram to {upstream} in a session with {self._notes.upstream}")

    def _log_periodic(self) -> None:
        if self._relay is not None:
            self._note_counts(self._relay)
        self._notes.log(self._context.task_log, self._type, Event.PERIODIC)

    def _note_counts(self, relay: UdpRelay) -> None:
        self._notes.remotes = relay.remotes
        self._notes.foreign += relay.foreign
        relay.foreign = 0
