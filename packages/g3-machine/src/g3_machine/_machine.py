"""The five verbs that every byte-stream protocol machine shares.

A machine speaks one side of one protocol. It does no I/O: a driver hands it the bytes that came and sends the bytes
that it wants sent. It parses nothing until it is asked for an event, and then no more than that one event needs, so
that whatever lies behind the last message is still untouched when the next protocol takes over.

From this follows the one property that each machine is proved to have: any split of the input gives the same events,
the same output, the same fault and the same unread bytes.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ._errors import LocalProtocolError, RemoteProtocolError

E = TypeVar("E")


class Machine(Generic[E]):
    """Bytes in, events out.

    A state is a method that reads its next message. It takes one whole message from ``_inbox`` and returns an
    event, or returns None and leaves ``_inbox`` as it was, or raises `RemoteProtocolError`. ``_state`` holds it as
    a plain function (``Socks5Server._read_greeting``), not as a bound method: a bound method would tie the machine
    into a reference cycle, and thousands of short-lived machines would wait for the garbage collector.
    """

    __slots__ = ("_eof", "_fault", "_inbox", "_outbox", "_state")

    def __init__(self, first: Callable[[Any], E | None]) -> None:
        self._inbox = bytearray()
        self._outbox = bytearray()
        self._eof = False
        self._fault: RemoteProtocolError | None = None
        self._state: Callable[[Any], E | None] = first

    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Store bytes from the peer; nothing is parsed before `next_event`.

        Raises LocalProtocolError after `receive_eof`.
        """
        if self._eof:
            raise LocalProtocolError("data after the end of the stream")
        self._inbox += data

    def receive_eof(self) -> None:
        """Note that the peer will send no more; may be called again."""
        self._eof = True

    def next_event(self) -> E | None:
        """Return the next event, or None when only more bytes can help.

        Raises RemoteProtocolError after every event that came before the fault, and again on every later call;
        its reply is by then in `data_to_send`. Raises LocalProtocolError while an answer is owed, and after the
        protocol is over.
        """
        if self._fault is not None:
            raise self._fault.with_traceback(None)
        try:
            event = self._state(self)
            if event is None and self._eof:
                event = self._read_eof()
        except RemoteProtocolError as fault:
            self._fault = fault
            self._outbox += fault.reply
            raise
        return event

    def data_to_send(self) -> bytes:
        """Return, once, the bytes that are due to the peer."""
        if not self._outbox:
            return b""
        data = bytes(self._outbox)
        self._outbox.clear()
        return data

    def take_unread(self) -> bytes:
        """Return, once, the bytes behind the last message: the next protocol owns them."""
        data = bytes(self._inbox)
        self._inbox.clear()
        return data

    def _read_eof(self) -> E | None:
        """Say what the end of the stream means in this state; most protocols call it a fault."""
        raise RemoteProtocolError("the peer closed in the middle of a message")

    def _take(self, size: int) -> bytes:
        """Remove and return the first ``size`` bytes of the inbox."""
        message = bytes(self._inbox[:size])
        del self._inbox[:size]
        return message
