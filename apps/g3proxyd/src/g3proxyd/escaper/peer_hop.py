"""A next proxy that is known by its address."""

from contextlib import AbstractContextManager

from ..io.stream import Stream
from ..upstream import Upstream
from .base import ConnectNotes, TaskIdentity
from .negotiation import Negotiation
from .peer import PeerConnector


class PeerHop:
    """One proxy for all tasks; see `Hop`."""

    def __init__(self, connector: PeerConnector, peer: Upstream) -> None:
        self._connector = connector
        self._peer = peer

    async def connect(self, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity) -> Stream:
        """See `PeerConnector.connect`."""
        return await self._connector.connect(self._peer, upstream, notes, task)

    def negotiation(
        self, stream: Stream, seconds: float, upstream: Upstream, notes: ConnectNotes, task: TaskIdentity
    ) -> AbstractContextManager[Negotiation]:
        """See `PeerConnector.negotiation`."""
        return self._connector.negotiation(stream, seconds, upstream, notes, task)
