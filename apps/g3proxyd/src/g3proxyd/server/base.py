"""What every server does with a connection before its protocol begins: filter, account, run its stages."""

import asyncio
import logging
import socket
from abc import ABC, abstractmethod
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

from g3_acl import Action, NetworkRule

from ..io.listener import AnyListener, Listener, Peer
from ..io.listening import hold_back
from ..io.sockopts import adjust_options
from ..io.stream import Stream
from ..task.errors import forbidden
from ..upstream import Upstream
from .context import ServerContext
from .destination import DestinationFilter

if TYPE_CHECKING:
    from ..config.values.sockopts import TcpMiscSockOpts

log = logging.getLogger(__name__)


class Stage(Protocol):
    """One part of a connection's life: it owns its streams and hands them on to the stage that it returns."""

    async def run(self) -> "Stage | None":
        """Do the part; return what comes next, or None when the connection is over."""


class Server(ABC):
    """An entrance on one event loop."""

    type_name: str
    """As the logs name it, ``HttpProxy`` for instance."""

    def __init__(
        self,
        context: ServerContext,
        ingress: NetworkRule | None = None,
        destinations: DestinationFilter | None = None,
    ) -> None:
        """``ingress`` decides by the client's address, before a byte is read; ``destinations`` by the target."""
        self.name = context.name
        self.context = context
        self.stats = context.stats
        self._ingress = ingress
        self._destinations = destinations
        self._listeners: list[AnyListener] = []
        self._connections: set[asyncio.Task[None]] = set()
        self.socket_options: TcpMiscSockOpts | None = None
        """What sockets that come from a port need, beside what those of this server's own listeners have already."""
        self.online = True
        """False once the server is draining: no request may keep its connection open then."""

    @abstractmethod
    def first_stage(self, stream: Stream, peer: Peer) -> Stage | None:
        """How the life of a connection begins; None closes it."""

    def listener(self, sock: socket.socket) -> AnyListener:
        """What takes the clients of a listening socket that no server of its kind has had yet."""
        return Listener(self.context.loop, sock, self.accept)

    def adopt(self, listener: AnyListener) -> None:
        """Take the connections of this listener, and begin to if nobody did before; the server owns it."""
        assert isinstance(listener, Listener)  # noqa: S101 - a socket keeps its kind
        listener.hand_to(self.accept)
        listener.start()
        self._listeners.append(listener)

    def release(self) -> list[AnyListener]:
        """Give the listeners away: the caller owns them, and until it says otherwise the server gets what they take."""
        listeners, self._listeners = self._listeners, []
        return listeners

    def accept(self, sock: socket.socket, peer: Peer) -> None:
        """Take a fresh connection from a listener."""
        if self._ingress is not None and not self._admits(self._ingress, peer):
            self.stats.listen_dropped += 1
            sock.close()
            return
        self.stats.connection_total += 1
        task = self.context.loop.create_task(self._live(sock, peer), name="connection")
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    def enter(self, stream: Stream, peer: Peer) -> Stage | None:
        """The first stage for a connection that a port took: its bytes and its addresses are those that the port says.

        None when this server's ingress filter does not admit the client. The connection stays the port's.
        """
        if self._ingress is not None and not self._admits(self._ingress, peer):
            self.stats.listen_dropped += 1
            return None
        self.stats.connection_total += 1
        if self.socket_options is not None:
            adjust_options(stream.sock, self.socket_options)
        return self.first_stage(stream, peer)

    def check_destination(self, upstream: Upstream) -> None:
        """Raise TaskError when the rules of this server forbid the target."""
        if self._destinations is not None and not self._destinations.permits(upstream):
            self.stats.dest_denied += 1
            raise forbidden("target dest denied")

    def hold_back(self) -> None:
        """Let no new handshakes begin at the listening sockets: see `io.listening.hold_back`."""
        for listener in self._listeners:
            hold_back(listener.sock)

    def go_offline(self) -> set[asyncio.Task[None]]:
        """Take what waits at the listening sockets and close them; running tasks go on.

        Returns the connections that were taken from there: they have had no time for a request yet.
        """
        self.online = False
        before = set(self._connections)
        for listener in self.release():
            listener.drain()
        return self._connections - before

    def retire(self) -> None:
        """Another server has taken the place of this one, which keeps what it has."""
        self.online = False

    @property
    def connections(self) -> int:
        """Connections that are alive, with or without a running task."""
        return len(self._connections)

    async def tasks_done(self) -> None:
        """Wait until no task is running; connections that idle between two requests do not count."""
        done = asyncio.Event()
        self.stats.on_idle = done.set
        if self.stats.task_alive:
            await done.wait()

    async def connections_done(self) -> None:
        """Wait until the last connection has ended."""
        while self._connections:
            await asyncio.wait(self._connections)

    async def abort(self) -> None:
        """Cancel what is left of the connections and wait until they are gone."""
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _live(self, sock: socket.socket, peer: Peer) -> None:
        stream = Stream(self.context.relays.poller, sock, self.context.wheel)
        try:
            stage: Stage | None = self.first_stage(stream, peer)
            while stage is not None:
                stage = await stage.run()
        except Exception:
            # The last resort: one connection may fail for a reason of ours, and no other may notice.
            log.exception("server %s: a connection from %s failed", self.name, peer[0])
        finally:
            stream.close()

    def _admits(self, rule: NetworkRule, peer: Peer) -> bool:
        action = rule.check(ip_address(peer[0].partition("%")[0]))
        if action in (Action.FORBID_LOG, Action.PERMIT_LOG):
            log.info("server %s: %s a client at %s", self.name, "admits" if action.permits else "drops", peer[0])
        return action.permits
