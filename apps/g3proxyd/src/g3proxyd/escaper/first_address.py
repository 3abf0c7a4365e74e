"""One address of a name, for those who look at it and do not connect."""

import asyncio
import random
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from g3_acl import unmap
from g3_escape import Family, Strategy

from ..resolver.base import Answer, Query, Resolver
from .errors import ConnectReason, TcpConnectError

if TYPE_CHECKING:
    from ..config.escaper.route_resolved import ResolvingRouteConfig

Address = IPv4Address | IPv6Address


class FirstAddress:
    """Asks for the addresses of both families; the preferred one counts, if it answers in time.

    Once the other family has answered, the preferred one has the resolution delay of RFC 8305 section 3.
    """

    def __init__(self, config: "ResolvingRouteConfig", resolver: Resolver) -> None:
        self._resolver = resolver
        self._families: tuple[Family, ...] = Strategy(config.resolve_strategy.query.value).families
        self._delay = config.resolution_delay
        self._pick: Callable[[tuple[Address, ...]], Address] = (
            random.choice if config.resolve_strategy.pick.value == "random" else lambda addresses: addresses[0]
        )

    async def of(self, domain: str) -> Address:
        """The address to look at. Raises TcpConnectError."""
        loop = asyncio.get_running_loop()
        answers: dict[Family, Answer] = {}
        queries: list[Query] = []
        more = asyncio.Event()

        def answered(family: Family, answer: Answer) -> None:
            answers[family] = answer
            more.set()

        try:
            for family in self._families:
                asked = self._resolver.query(domain, family, partial(answered, family))
                if isinstance(asked, Answer):
                    answers[family] = asked
                    if asked.addresses:
                        break
                else:
                    queries.append(asked)
            patience: float | None = None
            while (found := self._best(answers, patience is not None and loop.time() >= patience)) is None:
                if patience is None and any(answer.addresses for answer in answers.values()):
                    patience = loop.time() + self._delay
                more.clear()
                try:
                    async with asyncio.timeout_at(patience):
                        await more.wait()
                except TimeoutError:
                    patience = 0.0
        finally:
            for query in queries:
                query.cancel()
        return unmap(self._pick(found))

    def _best(self, answers: dict[Family, Answer], overdue: bool) -> tuple[Address, ...] | None:
        """The addresses to pick from; None while a better answer may come. Raises TcpConnectError if there are none."""
        for family in self._families:
            answer = answers.get(family)
            if answer is None and not overdue:
                return None
            if answer is not None and answer.addresses:
                return answer.addresses
        for answer in answers.values():
            if answer.error is not None:
                raise TcpConnectError(ConnectReason.RESOLVE_FAILED, resolve_error=answer.error.fresh())
        raise TcpConnectError(ConnectReason.NO_ADDRESS_CONNECTED)
