"""The process around a worker, a fork of the supervisor: what it inherits, what it is asked for, its signals."""

import asyncio
import ctypes
import gc
import logging
import os
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import uvloop
from g3_escape import Family

from ..config import Config
from ..config.escaper.floating import Publication
from ..config.values.resolve import QueryStrategy
from ..log import Loggers, make_loggers
from ..resolver import Resolver
from ..shared.memory import Row
from ..supervisor.link import Link
from ..supervisor.messages import Abandon, Commit, End, ForceQuit, Offline, Plan, Prepare, Publish, Resolve, Start, Stay
from ..supervisor.sockets import Key
from ..system import affinity, syslog
from ..system.syslog import Syslog
from .worker import Quit, Worker

log = logging.getLogger(__name__)

LOG_PATIENCE = 5.0
"""Seconds for the last log lines to be written at the end."""

PR_SET_PDEATHSIG = 1
"""Of <linux/prctl.h>."""

SIGNALS = {signal.SIGTERM: Quit.GRACEFUL, signal.SIGINT: Quit.AT_ONCE, signal.SIGQUIT: Quit.AT_ONCE}
"""What they mean to a worker whose supervisor is gone. While it lives, only the supervisor says what happens: a
terminal and systemd send their signals to all processes of a service at once."""


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What a worker has from the supervisor when it begins."""

    number: int
    """Workers are counted from 0; the log counts them from 1, as people do."""
    supervisor: int
    """The supervisor's process id."""
    config: Config
    plan: Plan
    sockets: Mapping[Key, socket.socket]
    """The listening sockets of the plan."""
    row: Row
    """Where it counts."""
    columns: Mapping[str, int]
    group: str = ""
    """The daemon group."""
    published: Mapping[str, Publication] = field(default_factory=dict)
    """What has been published, by the names of the escapers."""


def main(inheritance: Inheritance, link: socket.socket) -> int:
    """Be a worker until the end; return the exit code. Signals are blocked when it begins."""
    name_log_lines(f"worker {inheritance.number + 1}")
    die_with(inheritance.supervisor)
    wake_the_collector()
    setting = inheritance.config.worker.sched_affinity if inheritance.config.worker is not None else None
    affinity.apply(inheritance.number, setting)
    loggers = make_loggers(inheritance.config.log, inheritance.group)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(inheritance, link, loggers))
    finally:
        loggers.close(LOG_PATIENCE)
    return 0


def name_log_lines(name: str) -> None:
    """Let each line of the process log say which process it is from."""
    for handler in list(logging.getLogger().handlers):
        if isinstance(handler, Syslog):
            handler.after_fork()
            handler.setFormatter(logging.Formatter(f"{name}: {syslog.FORMAT}"))
        else:
            handler.setFormatter(logging.Formatter(f"%(asctime)s %(levelname)s {name}: %(message)s"))


def die_with(supervisor: int) -> None:
    """Have the kernel send SIGTERM when the supervisor dies, so that a worker drains instead of serving for ever."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != supervisor:  # it died before that
        signal.raise_signal(signal.SIGTERM)


def wake_the_collector() -> None:
    """Collect garbage again, but rarely: connections leave no reference cycles behind, so there is next to nothing."""
    gc.set_threshold(50_000, 20, 100)
    gc.enable()


async def serve(inheritance: Inheritance, sock: socket.socket, loggers: Loggers) -> None:
    """Serve on the running event loop."""
    loop = asyncio.get_running_loop()
    worker = Worker(inheritance.config, loggers, row=inheritance.row, published=inheritance.published)
    clerk = Clerk(worker, inheritance)
    link = Link(sock, clerk.answer, lambda: worker.quit(Quit.GRACEFUL))
    for number, how in SIGNALS.items():
        loop.add_signal_handler(number, _on_signal, worker, inheritance.supervisor, number, how)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        await worker.run()
    finally:
        link.close()


def _on_signal(worker: Worker, supervisor: int, number: signal.Signals, how: Quit) -> None:
    if os.getppid() != supervisor:
        log.warning("the supervisor is gone: going to end (%s)", how.value)
        worker.quit(how)


class Clerk:
    """Answers the supervisor's requests."""

    def __init__(self, worker: Worker, inheritance: Inheritance) -> None:
        self._worker = worker
        self._first = inheritance.config
        self._sockets = dict(inheritance.sockets)
        self._plan = inheritance.plan
        self._columns = inheritance.columns
        self._next_plan: Plan | None = None

    async def answer(self, request: Any, fds: list[int]) -> Any:
        """Do what is asked for; see `supervisor.messages`."""
        match request:
            case Start():
                self._build(self._first, self._columns)
                self._next_plan = self._plan
            case Prepare():
                self._prepare(request, fds)
            case Commit():
                self._commit()
            case Abandon():
                self._abandon()
            case Stay():
                self._worker.stay(online=request.online)
            case End():
                self._worker.quit(request.how)
            case Offline():
                return self._offline()
            case ForceQuit():
                return await self._force_quit(request.name)
            case Publish():
                self._worker.publish(request.escaper, request.publication)
            case Resolve():
                return await self._resolve(request)
            case _:
                raise TypeError(f"a worker does not know what {type(request).__name__} is")
        return None

    def _build(self, config: Config, columns: Mapping[str, int]) -> None:
        try:
            self._worker.prepare(config, columns)
        except ValueError:  # says what is wrong with the configuration
            raise
        except Exception:
            log.exception("the configuration cannot be built")
            raise

    def _prepare(self, request: Prepare, fds: list[int]) -> None:
        for key, fd in zip(request.new, fds, strict=True):
            self._sockets[key] = socket.socket(fileno=fd)
        self._next_plan = request.plan
        try:
            self._build(request.config, request.columns)
        except Exception:
            self._abandon()
            raise

    def _commit(self) -> None:
        if self._next_plan is not None:
            self._plan, self._next_plan = self._next_plan, None
        self._worker.commit({name: [self._sockets[key] for key in keys] for name, keys in self._plan.items()})
        # The others have been closed by the worker.
        self._keep_planned()

    def _abandon(self) -> None:
        self._next_plan = None
        self._worker.abandon()
        for sock in self._keep_planned():
            sock.close()

    def _keep_planned(self) -> list[socket.socket]:
        """Forget the sockets that are not in the plan, and return them."""
        planned = {key for keys in self._plan.values() for key in keys}
        return [self._sockets.pop(key) for key in list(self._sockets) if key not in planned]

    def _offline(self) -> dict[str, int]:
        connections: dict[str, int] = {}
        for server in self._worker.offline:
            connections[server.name] = connections.get(server.name, 0) + server.connections
        return connections

    async def _force_quit(self, name: str | None) -> int:
        servers = [server for server in self._worker.offline if name in (None, server.name)]
        await self._worker.force_quit(servers)
        return len(servers)

    async def _resolve(self, request: Resolve) -> list[str]:
        modules = self._worker.modules
        resolver = modules.resolvers.get(request.resolver) if modules is not None else None
        if resolver is None:
            raise ValueError(f"there is no resolver called {request.resolver!r} here")
        return await resolve(resolver, request.domain, request.strategy, request.delay)


async def resolve(resolver: Resolver, domain: str, strategy: QueryStrategy, delay: float) -> list[str]:
    """The addresses of a domain as text, best first; ``delay`` seconds is the wait for the preferred family.

    There may be none. Raises ResolveError if that is so because of a failure.
    """
    families = FAMILIES[strategy]
    asked = [asyncio.ensure_future(resolver.resolve(domain, family)) for family in families]
    try:
        first, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        if asked[0] not in first and any(not task.exception() and task.result().addresses for task in first):
            await asyncio.wait(asked[:1], timeout=delay)
        else:
            await asyncio.wait(asked)
        done = [task for task in asked if task.done()]
        found = [str(address) for task in done if task.exception() is None for address in task.result().addresses]
        errors = [error for task in done if (error := task.exception()) is not None]
        if errors and not found:
            raise errors[0]
        return found
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


FAMILIES = {
    QueryStrategy.IPV4_ONLY: (Family.IPV4,),
    QueryStrategy.IPV6_ONLY: (Family.IPV6,),
    QueryStrategy.IPV4_FIRST: (Family.IPV4, Family.IPV6),
    QueryStrategy.IPV6_FIRST: (Family.IPV6, Family.IPV4),
}
