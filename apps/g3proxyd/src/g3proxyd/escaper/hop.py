"""What those who talk with proxies need to know of where these are."""

from contextlib import AbstractContextManager
from typing import Protocol

from ..io.stream import Stream
from ..upstream import Upstream
from .base import ConnectNotes, TaskIdentity
from .negotiation import Negotiation


class Hop(Protocol):
    """Where the proxies are: see `NextHop`."""

    async def connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> Stream: ...

    def negotiation(
        self, stream: Stream, seconds: float, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity
    ) -> AbstractContextManager[Negotiation]: ...
