"""The loops that run a handshake machine over a real connection; the one place of the package with I/O.

A handshake ends when an answer returns something other than None. What the peer sent behind the handshake comes back
beside the result: it belongs to the protocol that follows, and nothing of it is lost.
"""

from ._asyncio import handshake_async
from ._blocking import handshake

__all__ = ["handshake", "handshake_async"]
