"""How long a message body is (RFC 9112 section 6), and what Connection says (RFC 9110 section 7.6.1)."""

from enum import Enum

from ._errors import HttpError
from ._grammar import is_token
from ._limits import MAX_CONTENT_LENGTH

Control = dict[bytes, bytes]
"""Lower-case names and values of the fields that steer a message; see `sort_fields`."""


class Framing(Enum):
    """What ends the body of a message (RFC 9112 section 6.3)."""

    NONE = "none"
    """There is no body."""
    LENGTH = "length"
    """Content-Length counts it."""
    CHUNKED = "chunked"
    """Its last chunk and trailer section."""
    CLOSE = "close"
    """The end of the connection; responses only."""


NONE, LENGTH, CHUNKED, CLOSE = Framing
"""For use in this package: CPython 3.11 takes 85 ns to look a member up in its class."""


_MAX_DIGITS = 19
"""Of a Content-Length: those of MAX_CONTENT_LENGTH."""

_NO_OPTIONS: frozenset[bytes] = frozenset()
_COMMON_OPTIONS: dict[bytes, frozenset[bytes]] = {
    b"close": frozenset((b"close",)),
    b"Close": frozenset((b"close",)),
    b"keep-alive": frozenset((b"keep-alive",)),
    b"Keep-Alive": frozenset((b"keep-alive",)),
}
"""The values of Connection that nearly all messages have."""


def read_framing(control: Control, minor: int, error: type[HttpError]) -> tuple[Framing, int | None]:
    """Return the framing that Transfer-Encoding and Content-Length give a message, and the length.

    Stricter than RFC 9112 section 6.3 has to be: nothing that two recipients could read in two ways is let
    through. Content-Length must be one number, so that a list of equal numbers is refused too; chunked must
    be the only coding; both fields together are refused, and any coding in HTTP/1.0.
    """
    coding = control.get(b"transfer-encoding")
    length = control.get(b"content-length")
    if coding is not None:
        if length is not None:
            raise error("framing", "both Content-Length and Transfer-Encoding")
        if not minor:
            raise error("framing", "Transfer-Encoding in an HTTP/1.0 message")
        if coding.lower() != b"chunked":
            raise _coding_error(coding, error)
        return CHUNKED, None
    if length is None:
        return NONE, None
    if len(length) > _MAX_DIGITS or not length.isdigit() or (number := int(length)) > MAX_CONTENT_LENGTH:
        raise error("content_length", "a Content-Length that is not one number in range")
    return LENGTH, number


def read_options(value: bytes | None, error: type[HttpError]) -> frozenset[bytes]:
    """Return the options of a Connection field in lower case. Raises ``error`` for a member that is no token."""
    if value is None:
        return _NO_OPTIONS
    if (options := _COMMON_OPTIONS.get(value)) is not None:
        return options
    members = split_list(value.lower())
    if not all(map(is_token, members)):
        raise error("connection", "an option in Connection that is not a token")
    return frozenset(members)


def split_list(value: bytes) -> list[bytes]:
    """Split a comma-separated list without quoted strings; empty members are skipped (RFC 9110 section 5.6.1)."""
    return [stripped for member in value.split(b",") if (stripped := member.strip(b" \t"))]


def _coding_error(coding: bytes, error: type[HttpError]) -> HttpError:
    """Tell a coding that we do not speak from framing that nobody can follow.

    RFC 9112 section 6.1: a server that does not understand a transfer coding SHOULD respond with 501.
    Section 6.3: if chunked is not the final coding of a request, the server MUST respond with 400.
    """
    codings = split_list(coding.lower())
    names = [member.partition(b";")[0].rstrip(b" \t") for member in codings]
    understood = len(names) > 1 and codings[-1] == b"chunked" and names.count(b"chunked") == 1
    if not understood or not all(map(is_token, names)):
        return error("transfer_encoding", "a Transfer-Encoding that is not chunked alone")
    return error("transfer_encoding", "a transfer coding other than chunked", 501)
