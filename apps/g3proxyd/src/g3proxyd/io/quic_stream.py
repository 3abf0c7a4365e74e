"""A stream of a QUIC connection (RFC 9000 section 2), which is a Stream: what reads requests or relays bytes does not
know the difference.

What has come waits here, within the window that the peer has; the window opens as bytes are read. What is sent waits in
the library until it is acknowledged. An end in order is a FIN, an abort a RESET_STREAM.
"""

import asyncio
import socket
from typing import TYPE_CHECKING

from .addresses import Peer
from .stream import READ_SIZE, Stream
from .timers import Wheel
from .wake import Wake

if TYPE_CHECKING:
    from .quic_session import QuicSession

ABORTED = 1
"""The code of our resets: applications choose them, and this one says nothing but that it was no orderly end."""

NOT_WANTED = 0
"""The code with which a peer is told to send no more on a stream that is closed."""


class QuicStream(Stream):
    """One bidirectional stream that a client has opened.

    Its ``sock`` is that of the whole connection, or of all connections: good for names and nothing else.
    """

    bare = False
    __slots__ = ("_broken", "_fault", "_finished", "_inbox", "_room_wanted", "_sent_eof", "_session", "id")

    def __init__(self, session: "QuicSession", stream_id: int) -> None:
        super().__init__(session.host.poller, session.sock, session.host.wheel)
        self.id = stream_id
        self._session = session
        self._inbox = bytearray()
        self._finished = False
        """Whether the peer's FIN has come."""
        self._fault: OSError | None = None
        """Why nothing can be received any more."""
        self._broken: OSError | None = None
        """Why nothing can be sent any more."""
        self._sent_eof = False
        self._room_wanted: Room | None = None

    @property
    def sock(self) -> socket.socket:
        """See `Stream.sock`."""
        return self._session.sock

    def local_address(self) -> Peer:
        """See `Stream.local_address`."""
        return self._session.local

    @property
    def over(self) -> bool:
        """Whether nothing more can come."""
        return self._finished or self._fault is not None

    @property
    def wants_room(self) -> bool:
        """Whether somebody waits to send."""
        return self._room_wanted is not None

    # --- receiving ---

    async def receive(self, patience: float, size: int = READ_SIZE) -> bytes:
        """See `Stream.receive`."""
        while (data := self.read(size)) is None:
            await self.readable(patience)
        return data

    def readable(self, patience: float) -> Wake:
        """See `Stream.readable`."""
        reader = self._reader = Wake(self._loop)
        self._watching = True
        if self.at_hand:
            reader.settle()
        else:
            self._wheel.start(self, patience)
        return reader

    def read(self, size: int = READ_SIZE) -> bytes | None:
        """See `Stream.read`."""
        self.surprised = False
        if self._unread:
            data, self._unread = self._unread[:size], self._unread[size:]
            return data
        if self._inbox:
            data = bytes(memoryview(self._inbox)[:size])
            del self._inbox[: len(data)]
            self.received += len(data)
            self._session.taken(self, len(data))
            return data
        if self._fault is not None:
            raise self._fault
        return b"" if self._finished else None

    def borrow(self, size: int = READ_SIZE) -> bytes | None:
        """See `Stream.borrow`: nothing is lent here."""
        return self.read(size)

    def watch(self) -> None:
        """See `Stream.watch`."""
        self._watching = True
        if self.at_hand:
            self.surprised = True

    def arrived(self, data: bytes, end: bool) -> None:
        """The session's call: bytes have come, and perhaps the end behind them."""
        self._inbox += data
        self._finished = end
        self._notice()

    def fail(self, error: OSError) -> None:
        """The session's call: the peer has given up its half. What it said before is not to be taken for all."""
        self._fault = error
        self._inbox.clear()
        self._notice()

    # --- sending ---

    def write(self, data: bytes | bytearray | memoryview) -> bool:
        """See `Stream.write`: all is taken, and False says that no more is wanted for now."""
        if self._broken is not None:
            raise self._broken
        if self._sent_eof:
            raise BrokenPipeError("nothing may be sent behind the end")
        self._session.send(self, bytes(data))
        self.sent += len(data)
        return self._session.has_room(self)

    async def drain(self, patience: float) -> None:
        """See `Stream.drain`."""
        while self._broken is None and self.fd >= 0 and not self._session.has_room(self):
            room = self._room_wanted = Room(self._loop, self._wheel, patience)
            try:
                await room.ready
            finally:
                self._room_wanted = None
                self._wheel.forget(room)
        if self._broken is not None:
            raise self._broken

    def send_eof(self) -> None:
        """See `Stream.send_eof`: the end waits behind what was written."""
        if self._broken is not None:
            raise self._broken
        if not self._sent_eof:
            self._sent_eof = True
            self._session.send(self, b"", end=True)

    def progress(self) -> None:
        """The session's call: the peer has acknowledged something."""
        if self._room_wanted is not None:
            self._room_wanted.found()

    def stop(self, error: OSError) -> None:
        """The session's call: the peer does not want any more."""
        self._broken = error
        self.progress()

    # --- the end ---

    def detach(self) -> tuple[socket.socket, bytes]:
        """There is no socket for one stream: relays take the stream itself."""
        raise TypeError("a QUIC stream has no socket of its own")

    def close(self) -> None:
        """See `Stream.close`: what was written still goes, and its end behind it."""
        if self.fd >= 0:
            if not self._sent_eof and self._broken is None:
                self.send_eof()
            self._let_go()
            self._session.leave(self, len(self._inbox))

    def abort(self) -> None:
        """See `Stream.abort`: with RESET_STREAM."""
        if self.fd >= 0:
            self._let_go()
            self._session.reset(self)
            self._session.leave(self, len(self._inbox))

    def _let_go(self) -> None:
        self.fd = -1
        self._broken = self._broken or ConnectionAbortedError("closed")
        self.progress()
        super()._let_go()

    @property
    def at_hand(self) -> bool:
        """See `Stream.at_hand`."""
        return bool(self._unread or self._inbox) or self.over

    def _notice(self) -> None:
        reader = self._reader
        if reader is None or reader.done():
            self.surprised = self._watching
        else:
            self.deadline = None
            reader.settle()


class Room:
    """One wait until the peer has acknowledged enough."""

    __slots__ = ("bucket", "deadline", "ready")

    def __init__(self, loop: asyncio.AbstractEventLoop, wheel: Wheel, patience: float) -> None:
        self.ready: asyncio.Future[None] = loop.create_future()
        self.deadline: float | None = None
        self.bucket: int | None = None
        wheel.start(self, patience)

    def found(self) -> None:
        """There may be room."""
        if not self.ready.done():
            self.ready.set_result(None)

    def timed_out(self) -> None:
        """The wheel's call."""
        if not self.ready.done():
            self.ready.set_exception(TimeoutError())
