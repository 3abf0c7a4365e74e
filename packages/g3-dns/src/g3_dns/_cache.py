"""What lookups led to, for as long as it holds, and who waits for the same one (RFC 2308, RFC 8767)."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from dns.rdatatype import RdataType

from ._answers import Addresses, NoAddresses, Result
from ._question import Question

W = TypeVar("W")

CAPACITY = 32_768
"""Results that are kept: some tens of megabytes when all have the most addresses."""
MAX_LOOKUPS = 16_384
"""Lookups under way: clients may invent names faster than servers answer."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """For how long results are kept, in seconds, whatever their TTL says."""

    positive_min: int = 30
    positive_max: int = 3600
    negative_min: int = 30
    negative_max: int = 3600
    failure: int = 30
    """How long a failure is kept, and an answer that is over stands in for one (RFC 2308 section 7: at most 300)."""
    stale: int = 0
    """How long addresses that are over are kept for the case that no new ones are to be had (RFC 8767)."""

    def __post_init__(self) -> None:
        """Raise ValueError for negative times, and for a least that is more than the most."""
        if min(self.positive_min, self.negative_min, self.failure, self.stale) < 0:
            raise ValueError("times are not negative")
        if self.positive_min > self.positive_max or self.negative_min > self.negative_max:
            raise ValueError("the least time is not more than the most")


@dataclass(slots=True)
class Entry:
    """A result in the cache."""

    result: Result
    expires: float
    """Until then it is as good as new; later it is stale: to be used while, or in case, a new one is not to be had."""
    vanishes: float


class Cache:
    """Results by question; the one that has not been used for longest makes room for a new one."""

    __slots__ = ("_bounds", "_capacity", "_entries")

    def __init__(self, bounds: Bounds | None = None, capacity: int = CAPACITY) -> None:
        """Raises ValueError for a capacity of less than one."""
        if capacity < 1:
            raise ValueError("a cache holds at least one result")
        self._bounds = bounds or Bounds()
        self._capacity = capacity
        # By the fields of a question: a tuple is hashed and compared twice as fast as a dataclass.
        self._entries: OrderedDict[tuple[str, RdataType], Entry] = OrderedDict()

    def __len__(self) -> int:
        """How many results are kept."""
        return len(self._entries)

    def find(self, question: Question, now: float) -> Entry | None:
        """The result that is kept, fresh until it ``expires``; stale ones only where `Bounds.stale` allows them."""
        key = (question.name, question.type)
        entry = self._entries.get(key)
        if entry is None:
            return None
        if now >= entry.vanishes:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry

    def store(self, question: Question, result: Result, now: float) -> Result:
        """Keep a result, and return the one to use.

        That is another one only when a lookup failed while addresses that are over may still be used: they are then
        taken for fresh until it is time to ask again.
        """
        bounds = self._bounds
        match result:
            case Addresses(ttl=ttl):
                expires = now + min(max(ttl, bounds.positive_min), bounds.positive_max)
                entry = Entry(result, expires, expires + bounds.stale)
            case NoAddresses(ttl=ttl):
                expires = now + min(max(ttl, bounds.negative_min), bounds.negative_max)
                entry = Entry(result, expires, expires)
            case _:
                old = self.find(question, now)
                if old is not None and isinstance(old.result, Addresses):
                    old.expires = max(old.expires, min(now + bounds.failure, old.vanishes))
                    return old.result
                entry = Entry(result, now + bounds.failure, now + bounds.failure)
        key = (question.name, question.type)
        self._entries[key] = entry
        self._entries.move_to_end(key)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
        return result

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()


class Coalescer(Generic[W]):
    """Who waits for which question: each is looked up once at a time. ``W`` stands for a waiter and is hashable."""

    __slots__ = ("_most", "_waiters")

    def __init__(self, max_lookups: int = MAX_LOOKUPS) -> None:
        self._most = max_lookups
        self._waiters: dict[Question, dict[W, None]] = {}

    def __len__(self) -> int:
        """How many questions are being looked up."""
        return len(self._waiters)

    def is_full(self, question: Question) -> bool:
        """Whether a new lookup would be one too many; an old one may always be joined."""
        return len(self._waiters) >= self._most and question not in self._waiters

    def join(self, question: Question, waiter: W) -> bool:
        """Wait for the question; True when the caller is the first, and has to look it up."""
        waiters = self._waiters.get(question)
        if waiters is None:
            self._waiters[question] = {waiter: None}
            return True
        waiters[waiter] = None
        return False

    def leave(self, question: Question, waiter: W) -> None:
        """Wait no more. The lookup goes on: its result is of use to the cache."""
        self._waiters.get(question, {}).pop(waiter, None)

    def settle(self, question: Question) -> list[W]:
        """The lookup is over: forget and return those who wait."""
        return list(self._waiters.pop(question, ()))
