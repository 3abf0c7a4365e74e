"""Connections to one name server that are kept: as few as the questions need, never more than a few."""

import asyncio
from abc import abstractmethod
from collections import deque
from typing import Protocol

from g3_dns import Failure, Question, Response

from .transport import NoReplyError, Transport

MAX_CONNECTIONS = 8
"""Connections to one server. With 100 questions on each there is always room, unless the server hardly answers."""

MAX_RESTARTS = 2
"""Connections that may be closed under one question: a kept one by chance, another one not."""

CLOSED = "the server closes its connections without an answer"


class ConnectionOverError(Exception):
    """The connection was closed in order before the answer came: the question may be asked over another one."""


class KeptConnection(Protocol):
    """One connection."""

    @property
    def can_ask(self) -> bool:
        """Whether one more question may be asked now."""

    async def ask(self, question: Question) -> Response:
        """The answer. Raises NoReplyError and ConnectionOverError."""

    async def close(self) -> None:
        """End it; who still waits is told so."""


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
