"""What names resolved to a while ago, and who waits for what is being resolved now. Pure logic with explicit time.

An answer with addresses has two ends. Until it *expires* it is used as it is. From then until it *vanishes*, which is
when its own TTL is over, it is still used, but each use makes sure that a new answer is on its way; and it stays in use
when that fails for any other reason than that the name is gone. So a name in regular use never makes anybody wait, and
a name server may be away for a while.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol

from .base import Answer, Source
from .errors import ErrorType, ResolveError

CAPACITY = 32768
"""Names that are remembered for each address family: some tens of megabytes when all have the most addresses."""

TTL_MAX = 0x7FFFFFFF
"""A larger TTL is to be taken for zero (RFC 2181 section 8)."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long answers are kept, in seconds."""

    positive_min_ttl: int = 30
    positive_max_ttl: int = 3600
    negative_min_ttl: int = 30

    def of(self, ttl: int) -> tuple[int, int]:
        """When an answer with this TTL expires and vanishes, counted from its arrival."""
        least, most = self.positive_min_ttl, self.positive_max_ttl
        if ttl > TTL_MAX:
            ttl = 0
        if ttl <= least:
            return least, least + 1
        # Expire a little before the TTL is over, so that a fresh answer can be there in time.
        return min(max(ttl - least, least), most), ttl


class Waiter(Protocol):
    """Somebody who waits for an answer."""

    def deliver(self, answer: Answer) -> None:
        """Take the answer; called once."""


@dataclass(slots=True)
class Entry:
    """An answer as the cache holds it."""

    answer: Answer
    stale: Answer
    """The same, to be given out after it has expired."""
    expires: float
    vanishes: float


class Cache:
    """The answers and queries of one address family."""

    __slots__ = ("_capacity", "_entries", "_lifetimes", "_waiters")

    def __init__(self, lifetimes: Lifetimes, capacity: int = CAPACITY) -> None:
        self._lifetimes = lifetimes
        self._capacity = capacity
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._waiters: dict[str, list[Waiter]] = {}

    def __len__(self) -> int:
        """Names that are remembered."""
        return len(self._entries)

    @property
    def asking(self) -> int:
        """Names that are being asked for."""
        return len(self._waiters)

    def find(self, domain: str, now: float) -> Answer | None:
        """The remembered answer; its source is TRASH when it is time to ask anew."""
        entry = self._entries.get(domain)
        if entry is None:
            return None
        if now >= entry.vanishes:
            del self._entries[domain]
            return None
        self._entries.move_to_end(domain)
        return entry.answer if now < entry.expires else entry.stale

    def is_asking(self, domain: str) -> bool:
        """Whether the name is being asked for."""
        return domain in self._waiters

    def ask(self, domain: str, waiter: Waiter | None = None) -> bool:
        """Note that the name is wanted, by ``waiter`` if anybody waits. Return whether the caller has to ask for it."""
        waiters = self._waiters.get(domain)
        first = waiters is None
        if waiters is None:
            waiters = self._waiters[domain] = []
        if waiter is not None:
            waiters.append(waiter)
        return first

    def resolved(self, domain: str, addresses: tuple[IPv4Address | IPv6Address, ...], ttl: int, now: float) -> None:
        """The name servers answered; the TTL of an answer without addresses is not looked at."""
        if addresses:
            expires, vanishes = self._lifetimes.of(ttl)
            self._settle(domain, Answer(addresses), now + expires, now + vanishes)
        else:
            self._settle(domain, Answer(()), *self._negative(now))

    def failed(self, domain: str, error: ResolveError, now: float) -> None:
        """The name servers said no, or nothing of use; that is remembered too, or dead ones would be asked for ever."""
        old = self._entries.get(domain)
        if old is not None and old.answer.addresses and now < old.vanishes and not is_final(error):
            self._deliver(domain, old.stale, old.stale)
            return
        self._settle(domain, Answer((), error), *self._negative(now))

    def drop_waiters(self, error: ResolveError) -> None:
        """Answer everybody who waits with this error, and remember nothing."""
        for domain in list(self._waiters):
            self._deliver(domain, Answer((), error), Answer((), error))

    def _negative(self, now: float) -> tuple[float, float]:
        end = now + self._lifetimes.negative_min_ttl
        return end, end

    def _settle(self, domain: str, answer: Answer, expires: float, vanishes: float) -> None:
        cached = replace(answer, source=Source.CACHE)
        self._entries[domain] = Entry(cached, replace(answer, source=Source.TRASH), expires, vanishes)
        self._entries.move_to_end(domain)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
        self._deliver(domain, answer, cached)

    def _deliver(self, domain: str, first: Answer, others: Answer) -> None:
        """Tell those who wait; the one for whom the query was made is told so."""
        answer = first
        for waiter in self._waiters.pop(domain, ()):
            waiter.deliver(answer)
            answer = others


def is_final(error: ResolveError) -> bool:
    """Whether the error says something about the name, not about the way to its servers."""
    return error.error_type is ErrorType.SERVER and error.subtype == "NOTFOUND"
