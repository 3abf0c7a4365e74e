"""The resolver itself: between those who ask, the memory of all resolvers, and the name servers."""

import asyncio
import logging
from typing import TYPE_CHECKING

from dns.rdatatype import AAAA, A
from g3_dns import Addresses, Failure, LookupSettings, NoAddresses, Question
from g3_escape import Family

from ...io.poller import Poller
from ...io.timers import Wheel
from ...log import Logger, encode
from ..caching import LATE, CachingResolver
from ..errors import ResolveError, driver_error, server_error
from .make import make_transports
from .servers import Outcome, Servers

if TYPE_CHECKING:
    from ...config.resolver import HickoryConfig

log = logging.getLogger(__name__)

_TYPES = {Family.IPV4: A, Family.IPV6: AAAA}
_NOT_FOUND = server_error("NOTFOUND", "the server does not know the name")
_BUG = driver_error("InternalError", "internal error")


class HickoryResolver(CachingResolver):
    """g3's ``hickory``."""

    type_name = "hickory"
    asking_max = 2048  # over UDP each of them takes a socket

    def __init__(self, config: "HickoryConfig", logger: Logger, poller: Poller, wheel: Wheel) -> None:
        """To be made on the event loop that it is used on; ``logger`` is the resolve logger of the daemon."""
        bound = config.bind_interface if config.bind_ip is None else encode.ip(config.bind_ip)
        logger = logger.bind(
            resolver_type=self.type_name,
            resolver_name=config.name,
            bind_addr=bound,
            server=" ".join(map(str, config.server)),
            server_port=config.port,
            encryption=None if config.encryption is None else config.encryption.protocol.value,
        )
        super().__init__(config, logger)
        self._timeout = config.protective_query_timeout
        settings = LookupSettings(config.each_tries, config.each_timeout, config.each_timeout)
        self._servers = Servers(make_transports(config, poller, wheel), settings, config.retry_interval)
        self._tasks: set[asyncio.Task[None]] = set()

    async def _release(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._servers.close()

    def _ask(self, name: str, family: Family) -> None:
        task = self._loop.create_task(self._look_up_at_servers(name, family))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look_up_at_servers(self, name: str, family: Family) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                outcome = await self._servers.look_up(Question(name, _TYPES[family]))
        except TimeoutError:
            self._failed(name, family, LATE)
        except Exception:
            log.exception("resolver %s: the lookup of %r went wrong", self.name, name)
            self._failed(name, family, _BUG)
        else:
            self._settle(name, family, outcome)

    def _settle(self, name: str, family: Family, outcome: Outcome) -> None:
        match outcome.result:
            case Addresses(addresses=addresses, ttl=ttl):
                self._resolved(name, family, addresses, ttl)
            case NoAddresses(name_exists=True):
                self._resolved(name, family, (), 0)
            case NoAddresses():
                self._failed(name, family, _NOT_FOUND)
            case failed:
                self._failed(name, family, error_of(failed.failure, outcome.detail))


def error_of(failure: Failure, detail: str = "") -> ResolveError:
    """A failure in the words of the resolve log; ``detail`` says more about it."""
    make, subtype, text = _WORDS[failure]
    return make(subtype, f"{text}: {detail}" if detail else text)


_WORDS = {
    Failure.FORMAT_ERROR: (server_error, "FORMERR", "the server calls the query malformed"),
    Failure.SERVER_FAILURE: (server_error, "SERVFAIL", "the server failed"),
    Failure.NOT_IMPLEMENTED: (server_error, "NOTIMP", "the server does not implement the query"),
    Failure.REFUSED: (server_error, "REFUSED", "the server refused the query"),
    Failure.LAME: (server_error, "REFUSED", "the server tells us to ask others"),
    Failure.OTHER_CODE: (driver_error, "BadResp", "a response code that means nothing here"),
    Failure.MALFORMED: (driver_error, "BadResp", "malformed response"),
    Failure.ALIASES: (driver_error, "BadResp", "the aliases of the name lead nowhere"),
    Failure.HTTPS: (driver_error, "BadResp", "no DNS message in the HTTP response"),
    Failure.UNREACHABLE: (driver_error, "ConnRefused", "no server can be contacted"),
    Failure.TIMEOUT: (driver_error, "Timeout", "no server answered in time"),
}
