"""Passing the body of an HTTP message on from one stream to another, as it comes and never faster than it is taken."""

from collections.abc import Sequence
from typing import Any

from g3_http import Framing, HttpError, RequestReader, ResponseReader, pack_chunk, pack_last_chunk

from ..io.pacing import Pace, allowed
from ..io.stream import READ_SIZE, Stream
from .errors import Reason, TaskError

BULK = 1 << 18
"""Bytes read at once from a body of which so many are still to come."""


class BodyError(Exception):
    """A body did not pass. ``at_source`` tells whether the sender or the receiver is to blame."""

    def __init__(self, error: OSError | HttpError, *, at_source: bool) -> None:
        super().__init__(str(error) or type(error).__name__)
        self.error = error
        self.at_source = at_source


class Body:
    """One body on its way: ``reader`` has read its head from ``source``; the body goes to ``sink``."""

    __slots__ = ("_framing", "_paces", "_patience", "_reader", "_sink", "_source", "_target_framing", "passed")

    def __init__(
        self,
        reader: RequestReader | ResponseReader,
        source: Stream,
        sink: Stream,
        framing: Framing,
        patience: float,
        *,
        target_framing: Framing | None = None,
        paces: Sequence[Pace] = (),
    ) -> None:
        """``patience`` is the time in seconds without a byte on either side that is too long.

        ``target_framing`` is how the receiver wants it: chunked bodies can be unchunked and the other way round.
        """
        self._reader = reader
        self._source = source
        self._sink = sink
        self._framing = framing
        self._target_framing = target_framing or framing
        self._patience = patience
        self._paces = paces
        self.passed = 0
        """Bytes that the receiver has taken."""

    async def rest(self) -> None:
        """Pass all that is left of the body. Raises BodyError."""
        if self._framing is self._target_framing:
            await self._as_it_is()
        elif self._target_framing is Framing.CHUNKED:
            while data := await self._next(self._reader.take_body):
                await self._send(pack_chunk(data))
            await self._send(pack_last_chunk())
        else:
            while data := await self._next(self._reader.take_content):
                await self._send(data)

    async def _as_it_is(self) -> None:
        """What the reader holds first; then, where bytes are counted or the end tells, past the reader."""
        reader = self._reader
        while not reader.body_ended:
            if data := self._take(reader.take_body):
                await self._send(data)
            elif self._framing is Framing.CHUNKED:
                await self._receive(READ_SIZE)
            else:
                left = reader.body_left
                data = await self._read(BULK if left is None else min(left, BULK))
                if data:
                    reader.skip_body(len(data))
                    await self._send(data)
                else:
                    reader.receive_eof()

    async def _next(self, take: Any) -> bytes:
        while not self._reader.body_ended:
            if data := self._take(take):
                return data
            await self._receive(READ_SIZE)
        return b""

    def _take(self, take: Any) -> bytes:
        try:
            data: bytes = take(BULK)
        except HttpError as error:
            raise BodyError(error, at_source=True) from None
        return data

    async def _receive(self, size: int) -> None:
        if data := await self._read(size):
            self._reader.receive_data(data)
        elif not self._reader.body_ended:
            self._reader.receive_eof()

    async def _read(self, size: int) -> bytes:
        if self._paces:
            size = await allowed(self._paces, size)
        try:
            data = await self._source.receive(self._patience, size)
        except OSError as error:
            raise BodyError(error, at_source=True) from None
        for pace in self._paces:
            pace.spend(len(data))
        return data

    async def _send(self, data: bytes) -> None:
        sink = self._sink
        self.passed += len(data)
        try:
            if not sink.write(data):
                await sink.drain(self._patience)
        except OSError as error:
            raise BodyError(error, at_source=False) from None


def upload_fault(error: BodyError) -> TaskError:
    """Why the body of a request did not reach the server."""
    text = str(error)
    if not error.at_source:
        if isinstance(error.error, TimeoutError):
            return TaskError(Reason.IDLE, "the server takes no bytes", 504)
        return TaskError(Reason.UPSTREAM_WRITE_FAILED, text, 502)
    if isinstance(error.error, HttpError):
        if error.error.reason == "closed":
            return TaskError(Reason.CLOSED_BY_CLIENT, text, None)
        return TaskError(Reason.INVALID_CLIENT_PROTOCOL, text, error.error.status)
    if isinstance(error.error, TimeoutError):
        return TaskError(Reason.CLIENT_APP_TIMEOUT, "the request body does not come", 408)
    return TaskError(Reason.CLIENT_TCP_READ_FAILED, text, None)


def download_fault(error: BodyError) -> TaskError:
    """Why the body of a response did not reach the client, who has seen a part of it already."""
    if not error.at_source:
        if isinstance(error.error, TimeoutError):
            return TaskError(Reason.IDLE, "the client takes no bytes", None)
        return TaskError(Reason.CLIENT_TCP_WRITE_FAILED, str(error), None)
    if isinstance(error.error, HttpError):
        return response_fault(error.error)
    if isinstance(error.error, TimeoutError):
        return TaskError(Reason.IDLE, "the server sends no bytes", None)
    return TaskError(Reason.UPSTREAM_READ_FAILED, str(error), None)


def response_fault(error: HttpError) -> TaskError:
    """What is wrong with a response."""
    if error.reason in ("closed", "no_response"):
        return TaskError(Reason.CLOSED_BY_UPSTREAM, str(error), 502)
    return TaskError(Reason.INVALID_UPSTREAM_PROTOCOL, f"invalid response: {error}", 502)
