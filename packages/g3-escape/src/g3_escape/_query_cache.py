"""What a service has answered, and who waits for its answer.

A record is fresh for its time to live. Then it is stale for a while: the service is asked again, but the old answer
still serves those whom the new one does not reach in time. After that it vanishes. No answer is an answer too: it is
remembered for a protective time, so that a silent service is not asked with every request.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """Times in seconds, and how much there may be at once."""

    request_timeout: float = 0.1
    """How long a request waits."""
    query_timeout: float = 10.0
    """How long the service may take; after that it has nothing to say."""
    protective_ttl: float = 10.0
    """How long to remember that there was no answer, or one with a time to live of 0."""
    maximum_ttl: float = 1800.0
    """The longest that an answer is fresh."""
    vanish_wait: float = 30.0
    """How long a record that expired may still serve."""
    max_records: int = 16_384
    """Records; the oldest goes first. Users times hosts are without limit, memory is not."""
    max_queries: int = 1024
    """Queries under way; while there are as many, requests that would need another one get no answer."""
    max_waiting: int = 8192
    """Requests that wait; more get no answer."""

    def __post_init__(self) -> None:
        """Raise ValueError for a negative time, and for a count below 1."""
        times = (self.request_timeout, self.query_timeout, self.protective_ttl, self.maximum_ttl, self.vanish_wait)
        if min(times) < 0:
            raise ValueError("times are not negative")
        if min(self.max_records, self.max_queries, self.max_waiting) < 1:
            raise ValueError("counts are at least 1")


@dataclass(frozen=True, slots=True)
class Answer(Generic[V]):
    """What the service has said. Its ``value`` is None when it had nothing to say."""

    value: V | None


@dataclass(frozen=True, slots=True)
class SendQuery(Generic[K]):
    """Ask the service about ``key``; report its answer with this ``number``."""

    key: K
    number: int


@dataclass(frozen=True, slots=True)
class Answered(Generic[V]):
    """The request with this ``ticket`` need not wait any longer."""

    ticket: int
    answer: Answer[V] | None
    """None when there was none in time; an old one perhaps, if the service is silent."""


@dataclass(slots=True)
class _Record(Generic[V]):
    answer: Answer[V]
    expires: float
    vanishes: float


@dataclass(slots=True)
class _Flight(Generic[K]):
    """One query, and the tickets of those who wait for it."""

    key: K
    deadline: float
    tickets: dict[int, None]


class QueryCache(Generic[K, V]):
    """A cache in front of a slow service. ``K`` is what it is asked, ``V`` what it answers; both are the driver's.

    Ask `find` first; for None, `wait`. After every call of another verb the driver takes `next_action` until it is
    None, and arms one timer for `next_timeout`. Times are seconds of a monotonic clock.
    """

    __slots__ = ("_actions", "_flights", "_limits", "_numbers", "_records", "_tickets", "_under_way", "_waiting")

    def __init__(self, limits: QueryLimits | None = None) -> None:
        self._limits = limits or QueryLimits()
        # Ordered dicts find their first entry at once; plain ones search behind all that were deleted.
        self._records: OrderedDict[K, _Record[V]] = OrderedDict()
        self._flights: OrderedDict[int, _Flight[K]] = OrderedDict()
        self._under_way: dict[K, int] = {}
        """The number of the query about each key."""
        self._waiting: OrderedDict[int, tuple[float, int]] = OrderedDict()
        """When each ticket is over time, and the number of its query: the one that began first is over first."""
        self._numbers = 0
        self._tickets = 0
        self._actions: deque[SendQuery[K] | Answered[V]] = deque()

    def find(self, key: K, now: float) -> Answer[V] | None:
        """Return a fresh answer, or None."""
        record = self._records.get(key)
        return record.answer if record is not None and now < record.expires else None

    def wait(self, key: K, now: float) -> int:
        """Have the service asked, unless it is being asked; return the ticket for `Answered`, which always comes."""
        ticket = self._tickets
        self._tickets += 1
        number = self._under_way.get(key)
        full = len(self._waiting) >= self._limits.max_waiting
        if full or (number is None and len(self._flights) >= self._limits.max_queries):
            self._actions.append(Answered(ticket, self._old(key, now)))
            return ticket
        if number is None:
            number = self._numbers
            self._numbers += 1
            self._under_way[key] = number
            self._flights[number] = _Flight(key, now + self._limits.query_timeout, {})
            self._actions.append(SendQuery(key, number))
        self._flights[number].tickets[ticket] = None
        self._waiting[ticket] = (now + self._limits.request_timeout, number)
        return ticket

    def leave(self, ticket: int) -> None:
        """Nobody waits for this ticket any more; the query goes on. Ignored for one that was answered."""
        _, number = self._waiting.pop(ticket, (0.0, -1))
        if number in self._flights:
            del self._flights[number].tickets[ticket]

    def answered(self, number: int, value: V | None, ttl: float, now: float) -> None:
        """The service has answered; ``value`` is None for nothing. Ignored for a query that is over."""
        if number in self._flights:
            fresh = min(ttl, self._limits.maximum_ttl) if ttl > 0 else self._limits.protective_ttl
            answer = Answer(value)
            flight = self._flights[number]
            self._put(flight.key, _Record(answer, now + fresh, now + fresh + self._limits.vanish_wait), now)
            self._land(number, answer)

    def query_failed(self, number: int, now: float) -> None:
        """The service can't be asked, or has not answered. Ignored for a query that is over."""
        if number in self._flights:
            key = self._flights[number].key
            record = self._records.get(key)
            if record is not None and now < record.vanishes and record.answer.value is not None:
                # What it said last serves on, but not for longer than it would have.
                record.expires = min(now + self._limits.protective_ttl, record.vanishes)
            else:
                expires = now + self._limits.protective_ttl
                record = _Record(Answer(None), expires, expires)
                self._put(key, record, now)
            self._land(number, record.answer)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called, or None for no time of its own."""
        times = [deadline for deadline, _ in islice(self._waiting.values(), 1)]
        times += [flight.deadline for flight in islice(self._flights.values(), 1)]
        return min(times, default=None)

    def handle_timeout(self, now: float) -> None:
        """Act on every timer that is due."""
        while self._flights:
            number, flight = next(iter(self._flights.items()))
            if flight.deadline > now:
                break
            self.query_failed(number, now)
        while self._waiting:
            ticket, (deadline, number) = next(iter(self._waiting.items()))
            if deadline > now:
                break
            key = self._flights[number].key
            self.leave(ticket)
            self._actions.append(Answered(ticket, self._old(key, now)))

    def next_action(self) -> SendQuery[K] | Answered[V] | None:
        """Return, once, what is to be done now; None when there is nothing more before the next report or timer."""
        return self._actions.popleft() if self._actions else None

    def _old(self, key: K, now: float) -> Answer[V] | None:
        record = self._records.get(key)
        return record.answer if record is not None and now < record.vanishes else None

    def _land(self, number: int, answer: Answer[V]) -> None:
        flight = self._flights.pop(number)
        del self._under_way[flight.key]
        for ticket in flight.tickets:
            del self._waiting[ticket]
            self._actions.append(Answered(ticket, answer))

    def _put(self, key: K, record: _Record[V], now: float) -> None:
        """Remember a record as the newest one, and forget what is too much."""
        self._records.pop(key, None)
        self._records[key] = record
        if len(self._records) > self._limits.max_records:
            self._records.popitem(last=False)
        # Two for one: the table shrinks while its old keys are not asked for.
        for oldest in tuple(islice(self._records, 2)):
            if self._records[oldest].vanishes <= now:
                del self._records[oldest]
