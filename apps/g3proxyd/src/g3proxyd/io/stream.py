"""One byte stream over a non-blocking socket: the way in which handshakes and HTTP messages travel.

The socket is watched by the event loop directly. asyncio's transports own a second buffer and must be torn off before
a tunnel can splice; here nothing is read before somebody waits for it, the kernel's window closes while nobody does,
and a tunnel takes the bare socket over as it is.
"""

import asyncio
import contextlib
import socket
import struct

from .addresses import Peer, local_address
from .poller import Poller
from .timers import Wheel
from .wake import Wake

READ_SIZE = 16384
"""Bytes read at once unless the caller asks for more: a browser's head is below 2 KiB, a TLS record at most 16 KiB."""

LENT_SIZE = 1 << 18
"""Bytes lent at once, of a buffer that all streams share."""

LINGER_SECONDS = 2.0
LINGER_BYTES = 1 << 20
"""How long, and for how much, a peer that has been refused may go on sending."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER that makes close() send RST: the other side must not mistake an abort for a complete end."""


_lent = memoryview(bytearray(LENT_SIZE))


class Stream:
    """A connected TCP socket with timeouts, put-back and half-close.

    One task receives and one task sends at a time. Errors of the connection are raised as OSError, a wait that is over
    time as TimeoutError; both leave the stream to be closed by its owner.
    """

    __slots__ = (
        "_loop",
        "_pending",
        "_poller",
        "_reader",
        "_room",
        "_socket",
        "_unread",
        "_watching",
        "_wheel",
        "bucket",
        "deadline",
        "fd",
        "received",
        "sent",
        "surprised",
    )

    bare = True
    """Whether the bytes are those of the socket, so that who detaches it can go on."""

    def __init__(self, poller: Poller, sock: socket.socket, wheel: Wheel) -> None:
        """``sock`` is connected and non-blocking; the stream owns it from here on."""
        self._loop = poller.loop
        self._poller = poller
        self._socket = sock
        self._wheel = wheel
        self.fd = sock.fileno()
        self._reader: Wake | None = None
        self._watching = False
        self._unread = b""
        self._pending: memoryview | None = None
        self._room: Room | None = None
        self.deadline: float | None = None
        self.bucket: int | None = None
        self.received = 0
        """Bytes that the peer sent so far."""
        self.sent = 0
        """Bytes that the kernel took for the peer so far."""
        self.surprised = False
        """Whether the peer did something while nobody received, since `watch` was called. Cleared by receive()."""

    @property
    def sock(self) -> socket.socket:
        """The socket, for its names and options; reading or writing it directly loses bytes."""
        return self._socket

    @property
    def at_hand(self) -> bool:
        """Whether `read` has something to tell without the socket."""
        return bool(self._unread)

    def local_address(self) -> Peer:
        """The address of our end."""
        return local_address(self._socket)

    async def receive(self, patience: float, size: int = READ_SIZE) -> bytes:
        """Wait up to ``patience`` seconds for bytes; return at most ``size`` of them, or b"" at the peer's end.

        Raises TimeoutError and OSError. A cancelled receive loses nothing.
        """
        # To watch a socket costs more than to try it, and a client that has just connected speaks at once.
        data = None if self._watching and not self._unread else self.read(size)
        while data is None:
            await self.readable(patience)
            data = self.read(size)
        return data

    def readable(self, patience: float) -> Wake:
        """What is done as soon as `read` has something to tell: await it at once, one at a time, and forget it.

        It raises TimeoutError after ``patience`` seconds. To cancel it loses nothing: the bytes are still the kernel's.
        """
        if not self._watching:
            self.watch()
        reader = self._reader
        if reader is None:
            reader = self._reader = Wake(self._loop)
        self._wheel.start(self, patience)
        return reader

    def read(self, size: int = READ_SIZE) -> bytes | None:
        """At most ``size`` of the bytes that have come, b"" at the peer's end, None if nothing has come.

        Raises OSError.
        """
        if self._unread:
            data, self._unread = self._unread[:size], self._unread[size:]
            return data
        try:
            data = self._socket.recv(size)
        except (BlockingIOError, InterruptedError):
            return None
        self.received += len(data)
        self.surprised = False
        return data

    def borrow(self, size: int = READ_SIZE) -> bytes | memoryview | None:
        """As `read`, but the bytes may lie in a buffer that all streams share, and are good until the next await."""
        if self._unread:
            return self.read(size)
        try:
            got = self._socket.recv_into(_lent, min(size, LENT_SIZE))
        except (BlockingIOError, InterruptedError):
            return None
        self.received += got
        self.surprised = False
        return _lent[:got]

    def watch(self) -> None:
        """Notice from now on what the peer does while nobody receives: see `surprised`."""
        if not self._watching:
            self._watching = True
            self._poller.add_reader(self.fd, self._readable)

    def unread(self, data: bytes) -> None:
        """Put bytes back in front of what is still to come; they are not counted again."""
        self._unread = data + self._unread

    def take_unread(self) -> bytes:
        """Return, once, the bytes that were put back."""
        data, self._unread = self._unread, b""
        return data

    def write(self, data: bytes | bytearray | memoryview) -> bool:
        """Give bytes to the kernel; False when it did not take them all and `drain` must be awaited before more.

        Raises OSError.
        """
        try:
            taken = self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            taken = 0
        self.sent += taken
        if taken == len(data):
            return True
        self._pending = memoryview(bytes(data[taken:]))
        return False

    async def drain(self, patience: float) -> None:
        """Wait until the kernel has taken what `write` left over; ``patience`` seconds without progress are too long.

        Raises TimeoutError and OSError.
        """
        while self._pending is not None:
            self._room = Room(self._poller, self._wheel, self.fd)
            try:
                await self._room.wait(patience)
            finally:
                self._room = None
            taken = self._socket.send(self._pending)
            self.sent += taken
            self._pending = self._pending[taken:] if taken < len(self._pending) else None

    async def send(self, data: bytes | bytearray | memoryview, patience: float) -> None:
        """Send all of the data; ``patience`` seconds without progress are too long. Raises TimeoutError and OSError."""
        if not self.write(data):
            await self.drain(patience)

    def send_eof(self) -> None:
        """Tell the peer that no more bytes come; it may go on sending. Raises OSError."""
        self._socket.shutdown(socket.SHUT_WR)

    async def linger(self, seconds: float = LINGER_SECONDS, most: int = LINGER_BYTES) -> None:
        """Close our half after a last word, and let the peer finish for a while before the stream is closed.

        To close with bytes unread makes the kernel send a reset, which overtakes what the peer has not read yet.
        Errors are of no interest any more.
        """
        with contextlib.suppress(OSError):
            self.send_eof()
            deadline = self._loop.time() + seconds
            while most > 0 and (patience := deadline - self._loop.time()) > 0:
                data = await self.receive(patience)
                if not data:
                    return
                most -= len(data)

    def detach(self) -> tuple[socket.socket, bytes]:
        """Give the socket away together with the bytes that were put back; the stream is of no more use.

        The poller may still watch the socket for this stream. Who takes it over calls add_reader in the same turn of
        the loop, which replaces that watch without a system call, or remove_reader.
        """
        if self.bucket is not None:
            self._wheel.forget(self)
        self.fd = -1
        data, self._unread = self._unread, b""
        return self._socket, data

    def close(self) -> None:
        """Close the connection; may be called again."""
        if self.fd >= 0:
            self._let_go()
            self._poller.forget(self.fd)
            self._socket.close()
            self.fd = -1

    def abort(self) -> None:
        """Close the connection with a reset, so that the peer does not take what came so far for all."""
        if self.fd >= 0:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self.close()

    def timed_out(self) -> None:
        """The wheel's call: the present receive is over time."""
        self.interrupt(TimeoutError())

    def interrupt(self, error: OSError) -> None:
        """Make the receive that waits now, if there is one, raise this error."""
        reader = self._reader
        if reader is not None and not reader.done():
            reader.set_exception(error)

    def extend(self, patience: float) -> None:
        """Give the receive that waits now, if there is one, so many seconds from now on."""
        if self._reader is not None and not self._reader.done():
            self._wheel.start(self, patience)

    def _let_go(self) -> None:
        if self._room is not None:
            self._room.give_up()
        self.interrupt(ConnectionAbortedError())
        if self.bucket is not None:
            self._wheel.forget(self)

    def _readable(self) -> None:
        self.deadline = None
        reader = self._reader
        if reader is None or not reader.wake():
            # Leave the bytes in the kernel: its window closes, and the peer waits.
            self.surprised = True
            self._watching = False
            self._poller.remove_reader(self.fd)


class Room:
    """One wait for room in a socket's send buffer. It has its own deadline, beside that of a receive."""

    __slots__ = ("_fd", "_poller", "_ready", "_wheel", "bucket", "deadline")

    def __init__(self, poller: Poller, wheel: Wheel, fd: int) -> None:
        self._poller = poller
        self._wheel = wheel
        self._fd = fd
        self._ready: asyncio.Future[None] = poller.loop.create_future()
        self.deadline: float | None = None
        self.bucket: int | None = None

    async def wait(self, patience: float) -> None:
        """Wait for room. Raises TimeoutError after ``patience`` seconds."""
        self._wheel.start(self, patience)
        self._poller.add_writer(self._fd, self._writable)
        try:
            await self._ready
        finally:
            self._let_go()

    def give_up(self) -> None:
        """The socket is about to be closed: its number may soon belong to another connection."""
        self._let_go()
        if not self._ready.done():
            self._ready.set_exception(ConnectionAbortedError())

    def timed_out(self) -> None:
        """The wheel's call: the wait is over time."""
        if not self._ready.done():
            self._ready.set_exception(TimeoutError())

    def _writable(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    def _let_go(self) -> None:
        if self._fd >= 0:
            self._poller.remove_writer(self._fd)
            self._wheel.forget(self)
            self._fd = -1
