"""Clients that count what fails while a daemon is reloaded, replaced and killed under them.

All of them, and the origins, live on one event loop in the test's own process.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

PATIENCE = 20.0
"""Seconds that one request, or one word through a tunnel, may take."""

HEAD_END = b"\r\n\r\n"


@dataclass
class Load:
    """What was asked for, and what became of it."""

    proxy: tuple[str, int]
    requests: int = 0
    failures: list[str] = field(default_factory=list)
    """Of requests."""
    spans: list[tuple[float, float]] = field(default_factory=list)
    """When the connection of each failed request began and when it failed, in seconds of the monotonic clock."""
    broken: list[str] = field(default_factory=list)
    """Tunnels that ended before we ended them."""
    dropped: int = 0
    """Kept connections that were closed while nothing was asked: clients notice and open another."""
    words: int = 0
    """Messages that went through tunnels and back."""
    slowest: float = 0.0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    @contextlib.asynccontextmanager
    async def running(self, *, rate: float = 100.0, kept: int = 4, tunnels: int = 4) -> AsyncIterator["Load"]:
        """Clients at work: new connections at ``rate`` a second together with ``kept`` ones, and tunnels that talk.

        ``rate`` is the number of requests a second; half of them come over the kept connections, if there are any.
        When it ends, everybody has finished what was begun.
        """
        async with origin() as at:
            self._at = at
            async with asyncio.TaskGroup() as group:
                opened = [asyncio.Event() for _ in range(tunnels)]
                for event in opened:
                    group.create_task(self._tunnel(event))
                for event in opened:
                    await event.wait()
                if rate:
                    group.create_task(self._arrivals(rate / 2 if kept else rate, group))
                for _ in range(kept if rate else 0):
                    group.create_task(self._keep_asking(rate / 2 / kept))
                try:
                    yield self
                finally:
                    self._stop.set()

    async def until(self, requests: int) -> None:
        """Wait until so many more requests have been answered, or have failed."""
        goal = self.requests + requests
        while self.requests < goal:
            await asyncio.sleep(0.005)

    def check(self) -> None:
        """Fail if anything did."""
        assert self.failures == []
        assert self.broken == []
        assert self.dropped == 0

    async def _arrivals(self, rate: float, group: asyncio.TaskGroup) -> None:
        """Open loop: the next request comes whether or not the last one was answered."""
        due = time.monotonic()
        while not self._stop.is_set():
            group.create_task(self._ask_once())
            due += 1 / rate
            await asyncio.sleep(max(due - time.monotonic(), 0.0))

    async def _ask_once(self) -> None:
        connection = Connection(self.proxy)
        try:
            await self._ask(connection, close=True)
        finally:
            connection.close()

    async def _keep_asking(self, rate: float) -> None:
        """One request after the other, on one connection as long as the proxy keeps it."""
        connection = Connection(self.proxy)
        while not self._stop.is_set():
            self.dropped += connection.reopen_if_dropped()
            await self._ask(connection)
            await asyncio.sleep(1 / rate)
        connection.close()

    async def _ask(self, connection: "Connection", *, close: bool = False) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                await connection.ask(self._at, close=close)
        except (OSError, EOFError, ValueError) as error:
            self.failures.append(f"request {self.requests}: {type(error).__name__} {error}")
            self.spans.append((connection.began, time.monotonic()))
            connection.close()
        self.requests += 1
        self.slowest = max(self.slowest, time.monotonic() - began)

    async def _tunnel(self, opened: asyncio.Event) -> None:
        connection = Connection(self.proxy)
        try:
            async with asyncio.timeout(PATIENCE):
                await connection.connect(self._at)
            opened.set()
            while not self._stop.is_set():
                async with asyncio.timeout(PATIENCE):
                    await connection.echo(b"word %d\n" % self.words)
                self.words += 1
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await self._stop.wait()
        except (OSError, EOFError, ValueError) as error:
            self.broken.append(f"{type(error).__name__} {error}")
        finally:
            opened.set()
            connection.close()


class Connection:
    """A client's connection, opened when it is needed."""

    def __init__(self, proxy: tuple[str, int]) -> None:
        self.began = 0.0
        """When it was last opened."""
        self._proxy = proxy
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def open(self) -> bool:
        return self._streams is not None

    async def ask(self, at: tuple[str, int], *, close: bool = False) -> None:
        """One request and its answer."""
        reader, writer = await self._open()
        more = b"Connection: close\r\n" if close else b""
        writer.write(b"GET http://%s:%d/ HTTP/1.1\r\nHost: %s:%d\r\n%s\r\n" % (*address(at), *address(at), more))
        head = await reader.readuntil(HEAD_END)
        if not head.startswith(b"HTTP/1.1 200 ") or await reader.readexactly(2) != b"ok":
            raise ValueError(head)
        if b"connection: close" in head.lower():
            self.close()

    async def connect(self, at: tuple[str, int]) -> None:
        """Become a tunnel."""
        reader, writer = await self._open()
        writer.write(b"CONNECT %s:%d HTTP/1.1\r\nHost: x\r\n\r\n" % address(at))
        head = await reader.readuntil(HEAD_END)
        if not head.startswith(b"HTTP/1.1 200 "):
            raise ValueError(head)

    async def echo(self, word: bytes) -> None:
        """Say a line and hear it."""
        reader, writer = await self._open()
        writer.write(word)
        if (heard := await reader.readexactly(len(word))) != word:
            raise ValueError(heard)

    def reopen_if_dropped(self) -> bool:
        """Whether the other side has closed; the next request takes another connection then."""
        if self._streams is None or not (self._streams[0].at_eof() or self._streams[1].is_closing()):
            return False
        self.close()
        return True

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self.began = time.monotonic()
            self._streams = await asyncio.open_connection(*self._proxy)
        return self._streams


def address(at: tuple[str, int]) -> tuple[bytes, int]:
    return at[0].encode(), at[1]


@contextlib.asynccontextmanager
async def origin() -> AsyncIterator[tuple[str, int]]:
    """A server that answers requests with ``ok`` and repeats every other line."""
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with contextlib.suppress(OSError, EOFError):
            while line := await reader.readline():
                if line.startswith(b"GET "):
                    while (await reader.readline()).strip():
                        pass
                    line = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                writer.write(line)
        writers.discard(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=4096)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()
        for writer in writers:
            writer.close()
