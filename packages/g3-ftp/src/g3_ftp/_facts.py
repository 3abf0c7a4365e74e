"""What replies tell: features (RFC 2389), sizes and times (RFC 3659), directories (RFC 959)."""

import re
from datetime import UTC, datetime

from ._errors import FtpError
from ._reply import Reply

_FEATURES, _FACT, _DIRECTORY = 211, 213, 257
_match_size = re.compile(rb"[0-9]{1,19}+").fullmatch
_match_time = re.compile(rb"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?>(?:\.[0-9]++)?)").fullmatch
_match_quoted = re.compile(rb'"((?>[^"]++|"")*)"(?![^ ]).*+', re.DOTALL).match


def parse_features(reply: Reply) -> dict[str, str]:
    """Return what the server can, from its reply to FEAT: names in capitals, and their parameters.

    Nothing for a server that does not know FEAT (RFC 2389 section 3.2). Lines between the first and the last one
    count; those without the space in front are taken as well, as some servers leave it out.
    """
    if reply.code != _FEATURES:
        return {}
    features = {}
    for line in reply.lines[1:-1]:
        name, _, parameters = line.strip().decode("ascii", "replace").partition(" ")
        if name:
            features[name.upper()] = parameters
    return features


def parse_size(reply: Reply) -> int:
    """Return the bytes of a file, from the reply to SIZE (RFC 3659 section 4.1). Raises FtpError."""
    text = reply.lines[-1].strip()
    if reply.code != _FACT or not _match_size(text):
        raise FtpError("size", "no size in the reply to SIZE")
    return int(text)


def parse_modified(reply: Reply) -> datetime:
    """Return when a file was changed, from the reply to MDTM (RFC 3659 section 3.1). Raises FtpError."""
    moment = parse_time(reply.lines[-1].strip()) if reply.code == _FACT else None
    if moment is None:
        raise FtpError("time", "no time in the reply to MDTM")
    return moment


def parse_time(text: bytes) -> datetime | None:
    """Read a time-val, ``20260102030405.678`` in UTC (RFC 3659 section 2.3), to the second; None if it is none.

    A leap second is the second before.
    """
    found = _match_time(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        return datetime(year, month, day, hour, minute, 59 if second == 60 else second, tzinfo=UTC)
    except ValueError:
        return None


def parse_directory(reply: Reply) -> bytes:
    """Return the path in the reply to PWD (RFC 959 appendix II): quoted, with quotes doubled. Raises FtpError."""
    found = _match_quoted(reply.lines[-1]) if reply.code == _DIRECTORY else None
    if found is None:
        raise FtpError("directory", "no path in the reply to PWD")
    return found[1].replace(b'""', b'"')
