"""DNS over QUIC; needs the extra ``quic``."""

from ._client import QuicClient

__all__ = ["QuicClient"]
