"""Asking a service over UDP, with a cache in front of it: the driver of `g3_escape.QueryCache`."""

import asyncio
import socket
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Hashable
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Generic, TypeVar

from g3_escape import Answer, Answered, QueryCache, QueryLimits, SendQuery

from ..io.udp_socket import open_udp

if TYPE_CHECKING:
    from ..config.values.address import SocketAddress
    from ..config.values.socket_buffer import SocketBuffer

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

TURN = 64
"""Datagrams that are read before others get their turn."""


class ServiceStats:
    """What has passed between a worker and a service."""

    __slots__ = ("answered", "failed", "ignored", "queries")

    def __init__(self) -> None:
        self.queries = 0
        """Questions that were sent."""
        self.answered = 0
        """Answers to questions that were open."""
        self.ignored = 0
        """Datagrams that were no answer to an open question: malformed, too large, too late, or never asked for."""
        self.failed = 0
        """Questions that could not be sent, or met a closed port."""


class ServiceClient(ABC, Generic[K, V]):
    """Asks one service, with one socket, about ``K``; it answers with ``V``. Lives on one event loop.

    The socket is connected, so that the kernel drops what others send, and is opened with the first question.
    """

    def __init__(
        self, address: "SocketAddress", limits: QueryLimits, buffer: "SocketBuffer | None", largest: int
    ) -> None:
        """``largest`` is the size of the largest answer in bytes."""
        self.stats = ServiceStats()
        self._address = address
        self._limits = limits
        self._buffer = buffer
        self._largest = largest
        self._cache: QueryCache[K, V] = QueryCache(limits)
        self._open: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()
        """By what an answer says that it answers: the number of the query, and when it is over."""
        self._waiting: dict[int, asyncio.Future[Answer[V] | None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sock: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._closed = False

    @abstractmethod
    def pack(self, key: K) -> tuple[Hashable, bytes]:
        """Return what an answer will say that it answers, and the question."""

    @abstractmethod
    def read(self, data: bytes) -> bool:
        """Take a datagram, perhaps with `answer`; return whether it was of any use."""

    def known(self, key: K) -> Answer[V] | None:
        """What is known without asking."""
        return self._cache.find(key, self.loop.time()) if self._sock is not None else None

    async def ask(self, key: K) -> V | None:
        """What the service says, or None for nothing; never longer than the limits let a request wait."""
        if self._closed:
            return None
        now = self.loop.time()
        answer = self._cache.find(key, now)
        if answer is None:
            ticket = self._cache.wait(key, now)
            future = self._waiting[ticket] = self.loop.create_future()
            self._obey()
            try:
                answer = await future
            finally:
                if self._waiting.pop(ticket, None) is not None:
                    self._cache.leave(ticket)
        return None if answer is None else answer.value

    def answer(self, asked: Hashable, value: V | None, ttl: float) -> bool:
        """The service has answered; return whether it was asked this. ``value`` is None for nothing."""
        number, _ = self._open.pop(asked, (-1, 0.0))
        if number < 0:
            return False
        self._cache.answered(number, value, ttl, self.loop.time())
        self._obey()
        return True

    async def close(self) -> None:
        """Ask nothing any more; whoever waits gets no answer."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._sock is not None:
            self.loop.remove_reader(self._sock)
            self._sock.close()
            self._sock = None
        for future in self._waiting.values():
            if not future.done():
                future.set_result(None)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that the first question was asked on."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def _obey(self) -> None:
        """Do what the cache wants done, then arm its timer."""
        while (action := self._cache.next_action()) is not None:
            match action:
                case SendQuery(key, number):
                    self._send(key, number)
                case Answered(ticket, answer):
                    future = self._waiting.pop(ticket)
                    if not future.done():
                        future.set_result(answer)
        due = self._cache.next_timeout()
        if due != self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = due
            self._timer = None if due is None else self.loop.call_at(due, self._due, due)

    def _due(self, due: float) -> None:
        self._timer = self._timer_at = None
        # The clock of the loop may be coarser than the timer was: what fired is due.
        now = max(due, self.loop.time())
        while self._open and (first := next(iter(self._open.items())))[1][1] <= now:
            del self._open[first[0]]
        self._cache.handle_timeout(now)
        self._obey()

    def _send(self, key: K, number: int) -> None:
        now = self.loop.time()
        asked, question = self.pack(key)
        try:
            if self._sock is None:
                self._sock = self._connect()
            try:
                self._sock.send(question)
            except ConnectionRefusedError:
                self._sock.send(question)  # that was told of an earlier datagram, which met a closed port
        except BlockingIOError:
            pass  # lost, as any datagram may be
        except OSError:
            self.stats.failed += 1
            self._cache.query_failed(number, now)
            return
        self.stats.queries += 1
        self._open[asked] = (number, now + self._limits.query_timeout)

    def _connect(self) -> socket.socket:
        host, port = self._address.host, self._address.port
        six = isinstance(host, IPv6Address)
        sock = open_udp(("::", 0, 0, 0) if six else ("0.0.0.0", 0), buffer=self._buffer)  # noqa: S104 - connected next
        try:
            sock.connect((str(host), port))
        except OSError:
            sock.close()
            raise
        self.loop.add_reader(sock, self._readable, sock)
        return sock

    def _readable(self, sock: socket.socket) -> None:
        for _ in range(TURN):
            try:
                data = sock.recv(self._largest + 1)
            except BlockingIOError:
                return
            except OSError:
                self._fail_all()
                return
            if len(data) <= self._largest and self.read(data):
                self.stats.answered += 1
            else:
                self.stats.ignored += 1

    def _fail_all(self) -> None:
        """Nobody listens: no open question will be answered."""
        now = self.loop.time()
        self.stats.failed += len(self._open)
        for number, _ in self._open.values():
            self._cache.query_failed(number, now)
        self._open.clear()
        self._obey()
