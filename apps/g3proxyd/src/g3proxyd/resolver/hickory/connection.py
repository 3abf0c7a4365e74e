"""One connection to a name server: questions go out as they come, answers come back in any order."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from g3_dns import Closed, Failure, TcpClient
from g3_machine import RemoteProtocolError

from ...io.stream import Stream
from .kept import ConnectionOverError, KeptConnection
from .transport import NoReplyError

if TYPE_CHECKING:
    from g3_dns.http2 import Http2Client

Client: TypeAlias = "TcpClient | Http2Client"
"""The machine of one connection."""

UNUSED_SECONDS = 10.0
"""How long a connection waits for its first question, which may have been given up while it was opened."""


class Connection(KeptConnection):
    """Drives the client of one connection, in a task of its own."""

    _client: Client

    def __init__(
        self,
        stream: Stream,
        client: Client,
        on_room: Callable[[], None],
        on_end: Callable[[KeptConnection], None],
    ) -> None:
        """It owns the stream."""
        super().__init__(client, on_room, on_end)
        self._stream = stream
        self._task = self._loop.create_task(self._run())

    async def close(self) -> None:
        """See `KeptConnection.close`."""
        self._task.cancel()
        await asyncio.wait((self._task,))
        self._end(ConnectionOverError())  # a task that is cancelled before it has begun does nothing

    def _asked(self) -> None:
        self._stream.extend(self._patience())
        # Not with others that are asked right now: of several questions in one record of TLS, dnsdist 1.7 answers the
        # first, and closes after a while.
        self._flush()

    async def _run(self) -> None:
        error: Exception = ConnectionOverError()
        try:
            while self._handle_events():
                self._flush()
                await self._receive()
        except RemoteProtocolError as fault:
            error = NoReplyError(Failure.MALFORMED, str(fault))
            self._flush()  # HTTP/2 says why it ends
        except OSError as fault:
            error = _reason(fault)
        finally:
            self._end(error)

    def _handle_events(self) -> bool:
        """Tell those who wait; whether the connection goes on."""
        while (event := self._client.next_event()) is not None:
            if isinstance(event, Closed):
                return False
            self._settle(event)
        return True

    def _flush(self) -> None:
        if self._over:
            return
        try:
            data = self._client.data_to_send()
            # All questions that may be under way are some tens of kilobytes, which a kernel takes: if it does not,
            # the server has not read for a while.
            if data and not self._stream.write(data):
                raise ConnectionAbortedError("the server reads nothing")
        except OSError as error:
            self._end(_reason(error))

    def _patience(self) -> float:
        """Seconds until the client wants to look at its timers."""
        timeout = self._client.next_timeout()
        return UNUSED_SECONDS if timeout is None else max(timeout - self._loop.time(), 0.0)

    async def _receive(self) -> None:
        """Wait for bytes, the end, or a timer. Raises RemoteProtocolError and OSError."""
        try:
            data = await self._stream.receive(self._patience())
        except TimeoutError:
            if self._client.next_timeout() is None:
                raise
            self._client.handle_timeout(self._loop.time())
            return
        if data:
            self._client.receive_data(data)
        else:
            self._client.receive_eof()

    def _end(self, error: Exception) -> None:
        if self._over:
            return
        self._over = True
        self._stream.close()
        self._give_up(error)
        self._on_end(self)


def _reason(error: OSError) -> Exception:
    """A reset is an end like another: it is what a question meets that crosses the server's own end."""
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return ConnectionOverError()
    return NoReplyError(Failure.UNREACHABLE, str(error))
