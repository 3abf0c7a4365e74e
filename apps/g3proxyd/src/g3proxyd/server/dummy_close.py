"""The server that closes every connection: a placeholder where nothing else may answer."""

from typing import TYPE_CHECKING

from ..io.listener import Peer
from ..io.stream import Stream
from .base import Server, Stage
from .context import ServerContext

if TYPE_CHECKING:
    from ..config.server.dummy_close import DummyCloseConfig


class Close:
    """The only stage of such a connection."""

    async def run(self) -> Stage | None:
        """End it."""
        return None


class DummyCloseServer(Server):
    """g3's ``dummy_close``."""

    type_name = "DummyClose"

    def __init__(self, context: ServerContext, config: "DummyCloseConfig") -> None:
        """``config`` has nothing but a name."""
        super().__init__(context)

    def first_stage(self, stream: Stream, peer: Peer) -> Stage:
        """Nothing is read and nothing is answered."""
        return Close()
