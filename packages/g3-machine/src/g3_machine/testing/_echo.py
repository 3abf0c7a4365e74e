"""A protocol too small to exist, with which the helpers are tested and shown.

A message is one length byte and so many bytes. The server answers each with "ok" or, when told so, refuses it; a
message of length 0 says goodbye and ends the conversation; a length above 9 breaks the protocol.
"""

from dataclasses import dataclass

from .._errors import LocalProtocolError, RemoteProtocolError
from .._machine import Machine

MOST = 9
"""Bytes in one message."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. Answer with `EchoServer.accept`."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The conversation is over; what follows belongs to somebody else."""


class EchoServer(Machine[Message | Goodbye]):
    """Reads messages and answers each."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(EchoServer._read_message)

    def accept(self) -> None:
        """Answer the message. Raises LocalProtocolError when none waits for an answer."""
        if self._state is not EchoServer._owe_answer:
            raise LocalProtocolError("nothing waits for an answer")
        self._outbox += b"ok"
        self._state = EchoServer._read_message

    def _read_message(self) -> Message | Goodbye | None:
        box = self._inbox
        if not box:
            return None
        if box[0] > MOST:
            raise RemoteProtocolError(f"a message of {box[0]} bytes, at most {MOST} are allowed", b"no")
        if len(box) < 1 + box[0]:
            return None
        text = self._take(1 + box[0])[1:]
        if not text:
            self._state = EchoServer._over
            return Goodbye()
        self._state = EchoServer._owe_answer
        return Message(text)

    def _owe_answer(self) -> None:
        raise LocalProtocolError("next_event() before accept()")

    def _over(self) -> None:
        raise LocalProtocolError("next_event() after the conversation")


class EchoClient(Machine[Message]):
    """Says messages and reads the answers."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(EchoClient._read_answer)

    def say(self, text: bytes) -> None:
        """Send one message; b"" says goodbye."""
        self._outbox += bytes([len(text)]) + text

    def _read_answer(self) -> Message | None:
        return Message(self._take(2)) if len(self._inbox) >= 2 else None

    def _read_eof(self) -> Message | None:
        if self._inbox:
            raise RemoteProtocolError("half an answer")
        return None
