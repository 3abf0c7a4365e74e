"""A whole daemon on the test's own event loop, with scripted origins around it."""

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import yaml
from g3proxyd.config import Config, load
from g3proxyd.log import Logger, Loggers, Sink
from g3proxyd.worker.worker import Quit, Worker

Address = tuple[str, int]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

LOOPBACK = {"default": "permit", "permit": ["127.0.0.0/8", "::1"]}
"""An egress filter that lets the tests reach their own origins."""


class Records(Sink):
    """Keeps the log records of a test."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[dict[str, Any]] = []
        self._more = asyncio.Event()

    def write(self, record: dict[str, Any]) -> None:
        self.records.append({name: value for name, value in record.items() if value is not None})
        self._more.set()

    def close(self, patience: float) -> None:
        pass

    async def wait(self, count: int = 1, **fields: str) -> list[dict[str, Any]]:
        """Wait until so many records with these fields have come."""
        while True:
            found = [r for r in self.records if all(r.get(name) == value for name, value in fields.items())]
            if len(found) >= count:
                return found
            self._more.clear()
            await self._more.wait()


class Proxy:
    """A running daemon."""

    def __init__(self, worker: Worker, running: asyncio.Task[None], addresses: dict[str, Address], records: Records):
        self.worker = worker
        self.running = running
        self.addresses = addresses
        self.records = records

    @property
    def http(self) -> Address:
        return self.addresses["http"]

    @property
    def socks(self) -> Address:
        return self.addresses["socks"]

    async def task_record(self) -> dict[str, Any]:
        """The first finished task."""
        return (await self.records.wait(log_type="Task", task_event="Finished"))[0]


def listening() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(512)
    sock.setblocking(False)
    return sock


def configuration(
    http: dict[str, Any] | None = None,
    socks: dict[str, Any] | None = None,
    escaper: dict[str, Any] | None = None,
    resolver: dict[str, Any] | None = None,
    runtime: dict[str, Any] | None = None,
) -> Config:
    """An HTTP and a SOCKS proxy with further keys, read as the daemon reads its files."""
    document = {
        "runtime": {"server_offline_delay": "0s", "task_wait_delay": "0s", **(runtime or {})},
        "server": [
            {"name": "http", "type": "http_proxy", "escaper": "direct", **(http or {})},
            {"name": "socks", "type": "socks_proxy", "escaper": "direct", **(socks or {})},
            {"name": "closed", "type": "dummy_close"},
        ],
        "escaper": [
            {
                "name": "direct",
                "type": "direct_fixed",
                "resolver": "dns",
                "egress_network_filter": LOOPBACK,
                "resolve_redirection": {"origin.test": "127.0.0.1"},
                **(escaper or {}),
            }
        ],
        "resolver": [{"name": "dns", "type": "deny_all"} if resolver is None else {"name": "dns", **resolver}],
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "main.yml"
        path.write_text(yaml.safe_dump(document))
        return load(path)


@contextlib.asynccontextmanager
async def proxy(**sections: dict[str, Any]) -> AsyncIterator[Proxy]:
    """Run the daemon; the arguments are those of `configuration`."""
    records = Records()
    task, escape, resolve, audit = (Logger(kind, records) for kind in ("Task", "Escape", "Resolve", "Inspect"))
    loggers = Loggers(task, escape, resolve, audit)
    sockets = {name: listening() for name in ("http", "socks", "closed")}
    addresses = {name: sock.getsockname() for name, sock in sockets.items()}
    worker = Worker(configuration(**sections), loggers, {name: [sock] for name, sock in sockets.items()})
    running = asyncio.get_running_loop().create_task(worker.run())
    try:
        yield Proxy(worker, running, addresses, records)
    finally:
        worker.quit(Quit.AT_ONCE)
        await running


@contextlib.asynccontextmanager
async def origin(handler: Handler) -> AsyncIterator[Address]:
    """A server whose connections are all handled so."""
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            connections.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A handler that says what it hears."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


def replying(*replies: bytes) -> tuple[Handler, list[bytes]]:
    """A handler that reads heads and gives each the next reply; it closes after the last. And the heads it read."""
    heads: list[bytes] = []
    left = list(replies)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while left:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(left.pop(0))
            await writer.drain()

    return handler, heads


async def talk(address: Address, said: bytes, *, end: bool = False) -> bytes:
    """Say something, perhaps end our half, and return all that is answered."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(said)
        await writer.drain()
        if end:
            writer.write_eof()
        return await reader.read()
    finally:
        writer.close()


async def read_response(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """One response that has a Content-Length, or none: head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    return head, await reader.readexactly(length)
