"""Many questions to one name server over a stream: TCP, TLS, or QUIC (RFC 7766, RFC 7858, RFC 9250).

Queries are pipelined, and their answers may come in any order. On TCP and TLS a connection serves many queries; on
QUIC each has a stream of its own, of which one of these machines knows nothing but its bytes.
"""

from collections import deque

from g3_machine import LocalProtocolError, Machine, RemoteProtocolError

from ._errors import MessageError
from ._events import Closed, Failure, Lost, Response, StreamEvent
from ._message import Mismatch, mismatch_of, pack_query, parse_message
from ._pending import Pending, StreamSettings
from ._question import Question, RandBelow, pack_question

MAX_MISMATCHES = 16
"""Messages in a row that answer no query before the connection is given up: a few may be late answers."""

LENGTH_SIZE = 2


class TcpClient(Machine[StreamEvent]):
    """The client's side of one connection, or, with ``zero_id``, of one QUIC stream.

    Arm a timer for `next_timeout`. After a fault, and after `Closed`, close the connection.
    """

    __slots__ = ("_pending", "_queue", "_randbelow", "_settings", "_strangers", "_used", "_zero_id", "ignored")

    def __init__(self, randbelow: RandBelow, settings: StreamSettings | None = None, *, zero_id: bool = False) -> None:
        """``zero_id`` makes the only query that is allowed then have the id 0 (RFC 9250 section 4.2.1).

        Behind that query the driver ends its side of the stream.
        """
        super().__init__(TcpClient._read_message)
        self.ignored: dict[Mismatch, int] = {}
        """How many messages answered no query, by reason."""
        self._randbelow = randbelow
        self._settings = settings or StreamSettings()
        self._zero_id = zero_id
        self._pending = Pending(self._settings)
        self._queue: deque[StreamEvent] = deque()
        self._strangers = 0
        self._used = False

    @property
    def can_ask(self) -> bool:
        """Whether one more question may be asked now; not before all events of timers are taken."""
        if self._eof or self._queue or self._fault is not None or self._state is not TcpClient._read_message:
            return False
        return len(self._pending) < self._settings.max_outstanding and not (self._zero_id and self._used)

    @property
    def unanswered(self) -> tuple[int, ...]:
        """The queries that wait: after a fault they may be repeated over another connection."""
        return self._pending.unanswered()

    def ask(self, question: Question, now: float) -> int:
        """Send a query and return its number. Raises LocalProtocolError unless `can_ask`."""
        if not self.can_ask:
            raise LocalProtocolError("the connection is over, or as many queries as may be are under way")
        query = 0 if self._zero_id else self._randbelow(0x10000)
        while query in self._pending:
            query = (query + 1) & 0xFFFF
        message = pack_query(question, query, padding=self._settings.padding)
        self._outbox += len(message).to_bytes(LENGTH_SIZE, "big") + message
        self._pending.add(query, pack_question(question.name, question.type), now)
        self._used = True
        return query

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called, or None."""
        return self._pending.next_timeout()

    def handle_timeout(self, now: float) -> None:
        """Give up what is over time; the events say what that was."""
        self._queue.extend(self._pending.expire(now))

    def _read_message(self) -> StreamEvent | None:
        """RFC 1035 section 4.2.2: LENGTH, and a message of so many bytes."""
        if self._queue:
            return self._say(self._queue.popleft())
        box = self._inbox
        while len(box) >= LENGTH_SIZE:
            size = box[0] << 8 | box[1]
            if size > self._settings.max_message_size:
                raise RemoteProtocolError(f"a message of {size} bytes, at most {self._settings.max_message_size}")
            if len(box) < LENGTH_SIZE + size:
                return None
            event = self._match(self._take(LENGTH_SIZE + size)[LENGTH_SIZE:])
            if event is not None:
                return event
        return None

    def _match(self, wire: bytes) -> StreamEvent | None:
        """The event for a message, or None when nobody waits for it."""
        query = int.from_bytes(wire[:2], "big")
        asked = self._pending.asked(query)
        mismatch = mismatch_of(wire, query, asked) if asked else Mismatch.ID
        if mismatch is not None:
            self._ignore(mismatch)
            return None
        self._strangers = 0
        self._pending.answered(query)
        try:
            return Response(query, parse_message(wire))
        except MessageError:
            return Lost(query, Failure.MALFORMED)

    def _ignore(self, mismatch: Mismatch) -> None:
        self.ignored[mismatch] = self.ignored.get(mismatch, 0) + 1
        self._strangers += 1
        if self._strangers >= MAX_MISMATCHES:
            raise RemoteProtocolError(f"{MAX_MISMATCHES} messages in a row that nobody asked for")

    def _read_eof(self) -> StreamEvent:
        """RFC 7766 section 6.2.4: a server may close at any time, but not within a message."""
        if self._inbox:
            raise RemoteProtocolError("the server closed in the middle of a message")
        return self._say(self._pending.end())

    def _say(self, event: StreamEvent) -> StreamEvent:
        if type(event) is Closed:
            self._state = TcpClient._over
        return event

    def _over(self) -> None:
        raise LocalProtocolError("next_event() after Closed")
