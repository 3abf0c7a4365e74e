"""DNS over HTTPS on HTTP/3; needs the extra ``quic``."""

from ._client import Http3Client

__all__ = ["Http3Client"]
