"""The life of one worker: start to listen, serve, take over new configurations, drain, end."""

import asyncio
import logging
import socket
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from ..config import Config
from ..config.escaper.floating import Publication
from ..escaper.floating import Floating
from ..io.listening import HANDSHAKES
from ..io.waiting import wait_at_most
from ..log import Loggers
from ..server.base import Server
from ..shared.memory import Row
from .build import Base, Helper, Modules

log = logging.getLogger(__name__)


LATE_PATIENCE = 3.0
"""Seconds for the first request on a connection that was taken from the queue as the sockets closed."""


class Quit(Enum):
    """How a worker is asked to end."""

    GRACEFUL = "let the running tasks finish"
    """Listen for ``server_offline_delay`` yet."""
    OFFLINE = "let the running tasks finish, the sockets are closed"
    """Somebody has waited already."""
    REPLACED = "let the open connections finish, a successor has the sockets"
    """There is no hurry: even a connection that idles between two requests may stay."""
    AT_ONCE = "cancel the running tasks"


class Worker:
    """Serves on one event loop until it is told to end."""

    def __init__(
        self,
        config: Config,
        loggers: Loggers,
        sockets: Mapping[str, Sequence[socket.socket]] | None = None,
        *,
        row: Row | None = None,
        published: Mapping[str, Publication] | None = None,
    ) -> None:
        """Serve with this configuration on these sockets; without sockets, wait for `prepare` and `commit`.

        ``sockets`` are the listening sockets by the name of their server; the worker owns them. ``row`` is where it
        counts; without one, counters are private. ``published`` is what was published before, by names of escapers.
        """
        self._row = row
        self._config = config
        self._loggers = loggers
        self._sockets = sockets
        self._published = dict(published or {})
        self._base: Base | None = None
        self._modules: Modules | None = None
        self._next: Modules | None = None
        self._retired: dict[Server, set[Helper]] = {}
        self._closing: set[Helper] = set()
        self._chores: set[asyncio.Task[None]] = set()
        self._leave = asyncio.Event()
        self._at_once = asyncio.Event()
        self._closed = False
        self._how = Quit.GRACEFUL

    @property
    def modules(self) -> Modules | None:
        """What serves now; None before the first `commit`."""
        return self._modules

    @property
    def offline(self) -> list[Server]:
        """Servers that accept nothing any more: replaced or removed ones with connections, and all in a drain."""
        return self._servers() if self._closed else list(self._retired)

    def prepare(self, config: Config, columns: Mapping[str, int] | None = None) -> None:
        """Build what is new in a configuration, next to what serves. Raises ValueError if that cannot be.

        ``columns`` tells where in the row the counters of each object begin.
        """
        self.abandon()
        if self._base is None:
            self._base = Base(self._loggers, asyncio.get_running_loop(), self._row, self._published)
        self._next = Modules(config, self._base, self._modules, columns)

    def abandon(self) -> None:
        """Drop what was prepared, if anything was."""
        dropped, self._next = self._next, None
        if dropped is not None:
            self._close_helpers(dropped.helpers - self._helpers_in_use())

    def commit(self, sockets: Mapping[str, Sequence[socket.socket]]) -> None:
        """Serve with what was prepared, on these sockets alone, from this moment on; the worker owns them.

        A socket that a server had before is not closed, whichever server has it now. What waits at the others is
        taken before they are closed, by the server that had them.
        """
        before, self._modules, self._next = self._modules, self._next or self._modules, None
        modules = self._modules
        if modules is None:
            raise RuntimeError("commit before prepare")
        self._config = modules.config
        old = list(before.servers.values()) if before is not None else []
        listeners = {listener.sock: listener for server in old for listener in server.release()}
        for name, server in modules.servers.items():
            for sock in sockets.get(name, ()):
                server.adopt(listeners.pop(sock) if sock in listeners else server.listener(sock))
        current = set(modules.servers.values())
        gone = [server for server in old if server not in current]
        for server in gone:
            server.retire()
        for listener in listeners.values():
            listener.drain()
        for server in gone:
            if before is not None and server.connections:
                self._retired[server] = before.helpers_of(server)
                self._chore(self._bury(server))
        if before is not None:
            self._close_helpers(before.helpers - self._helpers_in_use())

    def publish(self, name: str, publication: Publication) -> None:
        """Let all escapers of this name go the published ways, retired ones and those to come as well."""
        self._published[name] = publication
        helpers = self._helpers_in_use() | (self._next.helpers if self._next is not None else set())
        for helper in helpers:
            if isinstance(helper, Floating) and helper.name == name and helper.config_type == publication.type:
                helper.publish(publication)

    def stay(self, *, online: bool) -> None:
        """While a server is not online, connections end with the answer to their next request; it still accepts."""
        if self._modules is not None:
            for server in self._modules.servers.values():
                server.online = online

    def quit(self, how: Quit) -> None:
        """End in this way; the ones that are quicker cut the others short."""
        if not self._leave.is_set():
            self._how = how
        self._leave.set()
        if how is Quit.AT_ONCE:
            self._at_once.set()

    async def force_quit(self, servers: Iterable[Server]) -> None:
        """End all connections of these servers, which are offline."""
        await asyncio.gather(*(server.abort() for server in servers))

    async def run(self) -> None:
        """Serve until the end."""
        try:
            if self._sockets is not None:
                self.prepare(self._config)
                self.commit(self._sockets)
            await self._leave.wait()
            await self._drain()
        finally:
            await self._end()

    def _servers(self) -> list[Server]:
        return [*(self._modules.servers.values() if self._modules is not None else ()), *self._retired]

    async def _drain(self) -> None:
        """g3's order: keep listening for a successor's sake, close, then wait for the tasks that still run."""
        runtime = self._config.runtime
        self.stay(online=False)
        if self._how is Quit.GRACEFUL:
            await wait_at_most(runtime.server_offline_delay, self._at_once)
            for server in self._servers():
                server.hold_back()
            await wait_at_most(HANDSHAKES, self._at_once)
        late: set[asyncio.Task[None]] = set().union(*(server.go_offline() for server in self._servers()))
        self._closed = True
        if self._how is Quit.REPLACED:
            await self._wait_for(self._connections_done(), runtime.task_wait_timeout)
            return
        await self._wait_for(self._connections_done(), runtime.task_wait_delay)
        if late:
            await self._wait_for(asyncio.wait(late), LATE_PATIENCE)
        if alive := self._alive():
            log.info("offline; waiting for %d tasks", alive)
        await self._wait_for(self._tasks_done(), runtime.task_wait_timeout)

    async def _wait_for(self, work: Coroutine[Any, Any, object], seconds: float) -> None:
        """Wait for something for so long at most, or until the worker has to end at once."""
        done, stop = asyncio.ensure_future(work), asyncio.ensure_future(self._at_once.wait())
        await asyncio.wait((done, stop), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        done.cancel()
        stop.cancel()
        await asyncio.gather(done, stop, return_exceptions=True)

    def _alive(self) -> int:
        return sum(stats.task_alive for stats in {server.stats for server in self._servers()})

    async def _tasks_done(self) -> None:
        # A task of one server may end while another's are waited for, and none begins on a closed socket; but a kept
        # connection may bring one more.
        while self._alive():
            for server in self._servers():
                await server.tasks_done()

    async def _connections_done(self) -> None:
        while any(server.connections for server in self._servers()):
            for server in self._servers():
                await server.connections_done()

    async def _end(self) -> None:
        self.abandon()
        servers = self._servers()
        for server in servers:
            server.go_offline()
        try:
            async with asyncio.timeout(self._config.runtime.task_quit_timeout):
                await asyncio.gather(*(server.abort() for server in servers))
        except TimeoutError:
            log.error("tasks did not end in time: %s", sum(server.connections for server in servers))
        self._retired.clear()
        if self._modules is not None:
            self._close_helpers(self._modules.helpers)
        while self._chores:
            await asyncio.wait(self._chores)
        if self._base is not None:
            self._base.close()

    async def _bury(self, server: Server) -> None:
        """Forget a retired server, and what only it has used, once its last connection has ended."""
        await server.connections_done()
        helpers = self._retired.pop(server, set())
        self._close_helpers(helpers - self._helpers_in_use())

    def _helpers_in_use(self) -> set[Helper]:
        used = self._modules.helpers if self._modules is not None else set()
        return used.union(*self._retired.values())

    def _close_helpers(self, helpers: set[Helper]) -> None:
        for helper in helpers - self._closing:
            self._closing.add(helper)
            self._chore(self._close_helper(helper))

    async def _close_helper(self, helper: Helper) -> None:
        try:
            await helper.close()
        finally:
            self._closing.discard(helper)

    def _chore(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
