"""One address of a name, for those who look at it and do not connect."""

import random
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from g3_acl import unmap
from g3_escape import Family, Strategy

from ..resolver.base import Resolver
from .search import Search, wait_for

if TYPE_CHECKING:
    from ..config.escaper.route_resolved import ResolvingRouteConfig

Address = IPv4Address | IPv6Address


class FirstAddress:
    """Asks for the addresses of both families; the preferred one counts, if it answers in time."""

    def __init__(self, config: "ResolvingRouteConfig", resolver: Resolver) -> None:
        self._resolver = resolver
        self._families: tuple[Family, ...] = Strategy(config.resolve_strategy.query.value).families
        self._delay = config.resolution_delay
        self._choose: Callable[[tuple[Address, ...]], Address] = (
            random.choice if config.resolve_strategy.pick.value == "random" else lambda addresses: addresses[0]
        )

    async def of(self, domain: str) -> Address:
        """The address to look at. Raises TcpConnectError."""
        ask = partial(self._resolver.query, domain)
        return await wait_for(lambda receive: Search(ask, self._families, self._delay, self._pick, receive).start())

    def _pick(self, addresses: tuple[Address, ...]) -> Address | None:
        return unmap(self._choose(addresses)) if addresses else None
