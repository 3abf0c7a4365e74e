"""The resolver that asks name servers by way of c-ares, and remembers what they said."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pycares
from g3_escape import Family

from ..log import Logger, encode
from .base import Answer, Query, Resolver, Source
from .cache import Cache, Lifetimes
from .channel import ChannelOptions, LoopChannel
from .errors import ErrorType, ResolveError, driver_error, local_error
from .name import normalise
from .records import QUERY_TYPES, addresses, error_of
from .stats import ResolverStats

if TYPE_CHECKING:
    from ..config.resolver import CAresConfig

ASKING_MAX = 16384
"""Names of one family that are asked for at the same time: clients may invent names faster than servers answer."""

QUERIES_PER_PORT = 64
"""Queries that one UDP port is used for unless the configuration says so. c-ares would keep a port for as long as
queries overlap, which in a busy proxy is for ever, and leave a forger with nothing to guess but the id."""

_STOPPED = local_error("NoResolverRunning", "the resolver was stopped")
_BUSY = driver_error("InternalError", "too many queries at the same time")
_LATE = local_error("DriverTimedOut", "the query took longer than the configuration lets it")
_BAD_NAME = driver_error("BadName", "malformed name")
_EMPTY = ResolveError(ErrorType.EMPTY_DOMAIN, "", "the name is empty")


class CAresResolver(Resolver):
    """g3's ``c_ares``."""

    type_name = "c-ares"

    def __init__(self, config: "CAresConfig", logger: Logger) -> None:
        """To be made on the event loop that it is used on, after any fork.

        ``logger`` is the resolve logger of the daemon. Raises ValueError when c-ares does not take the configuration.
        """
        super().__init__(config.name)
        self._loop = asyncio.get_running_loop()
        self._config = config
        try:
            self._channel = LoopChannel(self._loop, _options(config))
        except pycares.AresError as error:
            raise ValueError(f"resolver {config.name}: {error.args[-1]}") from None
        self._logger = logger.bind(
            resolver_type=self.type_name,
            resolver_name=config.name,
            bind_ipv4=encode.ip(config.bind_ipv4),
            bind_ipv6=encode.ip(config.bind_ipv6),
            server=" ".join(self._channel.servers),
        )
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
            return self._at_once(Answer((), _STOPPED), name, family, started)
        if cache.asking >= ASKING_MAX and not cache.is_asking(name):
            return self._at_once(Answer((), _BUSY), name, family, started)
        self.stats[family].total += 1
        waiting = Waiting(receive, partial(self._log, name, family, started))
        if cache.ask(name, waiting):
            self._ask(name, family)
        return waiting

    async def close(self) -> None:
        """Answer no new queries; after ``graceful_stop_wait`` those that still wait get an error."""
        self._closing = True
        if any(cache.asking for cache in self._caches.values()):
            self._idle = asyncio.Event()
            try:
                async with asyncio.timeout(self._config.graceful_stop_wait):
                    await self._idle.wait()
            except TimeoutError:
                pass
        self._channel.close()
        for cache in self._caches.values():
            cache.drop_waiters(_STOPPED)

    def _refresh(self, name: str, family: Family) -> None:
        if not self._closing and self._caches[family].ask(name):
            self._ask(name, family)

    def _ask(self, name: str, family: Family) -> None:
        """Send the query to the name servers."""
        self.stats[family].driver_total += 1
        # Both may come, and the answer before query() returns; a call from C is no place for exceptions either.
        asking = Asking(self._loop, self._config.protective_query_timeout, partial(self._settle, name, family))
        self._channel.query(name, QUERY_TYPES[family], asking.answered)

    def _settle(self, name: str, family: Family, result: pycares.DNSResult | None, error: ResolveError | None) -> None:
        """Remember how a query ended, and tell those who wait for it."""
        cache, now = self._caches[family], self._loop.time()
        if error is not None:
            self.stats[family].failed(error)
            cache.failed(name, error, now)
        elif result is not None:
            cache.resolved(name, *addresses(result, name), now)
        else:
            cache.resolved(name, (), 0, now)
        if self._idle is not None and not any(cache.asking for cache in self._caches.values()):
            self._idle.set()

    def _at_once(self, answer: Answer, domain: str, family: Family, started: float) -> Answer:
        self._log(domain, family, started, answer)
        return answer

    def _log(self, domain: str, family: Family, started: float, answer: Answer) -> None:
        """Write a resolve record if the answer is an error."""
        error = answer.error
        if error is not None and self._logger.enabled:
            fields = {
                "query_type": "A" if family is Family.IPV4 else "AAAA",
                "duration": encode.duration(time.monotonic() - started),
                "rr_source": answer.source.value,
                "error_type": error.error_type.value,
                "error_subtype": error.subtype,
                "domain": domain,
            }
            self._logger.log(fields, str(error))


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


class Asking:
    """A query that the name servers have, which ends once: by their answer or by the protective timeout."""

    __slots__ = ("_end", "_loop", "_timer")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        timeout: float,
        end: Callable[[pycares.DNSResult | None, ResolveError | None], None],
    ) -> None:
        self._loop = loop
        self._end: Callable[[pycares.DNSResult | None, ResolveError | None], None] | None = end
        self._timer = loop.call_later(timeout, self._finish, None, _LATE)

    def answered(self, result: pycares.DNSResult | None, code: int | None) -> None:
        """The callback for c-ares."""
        self._timer.cancel()
        self._loop.call_soon(self._finish, result, None if code is None else error_of(code))

    def _finish(self, result: pycares.DNSResult | None, error: ResolveError | None) -> None:
        end, self._end = self._end, None
        if end is not None:
            end(result, error)


def _options(config: "CAresConfig") -> ChannelOptions:
    return ChannelOptions(
        servers=tuple(str(server) for server in config.server),
        timeout=config.each_timeout,
        tries=config.each_tries,
        max_timeout=config.max_timeout,
        udp_max_queries=config.udp_max_quires or QUERIES_PER_PORT,
        rotate=config.round_robin,
        send_buffer=config.socket_send_buffer_size,
        receive_buffer=config.socket_recv_buffer_size,
        local_ips=tuple(str(ip) for ip in (config.bind_ipv4, config.bind_ipv6) if ip is not None),
    )
