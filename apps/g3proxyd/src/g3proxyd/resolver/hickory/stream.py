"""Questions over connections that are kept: as few as the questions need, never more than a few."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from g3_dns import Failure, Question, Response

from ...io.stream import Stream
from .connection import Client, Connection, ConnectionOverError
from .transport import NoReplyError, Transport

MAX_CONNECTIONS = 8
"""Connections to one server. With 100 questions on each there is always room, unless the server hardly answers."""

MAX_RESTARTS = 2
"""Connections that may be closed under one question: a kept one by chance, another one not."""


class StreamTransport(Transport):
    """One name server over TCP, or something on top of it."""

    def __init__(
        self, connect: Callable[[], Awaitable[Stream]], start: Callable[[], Client], connect_timeout: float
    ) -> None:
        """``connect`` opens a connection, and leaves nothing open when it is cancelled; it raises OSError.

        ``start`` makes the client of one; ``connect_timeout`` is in seconds.
        """
        self._connect = connect
        self._start = start
        self._connect_timeout = connect_timeout
        self._connections: list[Connection] = []
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
        raise NoReplyError(Failure.UNREACHABLE, "the server closes its connections without an answer")

    async def close(self) -> None:
        """See `Transport.close`."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait((self._opening,))
        while self._connections:
            await self._connections[-1].close()

    async def _with_room(self) -> Connection:
        """A connection that takes another question right now. Raises NoReplyError."""
        while True:
            for connection in self._connections:
                if connection.can_ask:
                    return connection
            if self._opening is None and len(self._connections) < MAX_CONNECTIONS:
                self._opening = asyncio.get_running_loop().create_task(self._open())
            if self._opening is None:
                await self._until_room()
            elif (error := await asyncio.shield(self._opening)) is not None:
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

    def _forget(self, connection: Connection) -> None:
        self._connections.remove(connection)
        self._wake()  # who has waited for room opens another one

    async def _open(self) -> NoReplyError | None:
        """Open one more connection for all who wait; it goes on when they have given up. Returns why there is none."""
        try:
            async with asyncio.timeout(self._connect_timeout):
                stream = await self._connect()
        except TimeoutError:
            return NoReplyError(Failure.TIMEOUT, "no connection in time")
        except OSError as error:
            return NoReplyError(Failure.UNREACHABLE, str(error))
        finally:
            self._opening = None
            while self._waiters:  # all of them find room, or wait for the next connection together
                self._wake()
        self._connections.append(Connection(stream, self._start(), self._wake, self._forget))
        return None
