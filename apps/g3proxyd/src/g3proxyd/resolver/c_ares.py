"""The resolver that asks name servers by way of c-ares, and remembers what they said."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pycares
from g3_escape import Family

from ..log import Logger, encode
from .caching import LATE, CachingResolver
from .channel import ChannelOptions, LoopChannel
from .errors import ResolveError, driver_error
from .records import QUERY_TYPES, addresses, error_of

if TYPE_CHECKING:
    from ..config.resolver import CAresConfig

QUERIES_PER_PORT = 64
"""Queries that one UDP port is used for unless the configuration says so. c-ares would keep a port for as long as
queries overlap, which in a busy proxy is for ever, and leave a forger with nothing to guess but the id."""

OTHER_CODE = driver_error("BadResp", "a response code that means nothing here")


class CAresResolver(CachingResolver):
    """g3's ``c_ares``."""

    type_name = "c-ares"

    def __init__(self, config: "CAresConfig", logger: Logger) -> None:
        """To be made on the event loop that it is used on, after any fork.

        ``logger`` is the resolve logger of the daemon. Raises ValueError when c-ares does not take the configuration.
        """
        try:
            self._channel = LoopChannel(asyncio.get_running_loop(), _options(config))
        except pycares.AresError as error:
            raise ValueError(f"resolver {config.name}: {error.args[-1]}") from None
        logger = logger.bind(
            resolver_type=self.type_name,
            resolver_name=config.name,
            bind_ipv4=encode.ip(config.bind_ipv4),
            bind_ipv6=encode.ip(config.bind_ipv6),
            server=" ".join(self._channel.servers),
        )
        super().__init__(config, logger)
        self._timeout = config.protective_query_timeout

    async def _release(self) -> None:
        self._channel.close()

    def _ask(self, name: str, family: Family) -> None:
        # Both may come, and the answer before query() returns; a call from C is no place for exceptions either.
        asking = Asking(self._loop, self._timeout, partial(self._settle, name, family))
        self._channel.query(name, QUERY_TYPES[family], asking.answered)

    def _settle(self, name: str, family: Family, result: pycares.DNSResult | None, error: ResolveError | None) -> None:
        """Remember how a query ended, and tell those who wait for it."""
        if error is not None:
            self._failed(name, family, error)
        elif result is None:
            self._resolved(name, family, (), 0)
        elif not result.answer:  # of that it would say ENODATA: the server gave a code that c-ares has no number for
            self._failed(name, family, OTHER_CODE)
        else:
            self._resolved(name, family, *addresses(result, name))


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
        self._timer = loop.call_later(timeout, self._finish, None, LATE)

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
