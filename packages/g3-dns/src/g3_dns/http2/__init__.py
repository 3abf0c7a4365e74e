"""DNS over HTTPS on HTTP/2; needs the extra ``http2``."""

from ._client import Http2Client

__all__ = ["Http2Client"]
