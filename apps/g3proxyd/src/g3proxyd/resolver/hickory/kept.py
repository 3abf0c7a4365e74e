"""Connections to one name server that are kept: as few as the questions need, never more than a few."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Protocol

from g3_dns import Failure, Lost, Question, Response

from .transport import NoReplyError, Transport

MAX_CONNECTIONS = 8
"""Connections to one server. With 100 questions on each there is always room, unless the server hardly answers."""

MAX_RESTARTS = 2
"""Connections that may be closed under one question: a kept one by chance, another one not."""

CLOSED = "the server closes its connections without an answer"


class ConnectionOverError(Exception):
    """The connection was closed in order before the answer came: the question may be asked over another one."""


class Client(Protocol):
    """What all machines of a connection can do."""

    @property
    def can_ask(self) -> bool: ...

    def ask(self, question: Question, now: float) -> int: ...


class KeptConnection(ABC):
    """One connection, and those who wait for answers over it."""

    def __init__(self, client: Client, on_room: Callable[[], None], on_end: Callable[["KeptConnection"], None]) -> None:
        """``on_room`` is called when another question may be asked, ``on_end`` once at the end."""
        self._loop = asyncio.get_running_loop()
        self._client = client
        self._on_room = on_room
        self._on_end = on_end
        self._waiting: dict[int, asyncio.Future[Response]] = {}
        self._over = False

    @property
    def can_ask(self) -> bool:
        """Whether one more question may be asked now."""
        return not self._over and self._client.can_ask

    async def ask(self, question: Question) -> Response:
        """The answer. Raises NoReplyError and ConnectionOverError."""
        query = self._client.ask(question, self._loop.time())
        answer: asyncio.Future[Response] = self._loop.create_future()
        self._waiting[query] = answer
        self._asked()
        return await answer

    @abstractmethod
    async def close(self) -> None:
        """End it; who still waits is told so."""

    @abstractmethod
    def _asked(self) -> None:
        """The client has something to send."""

    def _settle(self, event: Response | Lost) -> None:
        """Tell who waits for it."""
        answer = self._waiting.pop(event.query)
        if not answer.done():
            if isinstance(event, Response):
                answer.set_result(event)
            else:
                answer.set_exception(NoReplyError(event.failure))
        self._on_room()

    def _give_up(self, error: Exception) -> None:
        """Tell all who still wait."""
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(error)


class KeptTransport(Transport):
    """One name server, over connections."""

    def __init__(self, connect_timeout: float) -> None:
        """``connect_timeout`` is in seconds."""
        self._connect_timeout = connect_timeout
        self._connections: list[KeptConnection] = []
        self._opening: asyncio.Task[NoReplyError | None] | None = None
        self._waiters: deque[asyncio.Future[None]] = deque()

    async def ask(self, question: Question) -> Response:
        """See `Transport.ask`."""
        for _ in range(MAX_RESTARTS):
            connection = await self._with_room()
            try:
                return await connection.ask(question)
            except ConnectionOverError:
                continue
        raise NoReplyError(Failure.UNREACHABLE, CLOSED)

    async def close(self) -> None:
        """See `Transport.close`."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait((self._opening,))
        while self._connections:
            await self._connections[-1].close()

    @abstractmethod
    async def _connect(self) -> KeptConnection:
        """Open a connection, which calls `_wake` when another question may be asked, and `_forget` at its end.

        To cancel it leaves nothing open. Raises OSError.
        """

    async def _with_room(self) -> KeptConnection:
        """A connection that takes another question right now. Raises NoReplyError."""
        opened = 0
        while True:
            for connection in self._connections:
                if connection.can_ask:
                    return connection
            if self._opening is None and len(self._connections) >= MAX_CONNECTIONS:
                await self._until_room()
                opened = 0
                continue
            # Others may have filled each of them; but there is no end where a server closes what it has just accepted.
            if opened == MAX_CONNECTIONS:
                raise NoReplyError(Failure.UNREACHABLE, CLOSED)
            opened += 1
            if self._opening is None:
                self._opening = asyncio.get_running_loop().create_task(self._open())
            if (error := await asyncio.shield(self._opening)) is not None:
                raise NoReplyError(error.failure, error.detail)

    async def _until_room(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._wake()  # the room is for the next one then
            raise

    def _wake(self) -> None:
        """There is room for one more."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _forget(self, connection: KeptConnection) -> None:
        self._connections.remove(connection)
        self._wake()  # who has waited for room opens another one

    async def _open(self) -> NoReplyError | None:
        """Open one more connection for all who wait; it goes on when they have given up. Returns why there is none."""
        try:
            async with asyncio.timeout(self._connect_timeout):
                connection = await self._connect()
        except TimeoutError:
            return NoReplyError(Failure.TIMEOUT, "no connection in time")
        except OSError as error:
            return NoReplyError(Failure.UNREACHABLE, str(error))
        finally:
            self._opening = None
            while self._waiters:  # all of them find room, or wait for the next connection together
                self._wake()
        self._connections.append(connection)
        return None
