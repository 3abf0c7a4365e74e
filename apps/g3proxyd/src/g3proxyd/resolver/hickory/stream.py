"""Questions over connections of TCP, or of something on top of it."""

from collections.abc import Awaitable, Callable

from ...io.stream import Stream
from .connection import Client, Connection
from .kept import KeptTransport


class StreamTransport(KeptTransport):
    """One name server over TCP, or something on top of it."""

    def __init__(
        self, connect: Callable[[], Awaitable[Stream]], start: Callable[[], Client], connect_timeout: float
    ) -> None:
        """``connect`` opens a connection, and leaves nothing open when it is cancelled; it raises OSError.

        ``start`` makes the client of one; ``connect_timeout`` is in seconds.
        """
        super().__init__(connect_timeout)
        self._open_stream = connect
        self._start = start

    async def _connect(self) -> Connection:
        return Connection(await self._open_stream(), self._start(), self._wake, self._forget)
