"""A daemon that does nothing, behind a real control socket."""

import asyncio
import contextlib
import socket
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from g3proxyd.config.values.resolve import QueryStrategy
from g3proxyd.control.connection import Handover, Limits
from g3proxyd.control.operations import (
    Change,
    Kind,
    ObjectChange,
    Operations,
    ReloadReport,
    ServerStatus,
    WorkerStatus,
    no_such,
)
from g3proxyd.control.server import ControlServer, peer_uid

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds that any wait may take before the test is said to hang."""

REPORT = ReloadReport(
    (ObjectChange(Kind.SERVER, "http", Change.REBUILT), ObjectChange(Kind.RESOLVER, "dns", Change.KEPT)),
    ("main.yml:1:2: server: odd",),
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory with a short path, as a socket needs it."""
    with tempfile.TemporaryDirectory(prefix="g3-") as path:
        yield Path(path)


class FakeOperations:
    """Remembers what it was asked; fails as told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.failure: Exception | None = None
        self.gate: asyncio.Event | None = None
        """Operations wait for it."""
        self.began = threading.Event()
        """An operation is under way."""
        self.report = REPORT
        self.remarks: tuple[str, ...] = ()
        """What is said of published data."""
        self.all_servers = (ServerStatus("http", True, 1, 2, 3), ServerStatus("old", False, 4, 5, 6))
        self.objects = {Kind.SERVER: ("http", "socks"), Kind.RESOLVER: ("dns",), Kind.ESCAPER: ("direct",)}

    async def _did(self, *call: Any) -> None:
        self.calls.append(call)
        self.began.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure

    async def version(self) -> str:
        await self._did("version")
        return "1.2.3"

    async def workers(self) -> tuple[WorkerStatus, ...]:
        await self._did("workers")
        return (WorkerStatus(0, 77, "running"),)

    async def servers(self) -> tuple[ServerStatus, ...]:
        await self._did("servers")
        return self.all_servers

    async def offline(self) -> None:
        await self._did("offline")

    async def cancel_shutdown(self) -> None:
        await self._did("cancel_shutdown")

    async def force_quit(self, name: str) -> None:
        await self._did("force_quit", name)

    async def force_quit_all(self) -> None:
        await self._did("force_quit_all")

    async def names(self, kind: Kind) -> tuple[str, ...]:
        await self._did("names", kind)
        return self.objects.get(kind, ())

    async def reload(self, kind: Kind | None = None, name: str | None = None) -> ReloadReport:
        await self._did("reload", kind, name)
        return self.report

    async def server_status(self, name: str) -> ServerStatus:
        await self._did("server_status", name)
        found = [server for server in self.all_servers if server.name == name]
        if not found:
            raise no_such("server", name, [server.name for server in self.all_servers])
        return found[0]

    async def resolver_query(
        self, name: str, domain: str, strategy: QueryStrategy, resolution_delay_ms: int
    ) -> tuple[str, ...]:
        await self._did("resolver_query", name, domain, strategy, resolution_delay_ms)
        return ("192.0.2.1", "2001:db8::1")

    async def escaper_publish(self, name: str, data: str) -> tuple[str, ...]:
        await self._did("escaper_publish", name, data)
        return self.remarks

    async def user_group_list_static(self, name: str) -> tuple[str, ...]:
        await self._did("user_group_list_static", name)
        return ("ann",)

    async def user_group_list_dynamic(self, name: str) -> tuple[str, ...]:
        await self._did("user_group_list_dynamic", name)
        return ("bob", "cy")

    async def user_group_publish_dynamic(self, name: str, users: str) -> None:
        await self._did("user_group_publish_dynamic", name, users)


class Serving:
    """A control server on a loop and a thread of its own."""

    def __init__(self, server: ControlServer, operations: FakeOperations, path: Path) -> None:
        self.server = server
        self.operations = operations
        self.path = path
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it on the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    def connect(self) -> socket.socket:
        """A bare connection."""
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(PATIENCE)
        sock.connect(str(self.path))
        return sock

    def say(self, data: bytes, *, half_close: bool = False) -> bytes:
        """Send bytes on a new connection; return all that comes until the server closes."""
        with self.connect() as sock:
            with contextlib.suppress(BrokenPipeError):
                sock.sendall(data)
                if half_close:
                    sock.shutdown(socket.SHUT_WR)
            return to_end(sock)


def to_end(sock: socket.socket) -> bytes:
    """All bytes until the end."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while data := sock.recv(65536):
            got += data
    return got


@contextlib.contextmanager
def serving(
    path: Path,
    operations: FakeOperations | None = None,
    limits: Limits | None = None,
    handover: Handover | None = None,
    uid_of: Callable[[socket.socket], int] = peer_uid,
) -> Iterator[Serving]:
    """Serve at the path; close at the end and see that nothing is left."""
    operations = operations or FakeOperations()
    checked: Operations = operations
    server = ControlServer(checked, [path], limits, handover, uid_of=uid_of)
    running = Serving(server, operations, path)
    running.thread.start()
    try:
        running.call(server.start())
        yield running
    finally:
        running.call(server.close())
        left = running.call(_others())
        running.loop.call_soon_threadsafe(running.loop.stop)
        running.thread.join(PATIENCE)
        assert not left
        assert not running.thread.is_alive()


async def _others() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()}
