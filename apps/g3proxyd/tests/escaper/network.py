"""A small network on the loopback, and a loop whose time is the test's.

Every address of 127.0.0.0/8 is this machine: one that listens, one whose port is closed, and one that never answers
because its queue is full. Connecting to any of these is decided in the kernel at once, so that virtual time is exact.
"""

import asyncio
import contextlib
import os
import selectors
import socket
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, TypeVar

from g3_escape import EgressPath, Family
from g3proxyd.log.logger import Sink
from g3proxyd.resolver.base import Answer, Query, Resolver
from g3proxyd.resolver.errors import ResolveError

T = TypeVar("T")

START = 1000.0
"""The virtual time at which each test begins."""


class _WarpingSelector(selectors.DefaultSelector):
    """Jumps to the next timer instead of waiting for it."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events and timeout is None:
            raise AssertionError("the test would wait for ever")
        if not events and timeout is not None:
            self.loop.now += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on which time passes only when there is nothing else to do."""

    def __init__(self) -> None:
        self.now = START
        selector = _WarpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now


def run_virtually(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a test in virtual time; no socket may be left open at its end."""
    before = open_sockets()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        result = runner.run(main())
    assert open_sockets() == before
    return result


def elapsed() -> float:
    """Virtual seconds since the test began."""
    return round(asyncio.get_running_loop().time() - START, 6)


def open_sockets() -> int:
    """How many sockets this process has open."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found += os.readlink(entry).startswith("socket:")
    return found


@dataclass
class Network:
    """Addresses that share one port."""

    port: int = 0
    sockets: list[socket.socket] = field(default_factory=list)

    def listen(self, host: str) -> socket.socket:
        """Answer at this address."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, self.port))
        sock.listen(128)
        sock.setblocking(False)
        self.port = sock.getsockname()[1]
        self.sockets.append(sock)
        return sock

    def hang(self, host: str) -> None:
        """Never answer at this address: the queue of connections is full, and the kernel drops further ones."""
        sock = self.listen(host)
        sock.listen(0)
        while True:
            client = socket.socket(sock.family)
            client.setblocking(False)
            self.sockets.append(client)
            client.connect_ex((host, self.port))
            try:
                client.getpeername()
            except OSError:
                return


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """A network for the length of the block."""
    made = Network()
    try:
        yield made
    finally:
        for sock in made.sockets:
            sock.close()


@dataclass
class FakeQuery(Query):
    """Under way until its timer fires."""

    timer: asyncio.TimerHandle | None = None
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True
        if self.timer is not None:
            self.timer.cancel()


class FakeResolver(Resolver):
    """Answers as the test says: after so many virtual seconds, at once for None, never without an entry."""

    type_name = "fake"

    def __init__(self, **script: tuple[float | None, str | ResolveError]) -> None:
        """``v4`` and ``v6``: when, and addresses with spaces between them or an error."""
        super().__init__("fake")
        self.script = {Family[f"IPV{name[1]}"]: entry for name, entry in script.items()}
        self.asked: list[tuple[str, Family]] = []
        self.queries: list[FakeQuery] = []

    def query(self, domain: str, family: Family, receive: Callable[[Answer], None]) -> Answer | Query:
        self.asked.append((domain, family))
        delay, said = self.script.get(family, (float("inf"), ""))
        if isinstance(said, ResolveError):
            answer = Answer((), said)
        else:
            answer = Answer(tuple(ip_address(text) for text in said.split()))
        if delay is None:
            return answer
        query = FakeQuery()
        self.queries.append(query)
        if delay < float("inf"):
            query.timer = asyncio.get_running_loop().call_later(delay, receive, answer)
        return query

    async def close(self) -> None:
        pass


class Records(Sink):
    """Keeps the records."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[dict[str, Any]] = []

    def write(self, record: dict[str, Any]) -> None:
        self.written.append(record)

    def close(self, patience: float) -> None:
        pass


@dataclass(frozen=True)
class Task:
    """A task as escapers see it."""

    task_id: str = "0123456789abcdef0123456789abcdef"
    client_addr: tuple[str, int] = ("192.0.2.9", 9)
    server_addr: tuple[str, int] | None = None
    user: str | None = None
    egress_path: EgressPath | None = None


def host(text: str) -> IPv4Address | IPv6Address:
    return ip_address(text)
