"""DNS over HTTPS: what stands in a request and in a response, for HTTP/2 and HTTP/3 alike (RFC 8484)."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ._errors import HttpsError
from ._message import MAX_MESSAGE_SIZE

MEDIA_TYPE = "application/dns-message"
PATH = "/dns-query"
MAX_AGE = 0x7FFFFFFF
"""Seconds: more than any TTL."""

_AGE = re.compile(rb"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class HttpsRequest:
    """A request for HTTP/2 or HTTP/3: the pseudo-fields first, all names in lower case."""

    headers: tuple[tuple[str, str], ...]
    body: bytes
    """Empty for GET: its headers end the stream."""


def https_request(query: bytes, authority: str, path: str = PATH, *, post: bool = False) -> HttpsRequest:
    """RFC 8484 section 4.1: a query as a request; its id should be 0, so that equal ones are equal to caches.

    ``path`` is that of the server's URI template, without its variable; ``authority`` its host, and port if not 443.
    """
    common = ((":scheme", "https"), (":authority", authority))
    if post:
        size = str(len(query))
        fields = (("accept", MEDIA_TYPE), ("content-type", MEDIA_TYPE), ("content-length", size))
        return HttpsRequest(((":method", "POST"), *common, (":path", path), *fields), query)
    text = base64.urlsafe_b64encode(query).rstrip(b"=").decode("ascii")
    target = f"{path}{'&' if '?' in path else '?'}dns={text}"
    return HttpsRequest(((":method", "GET"), *common, (":path", target), ("accept", MEDIA_TYPE)), b"")


def https_answer(
    status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes, max_size: int = MAX_MESSAGE_SIZE
) -> tuple[bytes, int]:
    """RFC 8484 section 4.2 and 5.1: the message in a response, and for how many seconds caches have held it.

    Raises HttpsError for what is no success, has another media type, or is larger than ``max_size``.
    """
    if not 200 <= status < 300:
        raise HttpsError(f"status {status}", status)
    media_type, age = b"", 0
    for name, value in headers:
        if name == b"content-type":
            media_type = value.partition(b";")[0].strip().lower()
        elif name == b"age" and _AGE.fullmatch(value):
            age = min(int(value), MAX_AGE)
    if media_type != MEDIA_TYPE.encode():
        raise HttpsError(f"media type {media_type[:80]!r}, not {MEDIA_TYPE}", status)
    if len(body) > max_size:
        raise HttpsError(f"a message of {len(body)} bytes, at most {max_size}", status)
    return body, age
