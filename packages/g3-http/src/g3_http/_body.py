"""The body of the message that a reader has read the head of: taken by count, never as events."""

import sys
from typing import ClassVar, TypeVar

from g3_machine import LocalProtocolError, Machine, RemoteProtocolError

from ._chunked import ChunkedBody
from ._errors import HttpError
from ._framing import CHUNKED, CLOSE, LENGTH, NONE, Framing
from ._limits import Limits
from ._pack import Field

H = TypeVar("H")


class BodyReader(Machine[H]):
    """What `RequestReader` and `ResponseReader` do alike once a head is read.

    ::

        while not reader.body_ended:
            if data := reader.take_body(65536):
                ...  # send it on
            else:
                ...  # receive more, then receive_data() or receive_eof()

    A body that Content-Length counts may also pass beside the reader, by `body_left` and `skip_body`.
    """

    __slots__ = ("_chunks", "_framing", "_left", "_walked", "limits")

    _error: ClassVar[type[HttpError]]

    limits: Limits
    _framing: Framing
    _left: int

    @property
    def body_ended(self) -> bool:
        """Whether nothing of the body is left to take; `next_event` may be called then, and only then."""
        return self._framing is NONE or (self._framing is CLOSE and self._eof and not self._inbox)

    @property
    def body_left(self) -> int | None:
        """How many bytes of the body have not been taken or skipped, or None if only its end will tell."""
        if self._framing is LENGTH:
            return self._left
        return 0 if self.body_ended else None

    @property
    def trailers(self) -> list[Field]:
        """The trailer fields that a chunked body has brought so far."""
        return self._chunks.trailers if self._chunks else []

    def take_body(self, limit: int | None = None) -> bytes:
        """Return, once, the bytes of the body that are there: at most ``limit``, as they came on the wire.

        A chunked body keeps its framing and trailers, checked byte by byte, so that it can be sent on as it is.
        Empty means that the body has ended or that only more bytes can help. Raises HttpError after every good byte
        before the fault, and again on every later call.
        """
        box = self._inbox
        if self._framing is LENGTH and 0 < len(box) <= self._left and (limit is None or len(box) <= limit):
            # All that is there belongs to the body: by far the most frequent case.
            data = bytes(box)
            box.clear()
            self._left -= len(data)
            if not self._left:
                self._framing = NONE
            return data
        return self._guard(False, limit)

    def take_content(self, limit: int | None = None) -> bytes:
        """As `take_body`, but without the framing of a chunked body: only its data.

        Raises LocalProtocolError where `take_body` with a limit has left the middle of the framing behind.
        """
        return self._guard(True, limit)

    def skip_body(self, size: int) -> None:
        """Note that ``size`` bytes of the body went another way, for example through a pipe in the kernel.

        Raises LocalProtocolError while the reader itself holds bytes, for a chunked body, and beyond the end.
        """
        if self._inbox or self._framing is CHUNKED:
            raise LocalProtocolError("the next bytes of the body have to be taken from the reader")
        if size < 0 or (self._framing is not CLOSE and size > self._left):
            raise LocalProtocolError("more bytes than the body has left")
        if self._framing is LENGTH:
            self._count(size)

    def _begin_body(self, framing: Framing, length: int | None) -> None:
        self._framing = framing
        self._left = 0  # bytes that Content-Length still counts
        self._walked = 0  # bytes at the front of the inbox that are checked framing and data
        self._chunks = ChunkedBody(self.limits, self._error) if framing is CHUNKED else None
        if framing is LENGTH:
            if length:
                self._left = length
            else:
                self._framing = NONE

    def _guard(self, decode: bool, limit: int | None) -> bytes:
        if self._fault is not None:
            raise self._fault.with_traceback(None)
        room = sys.maxsize if limit is None else limit
        try:
            if self._chunks is None:
                data = self._take_plain(room)
            elif decode:
                data = self._take_decoded(self._chunks, room)
            else:
                data = self._take_chunked(self._chunks, room)
            if not data and self._eof and room > 0 and not self.body_ended:
                raise self._error("closed", "the peer closed in the middle of a body")
        except RemoteProtocolError as fault:
            self._fault = fault
            self._outbox += fault.reply
            raise
        return data

    def _check_body_ended(self) -> None:
        if not self.body_ended:
            raise LocalProtocolError("the body of the message before has not been taken")

    def _take_plain(self, room: int) -> bytes:
        if self._framing is NONE:
            return b""
        size = min(len(self._inbox), room)
        if self._framing is LENGTH:
            size = min(size, self._left)
            self._count(size)
        return self._cut(size)

    def _take_chunked(self, chunks: ChunkedBody, room: int) -> bytes:
        if not self._walked:
            self._walked = chunks.advance(self._inbox, room)
        size = min(self._walked, room)
        self._walked -= size
        if chunks.ended and not self._walked:
            self._framing = NONE
        return self._cut(size)

    def _take_decoded(self, chunks: ChunkedBody, room: int) -> bytes:
        if self._walked:
            raise LocalProtocolError("take_body() has stopped inside the framing")
        content: list[bytes] = []
        while not content and (size := chunks.advance(self._inbox, room, content)):
            del self._inbox[:size]
        if chunks.ended:
            self._framing = NONE
        return b"".join(content)

    def _cut(self, size: int) -> bytes:
        """Remove and return the first bytes of the inbox; all of them, the usual case, with one copy."""
        box = self._inbox
        if size < len(box):
            return self._take(size)
        data = bytes(box)
        box.clear()
        return data

    def _count(self, size: int) -> None:
        self._left -= size
        if not self._left:
            self._framing = NONE
