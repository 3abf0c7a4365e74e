"""The queries that wait for answers on one connection, and its timers (RFC 7766 sections 6.2.1 to 6.2.3)."""

from dataclasses import dataclass

from ._events import Closed, Failure, Lost
from ._message import MAX_MESSAGE_SIZE

MAX_OUTSTANDING = 10_000
"""Queries under way on one connection: far fewer than the 65,536 ids, so that a free one is found at once."""


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How to use a connection. Times are in seconds."""

    query_timeout: float = 5.0
    """How long a query waits for its answer."""
    idle_timeout: float = 10.0
    """How long after the last query a connection without any under way is kept; section 6.2.3 asks for few seconds."""
    max_outstanding: int = 100
    """Queries that may be under way at the same time; servers begin to refuse at such numbers."""
    max_message_size: int = MAX_MESSAGE_SIZE
    """Bytes of an answer."""
    padding: int = 0
    """Pad queries to a multiple of so many bytes; `PADDING_BLOCK` where the connection is encrypted."""

    def __post_init__(self) -> None:
        """Raise ValueError for times of zero or less, and for numbers and sizes out of range."""
        if min(self.query_timeout, self.idle_timeout) <= 0:
            raise ValueError("times are more than zero")
        if not 1 <= self.max_outstanding <= MAX_OUTSTANDING:
            raise ValueError(f"max_outstanding is 1 to {MAX_OUTSTANDING}")
        if not 512 <= self.max_message_size <= MAX_MESSAGE_SIZE:
            raise ValueError(f"max_message_size is 512 to {MAX_MESSAGE_SIZE}")
        if not 0 <= self.padding <= MAX_MESSAGE_SIZE // 2:
            raise ValueError("padding is a block size in bytes, or 0 for none")


@dataclass(frozen=True, slots=True)
class _Waiting:
    asked: bytes
    """The question section."""
    deadline: float
    heard: int
    """How many messages had come when the query was made."""


class Pending:
    """Which queries wait for what, and until when."""

    __slots__ = ("_heard", "_idle_deadline", "_settings", "_waiting")

    def __init__(self, settings: StreamSettings) -> None:
        self._settings = settings
        self._waiting: dict[int, _Waiting] = {}
        """In the order of their deadlines, since all wait equally long."""
        self._heard = 0
        self._idle_deadline: float | None = None

    def __contains__(self, query: int) -> bool:
        return query in self._waiting

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, query: int, asked: bytes, now: float) -> None:
        """A query is on its way."""
        self._waiting[query] = _Waiting(asked, now + self._settings.query_timeout, self._heard)
        self._idle_deadline = now + self._settings.idle_timeout

    def asked(self, query: int) -> bytes:
        """The question section of a query; empty when it does not wait."""
        waiting = self._waiting.get(query)
        return b"" if waiting is None else waiting.asked

    def answered(self, query: int) -> None:
        """The query waits no more."""
        self._heard += 1
        del self._waiting[query]

    def unanswered(self) -> tuple[int, ...]:
        """The queries that wait."""
        return tuple(self._waiting)

    def end(self) -> Closed:
        """The connection is over: forget everything."""
        event = Closed(self.unanswered())
        self._waiting.clear()
        self._idle_deadline = None
        return event

    def next_timeout(self) -> float | None:
        """When a query is over time, or the connection has been idle for long enough."""
        for waiting in self._waiting.values():
            return waiting.deadline
        return self._idle_deadline

    def expire(self, now: float) -> list[Lost | Closed]:
        """The queries that are over time, and whether the connection is over as well.

        It is when a query had its full time and nothing at all was heard: the next one would only wait as long.
        """
        events: list[Lost | Closed] = []
        silent = False
        for query, waiting in list(self._waiting.items()):
            if now < waiting.deadline:
                break
            del self._waiting[query]
            events.append(Lost(query, Failure.TIMEOUT))
            silent = silent or waiting.heard == self._heard
        idle = self._idle_deadline is not None and now >= self._idle_deadline and not self._waiting
        if silent or idle:
            events.append(self.end())
        return events
