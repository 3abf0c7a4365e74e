"""What every resolver can do: tell the addresses of a name, one family at a time.

The two families are asked for apart, because happy eyeballs starts to connect as soon as the first answer is there.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

from g3_escape import Family

from .errors import ResolveError

T = TypeVar("T")


class Source(Enum):
    """Where an answer came from: the ``rr_source`` field of the resolve log."""

    CACHE = "cache"
    TRASH = "trash"
    """An expired answer that is still usable while a new one is being fetched."""
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class Answer:
    """The addresses of one family of a name, or why there are none.

    A name that exists without an address of the family has no addresses and no error.
    """

    addresses: tuple[IPv4Address | IPv6Address, ...]
    error: ResolveError | None = None
    source: Source = Source.QUERY


class Query(ABC):
    """A lookup under way."""

    @abstractmethod
    def cancel(self) -> None:
        """Take no interest in the answer any more; it is not delivered after this. May be called again."""


async def finished(start: Callable[[Callable[[T], None]], T | Query]) -> T:
    """What a lookup comes to that is started as `Resolver.query` is: known at once, or told later to what it is given.

    A cancelled wait cancels the lookup.
    """
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    started = start(future.set_result)
    if not isinstance(started, Query):
        return started
    try:
        return await future
    except asyncio.CancelledError:
        started.cancel()
        raise


class Resolver(ABC):
    """Tells the addresses of names; lives on one event loop."""

    type_name: str
    """The type as the logs name it, ``c-ares`` for instance."""

    def __init__(self, name: str) -> None:
        self.name = name
        """The name from the configuration."""

    @abstractmethod
    def query(self, domain: str, family: Family, receive: Callable[[Answer], None]) -> Answer | Query:
        """Ask for the addresses of one family.

        Returns the answer when it is known at once: ``receive`` is not called then. Otherwise returns a `Query`,
        and ``receive`` is called exactly once, later, from the event loop, unless the query is cancelled first. Every
        query is answered in the end: a resolver has timeouts of its own. Never raises.
        """

    @abstractmethod
    async def close(self) -> None:
        """Answer no new queries, let the running ones finish for as long as the configuration says, release all."""

    async def resolve(self, domain: str, family: Family) -> Answer:
        """The same as `query` for callers that only wait. Raises ResolveError instead of returning an error."""
        answer: Answer = await finished(partial(self.query, domain, family))
        if answer.error is not None:
            raise answer.error.fresh()
        return answer
