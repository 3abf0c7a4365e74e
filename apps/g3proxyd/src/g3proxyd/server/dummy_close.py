"""The server that closes every connection: a placeholder where nothing else may answer."""

from ..io.listener import Peer
from ..io.stream import Stream
from .base import Server, Stage


class Close:
    """The only stage of such a connection."""

    async def run(self) -> Stage | None:
        """End it."""
        return None


class DummyCloseServer(Server):
    """g3's ``dummy_close``."""

    type_name = "DummyClose"

    def first_stage(self, stream: Stream, peer: Peer) -> Stage:
        """Nothing is read and nothing is answered."""
        return Close()
