"""One address of a name, for those who cannot try several at a time."""

import asyncio
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address, IPv6Address

from g3_escape import Family

from ..resolver.base import Answer, Query, finished
from .errors import ConnectReason, TcpConnectError
from .race import Ask
from .sockets import Host

Found = Host | TcpConnectError
"""The address, or why there is none."""
Pick = Callable[[tuple[IPv4Address | IPv6Address, ...]], Host | None]
"""Chooses one of the addresses of a family, or none; raises TcpConnectError if none may be used."""


class Search(Query):
    """A name on the way to its address.

    Both families are asked for, and the preferred one counts if it answers in time: once the other one has an address,
    it has the resolution delay of RFC 8305 section 3. What the preferred one tells at once is all that is asked.
    """

    __slots__ = ("_ask", "_delay", "_error", "_families", "_found", "_pick", "_queries", "_receive", "_timer")

    def __init__(
        self, ask: Ask, families: tuple[Family, ...], delay: float, pick: Pick, receive: Callable[[Found], None]
    ) -> None:
        """``families`` has the preferred one first; ``delay`` is in seconds. ``receive`` is called as `start` says."""
        self._ask = ask
        self._families = families
        self._delay = delay
        self._pick = pick
        self._receive: Callable[[Found], None] | None = receive
        self._found: dict[Family, Host | None] = {}
        """What each family has come to that has answered."""
        self._queries: list[Query] = []
        self._timer: asyncio.TimerHandle | None = None
        self._error: TcpConnectError | None = None

    def start(self) -> "Found | Search":
        """What is known at once; else itself, and ``receive`` is called later, once, unless it is cancelled."""
        for family in self._families:
            asked = self._ask(family, partial(self._answered, family))
            if not isinstance(asked, Answer):  # which is quicker than to ask for an ABC
                self._queries.append(asked)
            elif (host := self._take(family, asked)) is not None and not self._queries:
                return host
        if not self._queries:
            return self._failure()
        self._arm()
        return self

    def cancel(self) -> None:
        """Take no interest any more."""
        self._receive = None
        if self._timer is not None:
            self._timer.cancel()
        for query in self._queries:
            query.cancel()
        self._queries.clear()

    def _answered(self, family: Family, answer: Answer) -> None:
        self._take(family, answer)
        self._proceed()

    def _take(self, family: Family, answer: Answer) -> Host | None:
        host = None
        # A refusal of ours says more than the missing answer of the other family.
        if answer.error is None:
            try:
                host = self._pick(answer.addresses)
            except TcpConnectError as error:
                self._error = error
        elif self._error is None:
            self._error = TcpConnectError(ConnectReason.RESOLVE_FAILED, resolve_error=answer.error.fresh())
        self._found[family] = host
        return host

    def _best(self, overdue: bool = False) -> Found | None:
        """The address to use, or why there is none; None while a better one may come."""
        for family in self._families:
            host = self._found.get(family)
            if host is not None:
                return host
            if family not in self._found and not overdue:
                return None
        return self._failure()

    def _failure(self) -> TcpConnectError:
        return self._error or TcpConnectError(ConnectReason.NO_ADDRESS_CONNECTED)

    def _proceed(self, overdue: bool = False) -> None:
        found, receive = self._best(overdue), self._receive
        if found is None:
            self._arm()
        elif receive is not None:
            self.cancel()
            receive(found)

    def _arm(self) -> None:
        if self._timer is None and any(self._found.values()):
            self._timer = asyncio.get_running_loop().call_later(self._delay, self._proceed, True)


async def wait_for(find: Callable[[Callable[[Found], None]], Found | Query]) -> Host:
    """What a search or the like finds that is started with something to call. Raises TcpConnectError."""
    found = await finished(find)
    if isinstance(found, TcpConnectError):
        raise found
    return found
