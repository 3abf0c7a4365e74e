"""The resolver that asks another one when the first fails or is slow.

It remembers that both have failed, and nothing else: what they know they remember themselves.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from g3_escape import Dial, Failover, Fallback, Family

from ..io.waiting import wait_at_most
from ..log import Logger
from .base import Answer, Query, Resolver, Source
from .cache import Cache, Lifetimes
from .caching import LATE, STOPPED
from .log import log_failure
from .name import normalise
from .stats import ResolverStats

if TYPE_CHECKING:
    from ..config.resolver import FailOverConfig


class FailOverResolver(Resolver):
    """g3's ``fail_over``."""

    type_name = "fail-over"

    def __init__(self, config: "FailOverConfig", primary: Resolver, standby: Resolver, logger: Logger) -> None:
        """To be made on the event loop that it is used on; ``logger`` is the resolve logger of the daemon."""
        super().__init__(config.name)
        self.loop = asyncio.get_running_loop()
        self.resolvers = (primary, standby)
        self.fallback = Fallback(config.fallback_delay)
        self.retry_empty = config.retry_empty_record
        self.timeout = config.protective_query_timeout
        self.stats = {family: ResolverStats() for family in Family}
        """Counters for each family."""
        self._graceful_stop_wait = config.graceful_stop_wait
        self._logger = logger.bind(
            resolver_type=self.type_name,
            resolver_name=config.name,
            next_primary=primary.name,
            next_standby=standby.name,
        )
        lifetimes = Lifetimes(negative_min_ttl=config.negative_ttl)
        self._failures = {family: Cache(lifetimes) for family in Family}
        self._races: set[Race] = set()
        self._closing = False
        self._idle: asyncio.Event | None = None

    def query(self, domain: str, family: Family, receive: Callable[[Answer], None]) -> Answer | Query:
        """See `Resolver.query`. That both have failed is logged."""
        stats, started = self.stats[family], time.monotonic()
        failure = self._known_failure(domain, family)
        if failure is not None:
            log_failure(self._logger, domain, family, started, failure)
            return failure
        stats.total += 1
        stats.driver_total += 1
        race = Race(self, domain, family, partial(self._settle, domain, family, started))
        answer = race.begin()
        if answer is not None:
            return answer
        race.receive = receive
        self._races.add(race)
        return race

    async def close(self) -> None:
        """Answer no new queries; after ``graceful_stop_wait`` those that still wait get an error."""
        self._closing = True
        if self._races:
            self._idle = asyncio.Event()
            await wait_at_most(self._graceful_stop_wait, self._idle)
        for race in tuple(self._races):
            race.end(Answer((), STOPPED))

    def forget(self, race: "Race") -> None:
        """The race is over."""
        self._races.discard(race)
        if self._idle is not None and not self._races:
            self._idle.set()

    def _known_failure(self, domain: str, family: Family) -> Answer | None:
        failures = self._failures[family]
        if len(failures) and (name := normalise(domain)) is not None:
            known = failures.find(name, self.loop.time())
            if known is not None:
                self.stats[family].known(Source.CACHE)
                return known
        return Answer((), STOPPED) if self._closing else None

    def _settle(self, domain: str, family: Family, started: float, answer: Answer) -> None:
        """Count, remember and log a failure."""
        error, name = answer.error, normalise(domain)
        if error is None:
            return
        self.stats[family].failed(error)
        if name is not None and error is not STOPPED:
            self._failures[family].failed(name, error, self.loop.time())
        log_failure(self._logger, domain, family, started, answer)


class Race(Query):
    """One query: the driver of the failover machine."""

    def __init__(
        self, resolver: FailOverResolver, domain: str, family: Family, settle: Callable[[Answer], None]
    ) -> None:
        """``settle`` is called with the answer before anybody else."""
        self.receive: Callable[[Answer], None] | None = None
        """Takes the answer if it does not come at once."""
        self._resolver = resolver
        self._domain = domain
        self._family = family
        self._settle = settle
        self._machine = Failover(resolver.resolvers, resolver.loop.time(), resolver.fallback)
        self._queries: dict[int, Query] = {}
        self._best: Answer | None = None
        """What to say if nobody has anything better."""
        self._answer: Answer | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._protection: asyncio.TimerHandle | None = None

    def begin(self) -> Answer | None:
        """Ask; the answer if it is known at once."""
        self._obey()
        if self._answer is None:
            self._protection = self._resolver.loop.call_later(self._resolver.timeout, self.end, Answer((), LATE))
        return self._answer

    def cancel(self) -> None:
        """See `Query.cancel`."""
        self._let_go()

    def end(self, answer: Answer) -> None:
        """That is the answer."""
        receive = self.receive
        self._answer = answer
        self._let_go()
        self._settle(answer)
        if receive is not None:
            receive(answer)

    def _obey(self) -> None:
        """Do what the machine wants done, then arm its timer."""
        while self._answer is None and (action := self._machine.next_action()) is not None:
            if isinstance(action, Dial):
                asked = action.address.query(self._domain, self._family, partial(self._answered, action.attempt))
                if isinstance(asked, Query):
                    self._queries[action.attempt] = asked
                else:
                    self._report(action.attempt, asked)
            else:  # nobody is left
                self.end(self._best or Answer((), LATE))
        self._arm()

    def _answered(self, attempt: int, answer: Answer) -> None:
        del self._queries[attempt]
        self._report(attempt, answer)
        self._obey()

    def _report(self, attempt: int, answer: Answer) -> None:
        if answer.error is None and (answer.addresses or not self._resolver.retry_empty):
            self._machine.attempt_succeeded(attempt)
            self.end(answer)
            return
        # That there is no address says more than that somebody has failed; else the last word counts.
        if self._best is None or self._best.error is not None:
            self._best = answer
        self._machine.attempt_failed(attempt, self._resolver.loop.time())

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        timeout = None if self._answer is not None else self._machine.next_timeout()
        if timeout is not None:
            self._timer = self._resolver.loop.call_at(timeout, self._late)

    def _late(self) -> None:
        self._timer = None
        self._machine.handle_timeout(self._resolver.loop.time())
        self._obey()

    def _let_go(self) -> None:
        self.receive = None
        for timer in (self._timer, self._protection):
            if timer is not None:
                timer.cancel()
        for query in self._queries.values():
            query.cancel()
        self._queries.clear()
        self._resolver.forget(self)
