"""The life of one worker: start to listen, serve, drain, end."""

import asyncio
import logging
import socket
from enum import Enum

from ..config import Config
from ..log import Loggers
from .build import Modules

log = logging.getLogger(__name__)


class Quit(Enum):
    """How a worker is asked to end."""

    GRACEFUL = "let the running tasks finish"
    AT_ONCE = "cancel the running tasks"


class Worker:
    """Serves on one event loop until it is told to end."""

    def __init__(self, config: Config, loggers: Loggers, sockets: dict[str, list[socket.socket]]) -> None:
        """``sockets`` are the listening sockets by the name of their server; the worker owns them."""
        self._config = config
        self._loggers = loggers
        self._sockets = sockets
        self._graceful = asyncio.Event()
        self._at_once = asyncio.Event()

    def quit(self, how: Quit) -> None:
        """End gracefully or at once; the latter also cuts a graceful end short."""
        self._graceful.set()
        if how is Quit.AT_ONCE:
            self._at_once.set()

    async def run(self) -> None:
        """Serve until the end."""
        modules = Modules(self._config, self._loggers, asyncio.get_running_loop())
        try:
            for name, server in modules.servers.items():
                server.listen(self._sockets.pop(name, []))
                for address in server.addresses():
                    log.info("server %s listens on %s port %d", name, address[0], address[1])
            await self._graceful.wait()
            await self._drain(modules)
        finally:
            await self._end(modules)

    async def _drain(self, modules: Modules) -> None:
        """g3's order: keep listening for a successor's sake, close, then wait for the tasks that still run."""
        runtime = self._config.runtime
        for server in modules.servers.values():
            server.online = False
        await self._pause(runtime.server_offline_delay)
        for server in modules.servers.values():
            server.go_offline()
        if not any(server.stats.task_alive for server in modules.servers.values()):
            return
        await self._pause(runtime.task_wait_delay)
        alive = sum(server.stats.task_alive for server in modules.servers.values())
        log.info("offline; waiting for %d tasks", alive)
        done = asyncio.ensure_future(self._tasks_done(modules))
        stop = asyncio.ensure_future(self._at_once.wait())
        await asyncio.wait((done, stop), timeout=runtime.task_wait_timeout, return_when=asyncio.FIRST_COMPLETED)
        done.cancel()
        stop.cancel()
        await asyncio.gather(done, stop, return_exceptions=True)

    async def _tasks_done(self, modules: Modules) -> bool:
        for server in modules.servers.values():
            await server.tasks_done()
        return True

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or until the worker has to end at once."""
        try:
            async with asyncio.timeout(seconds):
                await self._at_once.wait()
        except TimeoutError:
            pass

    async def _end(self, modules: Modules) -> None:
        for server in modules.servers.values():
            server.go_offline()
        try:
            async with asyncio.timeout(self._config.runtime.task_quit_timeout):
                await asyncio.gather(*(server.abort() for server in modules.servers.values()))
        except TimeoutError:
            log.error("tasks did not end in time: %s", sum(s.connections for s in modules.servers.values()))
        await asyncio.gather(*(resolver.close() for resolver in modules.resolvers.values()))
        modules.close()
