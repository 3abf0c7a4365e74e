"""The link between the supervisor and one worker: requests and their answers, with descriptors, over a stream socket.

Both ends are one program, parted by fork, so the messages are pickles.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import os
import pickle
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from types import MappingProxyType
from typing import Any

from . import descriptors

__all__ = ["Link", "LinkError", "RefusedError"]

HEAD = struct.Struct("!III")
"""Bytes of the pickle, descriptors, and the number of the request; the highest bit marks an answer."""

ANSWER = 0x8000_0000

Handler = Callable[[Any, list[int]], Awaitable[Any]]
"""Answers a request; the descriptors are its own from then on. An exception becomes the asker's RefusedError."""


class LinkError(Exception):
    """The other end is gone."""


class RefusedError(Exception):
    """The other end could not do what it was asked for; the text says why."""


class Link:
    """One end. It works on any event loop, in the process that made it."""

    def __init__(self, sock: socket.socket, handler: Handler, on_end: Callable[[], None]) -> None:
        """``sock`` is connected; the link owns it. ``on_end`` is called once when the other end has gone."""
        sock.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._handler = handler
        self._on_end = on_end
        self._numbers = itertools.cycle(range(ANSWER))
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._inbox = bytearray()
        self._fds: deque[int] = deque()
        self._outbox: deque[tuple[memoryview, list[int]]] = deque()
        self._loop.add_reader(sock.fileno(), self._readable)

    async def ask(self, request: object, fds: Sequence[int] = ()) -> Any:
        """Send a request and wait for its answer. Raises LinkError and RefusedError.

        The descriptors are copied: the caller may close its own at once.
        """
        if self._sock.fileno() < 0:
            raise LinkError("the other process is gone")
        number = next(self._numbers)
        future: asyncio.Future[Any] = self._loop.create_future()
        self._waiting[number] = future
        try:
            self._send(number, request, fds)
            return await future
        finally:
            self._waiting.pop(number, None)

    def close(self) -> None:
        """Let go; may be called again. Nobody is called any more, and who waits gets a LinkError."""
        if self._sock.fileno() < 0:
            return
        self._loop.remove_reader(self._sock.fileno())
        self._loop.remove_writer(self._sock.fileno())
        self._sock.close()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(LinkError("the other process is gone"))
        for _, fds in self._outbox:
            _close(fds)
        self._outbox.clear()
        _close(self._fds)
        self._fds.clear()
        for task in self._answering:
            task.cancel()

    def _send(self, number: int, content: object, fds: Sequence[int] = ()) -> None:
        data = dumps(content)
        message = HEAD.pack(len(data), len(fds), number) + data
        # Copies, because the message may have to wait for room.
        self._outbox += descriptors.share_out(message, [os.dup(fd) for fd in fds])
        self._writable()

    def _writable(self) -> None:
        while self._outbox:
            data, fds = self._outbox[0]
            try:
                sent = descriptors.send(self._sock, data, fds)
            except BlockingIOError:
                self._loop.add_writer(self._sock.fileno(), self._writable)
                return
            except OSError:
                self._end()
                return
            _close(fds)
            if sent == len(data):
                self._outbox.popleft()
            else:
                self._outbox[0] = (data[sent:], [])
        self._loop.remove_writer(self._sock.fileno())

    def _readable(self) -> None:
        try:
            data, fds = descriptors.receive(self._sock)
        except BlockingIOError:
            return
        except OSError:
            self._end()
            return
        if not data:
            self._end()
            return
        self._inbox += data
        self._fds += fds
        while len(self._inbox) >= HEAD.size:
            length, count, number = HEAD.unpack_from(self._inbox)
            if len(self._inbox) < HEAD.size + length:
                return
            content = pickle.loads(self._inbox[HEAD.size : HEAD.size + length])  # noqa: S301 - our own fork
            del self._inbox[: HEAD.size + length]
            self._take(number, content, [self._fds.popleft() for _ in range(count)])

    def _take(self, number: int, content: Any, fds: list[int]) -> None:
        if number & ANSWER:
            future = self._waiting.pop(number & ~ANSWER, None)
            if future is not None and not future.done():
                value, refusal = content
                if refusal is None:
                    future.set_result(value)
                else:
                    future.set_exception(RefusedError(refusal))
            return
        task = self._loop.create_task(self._answer(number, content, fds))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, number: int, request: Any, fds: list[int]) -> None:
        answer: tuple[Any, str | None]
        try:
            answer = (await self._handler(request, fds), None)
        except Exception as error:  # whatever it is, the asker has to hear of it
            answer = (None, str(error) or type(error).__name__)
        if self._sock.fileno() >= 0:
            self._send(number | ANSWER, answer)

    def _end(self) -> None:
        self.close()
        self._on_end()


class Pickler(pickle.Pickler):
    """Pickles configurations: they hold read-only views of dictionaries, which pickle does not know."""

    def reducer_override(self, item: object) -> Any:
        """See `pickle.Pickler.reducer_override`."""
        if isinstance(item, MappingProxyType):
            return _view, (dict(item),)
        return NotImplemented


def _view(content: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(content)


def dumps(content: object) -> bytes:
    """The pickle of a message."""
    buffer = io.BytesIO()
    Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(content)
    return buffer.getvalue()


def _close(fds: Sequence[int] | deque[int]) -> None:
    for fd in fds:
        os.close(fd)
