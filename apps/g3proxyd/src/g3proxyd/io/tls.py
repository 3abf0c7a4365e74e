"""TLS over a Stream, which is a Stream again: what reads requests or relays bytes does not know the difference.

The ssl module works in memory here (`ssl.MemoryBIO`), between the stream's own socket and its plain bytes. All
connections of the process share that memory: what is received is decrypted at once, and what is encrypted is given to
the socket at once, so that it is empty again before another connection has its turn. An idle connection keeps nothing
but its state.
"""

import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any

from ..tls import openssl
from .stream import READ_SIZE, Stream
from .tls_errors import TlsError, TlsFault, name_fault
from .wake import Wake

RECORD = 16384
"""Plain bytes in one record (RFC 8446 section 5.1)."""

BATCH = 1 << 18
"""Bytes encrypted or received at once: measured, 64 KiB costs 12 % more per byte and 16 KiB half as much again."""

PIECE = 1 << 16
"""Bytes of ciphertext that may be copied at once: glibc takes 128 KiB from the kernel each time, page by page."""

SLACK = 1024
"""Bytes that records add to so much: without them a read would end in the middle of a record."""

HANDSHAKE_BYTES = 1 << 18
"""What a peer may send in a handshake: the library's own limit for a chain of certificates is 100 KiB."""

CONTROL_BYTES = 1 << 16
"""Unsent answers to a peer's own messages (key updates). One that asks for more and reads nothing is hostile."""

_raw = memoryview(bytearray(BATCH + SLACK))
_plain = memoryview(bytearray(BATCH + SLACK + RECORD + SLACK))  # a record may have begun in what came before
_incoming = ssl.MemoryBIO()
_outgoing = ssl.MemoryBIO()
_in_place = openssl.in_place(_outgoing)


class TlsStream(Stream):
    """A Stream over the socket of another one, which is of no more use.

    Bytes are counted without TLS's overhead. An end of the connection without TLS's own end (close_notify) is no end
    but an error: `TlsError` with the fault TRUNCATED. `send_eof` is TLS's end; the peer may go on sending behind it.
    """

    bare = False
    __slots__ = (
        "_control",
        "_fault",
        "_finished",
        "_sent_eof",
        "_tls",
        "established",
        "on_session",
    )

    def __init__(
        self,
        stream: Stream,
        context: ssl.SSLContext,
        *,
        server_side: bool = False,
        name: str | None = None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        """``name`` is whom a client wants to reach, ``session`` what it resumes.

        Bytes that were put back into ``stream`` are the first that TLS reads. Raises ValueError for a name that TLS
        cannot ask for; ``stream`` is as it was then.
        """
        self._tls = context.wrap_bio(_incoming, _outgoing, server_side, name, session)
        watched = stream._watching
        sock, early = stream.detach()
        super().__init__(stream._poller, sock, stream._wheel)
        self._control = 0
        self._fault: OSError | None = None
        self._finished = False
        """Whether the peer has ended its half in order."""
        self._sent_eof = False
        self.established = False
        """Whether the handshake is done."""
        self.on_session: Callable[[ssl.SSLSession], None] | None = None
        """Gets what a client may resume later, when the connection closes in order."""
        if watched:
            self.watch()  # in place of the other stream's watch
        self._unread = early

    @property
    def tls(self) -> ssl.SSLObject:
        """What the ssl module knows: version, cipher, certificate, protocol."""
        return self._tls

    # --- the handshake ---

    async def handshake(self, patience: float) -> None:
        """Shake hands within so many seconds. Raises TlsError, TimeoutError and OSError."""
        clock = self._loop.time
        deadline = clock() + patience
        left = HANDSHAKE_BYTES
        early = self.take_unread()
        if not early and self._tls.server_side:  # nothing is to be done before the client has spoken
            left -= await self._receive_raw(deadline)
        _incoming.write(early)
        while True:
            self._step()
            if _outgoing.pending and not self._flush():
                await self.drain(max(deadline - clock(), 0.0))
            if self.established:
                return
            left -= await self._receive_raw(deadline)
            if left < 0:
                _incoming.read()
                raise TlsError(TlsFault.FLOOD, "a handshake without end")

    def _step(self) -> None:
        """Go on with the handshake as far as the peer's bytes lead. Raises TlsError, once the alert is sent."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            _incoming.read()
            with contextlib.suppress(OSError):
                self._flush()
            raise name_fault(error) from None
        self.established = True
        self._unread = bytes(_plain[: self._decrypt()])  # what the peer has said right behind its part of the handshake

    async def _receive_raw(self, deadline: float) -> int:
        while True:
            try:
                size = self._socket.recv_into(_raw, RECORD)
            except (BlockingIOError, InterruptedError):
                await Stream.readable(self, max(deadline - self._loop.time(), 0.0))
                continue
            if not size:
                raise TlsError(TlsFault.TRUNCATED, "closed within the handshake")
            _incoming.write(_raw[:size])
            return size

    # --- receiving ---

    async def receive(self, patience: float, size: int = READ_SIZE) -> bytes:
        """See `Stream.receive`. The time is that for a whole record, however slowly its bytes come."""
        data = None if self._watching and not self.at_hand else self.read(size)
        if data is None:
            deadline = self._loop.time() + patience
            while data is None:
                await self.readable(max(deadline - self._loop.time(), 0.0))
                data = self.read(size)
        return data

    def readable(self, patience: float) -> Wake:
        """See `Stream.readable`. What is done may still be less than a record: `read` returns None then."""
        if self.at_hand:
            ready = Wake(self._loop)
            ready.settle()
            return ready
        return super().readable(patience)

    def read(self, size: int = READ_SIZE) -> bytes | None:
        """See `Stream.read`. Raises TlsError and OSError."""
        data = self.borrow(size)
        return data if data is None else bytes(data)

    def borrow(self, size: int = READ_SIZE) -> bytes | memoryview | None:
        """See `Stream.borrow`. Raises TlsError and OSError."""
        if not self.at_hand and (got := self._pull(size)):
            self.surprised = False
            self._unread = bytes(_plain[size:got])
            return _plain[: min(size, got)]
        if self._unread:
            self.surprised = False
            data, self._unread = self._unread[:size], self._unread[size:]
            return data
        if self._fault is not None:
            raise self._fault
        return b"" if self._finished else None

    def watch(self) -> None:
        """See `Stream.watch`: what has been decrypted already and what nobody has asked for is a surprise, too."""
        if self.at_hand:
            self.surprised = True
        super().watch()

    @property
    def at_hand(self) -> bool:
        """See `Stream.at_hand`: the end and a fault are something, too."""
        return bool(self._unread) or self._finished or self._fault is not None

    def _pull(self, size: int) -> int:
        """Receive about so many bytes, decrypt them into the common buffer, and return their number.

        A fault, or the end, is noted for later.
        """
        try:
            got = self._socket.recv_into(_raw, min(size, BATCH) + SLACK)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self._fault = error
            return 0
        if not got:
            self._fault = TlsError(TlsFault.TRUNCATED, "the peer closed without TLS's own end")
            return 0
        _incoming.write(_raw[:got])
        got = self._decrypt()
        if _outgoing.pending:
            self._answer()
        return got

    def _decrypt(self) -> int:
        """Decrypt all that has been fed, so that the library keeps a part of a record at most."""
        read: Any = self._tls.read  # returns a number when it has a buffer, which its stub does not know
        got = 0
        try:
            while True:
                size = read(RECORD, _plain[got:])
                if not size:
                    self._finished = True
                    break
                got += size
                if not _incoming.pending:
                    break
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:  # instead of 0 once our own end has been sent
            self._finished = True
        except ssl.SSLError as error:
            self._fault = name_fault(error)
        if _incoming.pending:
            _incoming.read()  # nobody reads behind the end
        self.received += got
        return got

    def _answer(self) -> None:
        """Send what the protocol says by itself: alerts, and answers to key updates."""
        data = _outgoing.read()
        self._control = 0 if self._pending is None else self._control + len(data)
        if self._control > CONTROL_BYTES:
            self._fault = self._fault or TlsError(TlsFault.FLOOD, "key updates without end")
            return
        try:
            self._transmit(data)
        except OSError as error:
            self._fault = self._fault or error

    def _readable(self) -> None:
        reader = self._reader
        if reader is not None and not reader.done():
            super()._readable()
            return
        if not self.at_hand and self.established:
            # Session tickets come when the server likes. They are no surprise, and to leave them in the kernel would
            # end every kept connection.
            self._unread = bytes(_plain[: self._pull(READ_SIZE)])
            if not self.at_hand:
                return
        super()._readable()

    # --- sending ---

    def write(self, data: bytes | bytearray | memoryview) -> bool:
        """See `Stream.write`. Raises TlsError and OSError."""
        if self._sent_eof:
            raise BrokenPipeError("nothing may be sent behind the end")
        view = memoryview(data)
        batch = PIECE if _in_place is None else BATCH
        for start in range(0, len(view), batch):
            try:
                self._tls.write(view[start : start + batch])
            except ssl.SSLError as error:
                _outgoing.read()
                raise name_fault(error) from None
            self._flush()
        self.sent += len(data)
        return self._pending is None

    async def drain(self, patience: float) -> None:
        """See `Stream.drain`."""
        if self._pending is None:
            return
        sent = self.sent
        try:
            await super().drain(patience)
        finally:
            self.sent = sent  # plain bytes were counted when they were taken
        if self._sent_eof:
            self._socket.shutdown(socket.SHUT_WR)

    def send_eof(self) -> None:
        """Send TLS's end, and TCP's behind it. Raises OSError."""
        if self._sent_eof:
            return
        self._sent_eof = True
        if self.established:
            with contextlib.suppress(ssl.SSLError):  # that the peer has not ended its half is no error
                self._tls.unwrap()
        if self._flush():
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """See `Stream.close`. The end is sent if there is room for it."""
        if self.fd >= 0:
            fault = self._fault
            # A session is not to be resumed if the library never saw an end of ours; many peers close without theirs.
            if self.established and (
                fault is None or (isinstance(fault, TlsError) and fault.fault is TlsFault.TRUNCATED)
            ):
                self._hand_over_session()
                with contextlib.suppress(OSError):
                    self.send_eof()
            super().close()

    def abort(self) -> None:
        """See `Stream.abort`: without TLS's end."""
        self._sent_eof = True
        self.on_session = None
        super().abort()

    def detach(self) -> tuple[socket.socket, bytes]:
        """There is no socket without its TLS: relays take the stream itself."""
        raise TypeError("the socket of a TLS connection is of no use to others")

    def _hand_over_session(self) -> None:
        if self.on_session is not None:
            session = self._tls.session
            # In TLS 1.3 a session without a ticket is the present one, which nobody can resume.
            if session is not None and (session.has_ticket or (session.id and self._tls.version() != "TLSv1.3")):
                self.on_session(session)
            self.on_session = None

    def _flush(self) -> bool:
        """Give what the library has written to the kernel; False when something is left."""
        if _in_place is None or _outgoing.pending <= PIECE:
            return self._transmit(_outgoing.read())
        try:
            return self._transmit(_in_place.look())
        finally:
            _in_place.clear()

    def _transmit(self, data: bytes | memoryview) -> bool:
        """Give ciphertext to the kernel, behind what it has not taken yet; False when something is left."""
        if self._pending is not None:
            self._pending = memoryview(b"".join((self._pending, data)))
            return False
        try:
            taken = self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            taken = 0
        if taken < len(data):
            self._pending = memoryview(bytes(data[taken:]))
            return False
        return True
