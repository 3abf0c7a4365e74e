"""What resolvers share that ask name servers: a memory, one query for all who wait, counters and the log."""

import asyncio
import time
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, ClassVar

from g3_escape import Family

from ..io.waiting import wait_at_most
from ..log import Logger
from .base import Answer, Query, Resolver, Source
from .cache import Cache, Lifetimes
from .errors import ErrorType, ResolveError, driver_error, local_error
from .log import log_failure
from .name import normalise
from .stats import ResolverStats

if TYPE_CHECKING:
    from ..config.resolver.common import CachingResolverConfig

LATE = local_error("DriverTimedOut", "the query took longer than the configuration lets it")
"""The error of a query that was ended by ``protective_query_timeout``."""
STOPPED = local_error("NoResolverRunning", "the resolver was stopped")
"""The error of queries at the end of a resolver."""

_BUSY = driver_error("InternalError", "too many queries at the same time")
_BAD_NAME = driver_error("BadName", "malformed name")
_EMPTY = ResolveError(ErrorType.EMPTY_DOMAIN, "", "the name is empty")


class CachingResolver(Resolver):
    """Asks somebody for what it does not remember. A subclass does the asking: see `_ask`."""

    asking_max: ClassVar[int] = 16384
    """Names of one family that are asked for at the same time: clients may invent names faster than servers answer."""

    def __init__(self, config: "CachingResolverConfig", logger: Logger) -> None:
        """To be made on the event loop that it is used on, after any fork. ``logger`` knows who writes."""
        super().__init__(config.name)
        self._loop = asyncio.get_running_loop()
        self._graceful_stop_wait = config.graceful_stop_wait
        self._logger = logger
        lifetimes = Lifetimes(config.positive_min_ttl, config.positive_max_ttl, config.negative_min_ttl)
        self._caches = {family: Cache(lifetimes) for family in Family}
        self.stats = {family: ResolverStats() for family in Family}
        """Counters for each family."""
        self._closing = False
        self._idle: asyncio.Event | None = None

    def query(self, domain: str, family: Family, receive: Callable[[Answer], None]) -> Answer | Query:
        """See `Resolver.query`. Failures are logged."""
        cache = self._caches[family]
        now = self._loop.time()
        known = cache.find(domain, now)
        if known is not None and known.error is None:
            self.stats[family].known(known.source)
            if known.source is Source.TRASH:
                self._refresh(domain, family)
            return known
        return self._look_up(domain, family, receive, time.monotonic())

    async def close(self) -> None:
        """Answer no new queries; after ``graceful_stop_wait`` those that still wait get an error."""
        self._closing = True
        if any(cache.asking for cache in self._caches.values()):
            self._idle = asyncio.Event()
            await wait_at_most(self._graceful_stop_wait, self._idle)
        await self._release()
        for cache in self._caches.values():
            cache.drop_waiters(STOPPED)

    @abstractmethod
    def _ask(self, name: str, family: Family) -> None:
        """Ask for the addresses of a name that is spelled as `normalise` does.

        Each call is answered with one of `_resolved` and `_failed`, later or at once, unless `_release` comes first.
        """

    @abstractmethod
    async def _release(self) -> None:
        """End all queries, which are answered no more, and release everything."""

    def _resolved(self, name: str, family: Family, addresses: tuple[IPv4Address | IPv6Address, ...], ttl: int) -> None:
        """The name exists and has these addresses, or none, for so many seconds."""
        self._caches[family].resolved(name, addresses, ttl, self._loop.time())
        self._settled()

    def _failed(self, name: str, family: Family, error: ResolveError) -> None:
        """There is no answer, or that there is no such name."""
        self.stats[family].failed(error)
        self._caches[family].failed(name, error, self._loop.time())
        self._settled()

    def _settled(self) -> None:
        if self._idle is not None and not any(cache.asking for cache in self._caches.values()):
            self._idle.set()

    def _look_up(
        self, domain: str, family: Family, receive: Callable[[Answer], None], started: float
    ) -> Answer | Query:
        """Everything but the usual case: the name was not found in the cache as it is spelled, or with an error."""
        cache = self._caches[family]
        name = normalise(domain)
        if name is None:
            return self._at_once(Answer((), _BAD_NAME if domain else _EMPTY), domain, family, started)
        known = cache.find(name, self._loop.time())
        if known is not None:
            self.stats[family].known(known.source)
            if known.source is Source.TRASH:
                self._refresh(name, family)
            return self._at_once(known, name, family, started)
        if self._closing:
            return self._at_once(Answer((), STOPPED), name, family, started)
        if cache.asking >= self.asking_max and not cache.is_asking(name):
            return self._at_once(Answer((), _BUSY), name, family, started)
        self.stats[family].total += 1
        waiting = Waiting(receive, partial(log_failure, self._logger, name, family, started))
        if cache.ask(name, waiting):
            self._start(name, family)
        return waiting

    def _refresh(self, name: str, family: Family) -> None:
        if not self._closing and self._caches[family].ask(name):
            self._start(name, family)

    def _start(self, name: str, family: Family) -> None:
        self.stats[family].driver_total += 1
        self._ask(name, family)

    def _at_once(self, answer: Answer, domain: str, family: Family, started: float) -> Answer:
        log_failure(self._logger, domain, family, started, answer)
        return answer


class Waiting(Query):
    """A caller that waits for an answer."""

    __slots__ = ("_log", "_receive")

    def __init__(self, receive: Callable[[Answer], None], log: Callable[[Answer], None]) -> None:
        self._receive: Callable[[Answer], None] | None = receive
        self._log = log

    def deliver(self, answer: Answer) -> None:
        """Hand the answer on."""
        receive, self._receive = self._receive, None
        if receive is not None:
            self._log(answer)
            receive(answer)

    def cancel(self) -> None:
        """See `Query.cancel`."""
        self._receive = None
