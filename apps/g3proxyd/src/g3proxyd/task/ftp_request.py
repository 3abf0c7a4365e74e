"""What an HTTP request for an ftp URI asks for (RFC 1738 section 3.2, RFC 9110 section 14)."""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from g3_ftp import ANONYMOUS, ANONYMOUS_PASSWORD
from g3_http import Basic, RequestError, RequestHead, Target, field_value, parse_credentials, parse_userinfo

from .errors import Reason, TaskError

MAX_PATH = 4096
"""Bytes: PATH_MAX of Linux."""

METHODS = frozenset((b"GET", b"HEAD", b"PUT", b"DELETE"))

_split_type = re.compile(rb"(.*?)(?:;type=([AaIiDd]))?", re.DOTALL).fullmatch
_match_range = re.compile(rb"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE).fullmatch


@dataclass(frozen=True, slots=True)
class Wanted:
    """A range of bytes as a client asks for it: ``first-last``, ``first-`` or, with no first, the last so many."""

    first: int | None
    last: int | None

    def of(self, size: int) -> tuple[int, int] | None:
        """The first byte and the one behind the last, of so many; None if there are none in the range."""
        if self.first is None:
            start, end = max(size - (self.last or 0), 0), size
        else:
            start, end = self.first, size if self.last is None else min(self.last + 1, size)
        return (start, end) if start < end else None


@dataclass(frozen=True, slots=True)
class FtpRequest:
    """One request, ready for the server."""

    path: bytes
    """From the directory of the login; from the root if it begins with a slash."""
    directory: bool
    """Whether it can only be a directory."""
    text: bool
    """Whether the server is to translate line ends (``;type=a``)."""
    username: bytes
    password: bytes
    wanted: Wanted | None = None
    if_range: bytes | None = None
    """The range counts only if the file is as old as this says."""


def read_request(head: RequestHead, target: Target) -> FtpRequest:
    """Read the request. Raises TaskError for one that FTP cannot serve."""
    if head.method not in METHODS:
        raise _wrong(501, "this method means nothing for FTP")
    found = _split_type(target.path)
    raw, kind = (target.path, b"") if found is None else (found[1], (found[2] or b"").lower())
    # RFC 1738 section 3.2.2: the slash behind the host is no part of the path, "%2F" begins one from the root.
    path = unquote_to_bytes(raw[1:] if raw.startswith(b"/") else raw)
    if any(byte in path for byte in b"\r\n\0"):
        raise _wrong(400, "a path that no FTP command can carry")
    if len(path) > MAX_PATH:
        raise _wrong(414, "a path that is too long")
    directory = not path or path.endswith(b"/") or kind == b"d"
    if head.method == b"PUT" and (directory or field_value(head.end_to_end, b"content-range") is not None):
        # RFC 9110 section 14.5: who does not know partial PUT has to say so, or parts become wholes.
        raise _wrong(400, "PUT wants a whole file and its name")
    login = _login(head, target)
    wanted = None
    if head.method == b"GET" and kind != b"a":
        wanted = _wanted(field_value(head.end_to_end, b"range"))
    return FtpRequest(
        path,
        directory,
        kind == b"a",
        login.username.encode() if login is not None and login.username else ANONYMOUS,
        login.password.encode() if login is not None and login.username else ANONYMOUS_PASSWORD,
        wanted,
        field_value(head.end_to_end, b"if-range"),
    )


def logged_uri(target: Target) -> str:
    """The URI as logs have it: with the user, and ``xyz`` for the password."""
    uri = target.uri.decode("latin-1")
    user, colon, _ = target.userinfo.decode("latin-1").partition(":")
    return uri.replace("://", f"://{user}{':xyz' if colon else ''}@", 1) if user or colon else uri


def _login(head: RequestHead, target: Target) -> Basic | None:
    try:
        if target.userinfo:
            return parse_userinfo(target.userinfo)
        value = field_value(head.end_to_end, b"authorization")
        login = None if value is None else parse_credentials(value)
    except RequestError as error:
        raise _wrong(400, str(error)) from None
    return login if isinstance(login, Basic) else None


def _wanted(value: bytes | None) -> Wanted | None:
    """One range; RFC 9110 section 14.2: whoever does not like a range may send all."""
    found = None if value is None else _match_range(value)
    if found is None:
        return None
    first, last = (int(number) if number else None for number in found.groups())
    if (first is None and last is None) or (first is not None and last is not None and last < first):
        return None
    return Wanted(first, last)


def _wrong(status: int, detail: str) -> TaskError:
    return TaskError(Reason.INVALID_CLIENT_PROTOCOL, detail, status, close=False)
