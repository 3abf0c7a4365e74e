"""What the control socket can ask for, done by the supervisor."""

from __future__ import annotations

import importlib.metadata
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from ..config import ConfigError, load
from ..config.values.resolve import QueryStrategy
from ..control.operations import (
    Kind,
    OperationError,
    Reason,
    ReloadReport,
    ServerStatus,
    WorkerStatus,
    no_such,
)
from ..server.context import ServerStats
from .errors import ApplyError
from .link import LinkError, RefusedError
from .messages import ForceQuit, Offline, Resolve
from .publishing import publish
from .reload import changes, fixed_changes, merge, objects
from .supervisor import Supervisor

__all__ = ["SupervisorOperations"]

log = logging.getLogger(__name__)

PROGRAM = "g3proxyd"


class SupervisorOperations:
    """The operations of one daemon; see `control.operations.Operations` for what each is."""

    def __init__(self, supervisor: Supervisor, *, leave: Callable[[], bool], stay: Callable[[], bool]) -> None:
        """``leave`` and ``stay`` begin the graceful end and take it back: False where that changes nothing."""
        self._supervisor = supervisor
        self._leave = leave
        self._stay = stay

    async def version(self) -> str:
        """See Operations."""
        return importlib.metadata.version(PROGRAM)

    async def workers(self) -> tuple[WorkerStatus, ...]:
        """See Operations; a worker that waits for its replacement has the process id 0."""
        return tuple(
            WorkerStatus(slot.number + 1, slot.process.pid if slot.process is not None else 0, slot.state)
            for slot in self._supervisor.slots
        )

    async def servers(self) -> tuple[ServerStatus, ...]:
        """See Operations."""
        online = [self._status(name) for name in self._supervisor.config.servers]
        offline = [
            replace(self._status(name, online=False), alive_tasks=connections)
            for name, connections in sorted((await self._offline()).items())
        ]
        return (*online, *offline)

    async def offline(self) -> None:
        """See Operations."""
        self._leave()

    async def cancel_shutdown(self) -> None:
        """See Operations."""
        if not self._stay():
            closed = self._supervisor.closed
            text = "too late: the listening sockets are closed" if closed else "no shutdown is under way"
            raise OperationError(Reason.STATE, text)

    async def force_quit(self, name: str) -> None:
        """See Operations."""
        if not sum(await self._supervisor.ask_all(ForceQuit(name))):
            raise no_such("offline server", name, await self._offline())

    async def force_quit_all(self) -> None:
        """See Operations."""
        await self._supervisor.ask_all(ForceQuit(None))

    async def names(self, kind: Kind) -> tuple[str, ...]:
        """See Operations."""
        return tuple(objects(self._supervisor.config, kind))

    async def reload(self, kind: Kind | None = None, name: str | None = None) -> ReloadReport:
        """See Operations. The process log tells the outcome as well."""
        try:
            report = await self._reload(kind, name)
        except OperationError as error:
            for detail in error.details:
                log.error("reload: %s", detail)
            log.error("reload: nothing has changed: %s", error.text)
            raise
        for warning in report.warnings:
            log.warning("reload: %s", warning)
        counts = Counter(change.change.value for change in report.objects)
        log.info("reloaded: %s", ", ".join(f"{count} {what}" for what, count in counts.items()) or "nothing there")
        return report

    async def server_status(self, name: str) -> ServerStatus:
        """See Operations."""
        if name not in self._supervisor.config.servers:
            raise no_such("server", name, self._supervisor.config.servers)
        return self._status(name)

    async def resolver_query(
        self, name: str, domain: str, strategy: QueryStrategy, resolution_delay_ms: int
    ) -> tuple[str, ...]:
        """See Operations."""
        supervisor = self._supervisor
        if name not in supervisor.config.resolvers:
            raise no_such("resolver", name, supervisor.config.resolvers)
        await supervisor.settled()
        slot = next((slot for slot in supervisor.slots if slot.serving), None)
        if slot is None:
            raise OperationError(Reason.FAILED, "there is no worker to ask")
        try:
            return tuple(await slot.ask(Resolve(name, domain, strategy, resolution_delay_ms / 1000)))
        except RefusedError as error:
            raise OperationError(Reason.RESOLUTION, str(error)) from None
        except LinkError:
            raise OperationError(Reason.FAILED, f"{slot.name} ended before it had answered") from None

    async def escaper_publish(self, name: str, data: str) -> tuple[str, ...]:
        """See Operations."""
        return await publish(self._supervisor, name, data)

    async def user_group_list_static(self, name: str) -> tuple[str, ...]:
        """See Operations."""
        raise no_such("user group", name, ())

    async def user_group_list_dynamic(self, name: str) -> tuple[str, ...]:
        """See Operations."""
        raise no_such("user group", name, ())

    async def user_group_publish_dynamic(self, name: str, users: str) -> None:
        """See Operations."""
        raise no_such("user group", name, ())

    async def _reload(self, kind: Kind | None, name: str | None) -> ReloadReport:
        supervisor = self._supervisor
        async with supervisor.reloading:
            old = supervisor.config
            try:
                files = load(old.path)
            except ConfigError as error:
                text = f"the configuration has {len(error.problems)} problem{'s' if len(error.problems) != 1 else ''}"
                raise OperationError(Reason.CONFIGURATION, text, map(str, error.problems)) from None
            config = merge(old, files, kind, name)
            warnings = (*map(str, files.warnings), *fixed_changes(old, files))
            try:
                await supervisor.apply(config)
            except ApplyError as error:
                raise OperationError(Reason.FAILED, str(error)) from None
            found = changes(old, config)
        if kind is not None and name is not None:
            found = tuple(change for change in found if change.change.value != "kept" or change.name == name)
        return ReloadReport(found, warnings)

    def _status(self, name: str, *, online: bool = True) -> ServerStatus:
        supervisor = self._supervisor
        stats = supervisor.counters.totals(ServerStats, supervisor.layout.columns[f"server {name}"])
        open_ = online and not supervisor.closed
        return ServerStatus(name, open_, stats.task_alive, stats.connection_total, stats.task_total)

    async def _offline(self) -> dict[str, int]:
        connections: Counter[str] = Counter()
        for answer in await self._supervisor.ask_all(Offline()):
            connections.update(answer)
        return dict(connections)
