"""Heads, chunks and error pages as bytes (RFC 9112 sections 2 to 7).

What is packed is checked: a value that could begin a second line is a bug of the caller and raises
LocalProtocolError, whose text never repeats the value.
"""

import re
from collections.abc import Iterable
from html import escape

from g3_machine import LocalProtocolError

from ._grammar import is_field_value, is_token
from ._status import reason_phrase

Field = tuple[bytes, bytes]
"""One field line: its name as spelt on the wire, and its value without the whitespace around it."""

LAST_CHUNK = b"0\r\n\r\n"
"""RFC 9112 section 7.1: the end of a chunked body that has no trailers."""

_is_target = re.compile(rb"[\x21-\x7e\x80-\xff]++").fullmatch


def pack_fields(fields: Iterable[Field]) -> bytes:
    """Return the field lines of ``fields``, without the empty line that ends a head.

    Raises LocalProtocolError for a name that is not a token or a value that holds a control character.
    """
    lines = []
    for name, value in fields:
        if not is_token(name):
            raise LocalProtocolError("a field name that is not a token")
        if not is_field_value(value):
            raise LocalProtocolError(f"a control character in the value of {name.decode('ascii')}")
        lines.append(b"%b: %b\r\n" % (name, value) if value else b"%b:\r\n" % name)
    return b"".join(lines)


def pack_request_head(method: bytes, target: bytes, fields: Iterable[Field] = (), *, minor: int = 1) -> bytes:
    """Return a request head: request line, field lines, empty line (RFC 9112 section 3).

    ``target`` is the whole request target as it goes on the wire; ``minor`` is the minor version, 0 or 1.
    Raises LocalProtocolError for anything that would not be read back as given.
    """
    if not is_token(method) or not _is_target(target):
        raise LocalProtocolError("a method or a target that would break the request line")
    return b"%b %b HTTP/1.%d\r\n%b\r\n" % (method, target, minor, pack_fields(fields))


def pack_response_head(
    status: int, fields: Iterable[Field] = (), *, reason: bytes | None = None, minor: int = 1
) -> bytes:
    """Return a response head: status line, field lines, empty line (RFC 9112 section 4).

    ``status`` is 100 to 999; ``reason`` None stands for the phrase that belongs to the code.
    Raises LocalProtocolError for anything that would not be read back as given.
    """
    phrase = reason_phrase(status) if reason is None else reason
    if not 100 <= status <= 999 or not is_field_value(phrase):
        raise LocalProtocolError("a status or a reason phrase that would break the status line")
    return b"HTTP/1.%d %d %b\r\n%b\r\n" % (minor, status, phrase, pack_fields(fields))


def pack_chunk(data: bytes | bytearray | memoryview) -> bytes:
    """Return ``data`` as one chunk (RFC 9112 section 7.1); no data gives no bytes, for an empty chunk ends a body."""
    data = bytes(data)
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def pack_last_chunk(trailers: Iterable[Field] = ()) -> bytes:
    """Return the last chunk and the trailer section (RFC 9112 section 7.1.2). Raises as `pack_fields` does."""
    return b"0\r\n%b\r\n" % pack_fields(trailers)


_PAGE = b"""<!DOCTYPE html>
<html>
<head><title>%(title)b</title></head>
<body>
<h1>%(title)b</h1>
%(text)b</body>
</html>
"""


def error_response(
    status: int,
    *,
    reason: bytes | None = None,
    message: str = "",
    close: bool = True,
    fields: Iterable[Field] = (),
    method: bytes = b"GET",
) -> bytes:
    """Return a whole response that the proxy gives itself, with a small HTML page as its body.

    ``message`` is a sentence for people and is escaped; ``close`` adds ``Connection: close``; ``fields`` come
    before the framing, for example ``Proxy-Authenticate``. A response to HEAD ends after its head.
    Raises as `pack_response_head` does, and for a status whose responses have no content.
    """
    if status < 200 or status in (204, 205, 304):
        raise LocalProtocolError("a page with a status that has no content")
    phrase = reason_phrase(status) if reason is None else reason
    title = b"%d %b" % (status, escape(phrase.decode("latin-1")).encode("latin-1"))
    text = f"<p>{escape(message)}</p>\n".encode("ascii", "xmlcharrefreplace") if message else b""
    page = _PAGE % {b"title": title, b"text": text}
    lines = [*fields, (b"Content-Type", b"text/html"), (b"Content-Length", b"%d" % len(page))]
    if close:
        lines.append((b"Connection", b"close"))
    head = pack_response_head(status, lines, reason=phrase)
    return head if method == b"HEAD" else head + page
