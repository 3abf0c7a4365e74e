"""The header of version 1: one line of text (section 2.1)."""

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

from ._errors import HeaderError
from ._header import Command, Header, Inet, Transport

MAX_LINE_SIZE = 107
"""Bytes of a line with its CRLF: the longest that the specification can think of (section 2.1)."""

PREFIX = b"PROXY "

_UNKNOWN = b"UNKNOWN"
_PRINTABLE = re.compile(rb"[ -~]*")
_FIELDS = ("protocol", "source address", "destination address", "source port", "destination port")
# Any beginning of a decimal number without needless zeros is such a number itself, and so is any of a group of hex
# digits: what has come of a field can be judged before the rest of it has.
_PORT = re.compile(rb"0|[1-9][0-9]{0,4}")
_IPV4_PART = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4_START = re.compile(rf"(?:{_IPV4_PART}\.){{0,3}}{_IPV4_PART}?".encode())
_IPV6_CHARACTERS = re.compile(rb"[0-9A-Fa-f:.]+")
_IPV6_SIZE = 39
# One of these ends whatever can still become an IPv6 address.
_IPV6_ENDS = ("", "::", ":", "0", ".0.0", ".0", "0.0.0", "0.0")


def parse_line(line: bytes) -> Header | None:
    """Read the header that ``line``, the first 107 bytes of the stream or what has come of them, begins with.

    Returns None while it may still become one, and raises HeaderError at the first byte with which it cannot. The
    line begins with PREFIX. What a sender writes behind UNKNOWN is ignored, if it is printable ASCII.
    """
    rest = line[len(PREFIX) :]
    if rest.startswith(_UNKNOWN):
        return _parse_unknown(line)
    end = rest.find(b"\r\n")
    # A CR at the very end may be the first half of the CRLF, behind the last field alone.
    fields = (rest if end < 0 else rest[:end]).split(b" ", len(_FIELDS))
    whole = len(fields) == len(_FIELDS) and (end >= 0 or fields[-1].endswith(b"\r"))
    if whole and end < 0:
        fields[-1] = fields[-1][:-1]
    family = fields[0]
    for at, (name, field) in enumerate(zip(_FIELDS, fields, strict=False)):
        # Behind the last field that came stands nothing yet, or a CRLF where a space is due.
        last = at == len(fields) - 1
        if not _can_be(at, field, family, whole or not last) or (last and end >= 0 and not whole):
            raise HeaderError("line", f"no {name} where version 1 has it")
    if len(fields) > len(_FIELDS):
        raise HeaderError("line", "more than a destination port at the end of the line")
    if end < 0:
        return None
    kind = _ADDRESS[family]
    source, destination, source_port, destination_port = (field.decode("ascii") for field in fields[1:])
    return Header(
        version=1,
        command=Command.PROXY,
        transport=Transport.STREAM,
        source=Inet(kind(source), int(source_port)),
        destination=Inet(kind(destination), int(destination_port)),
        size=len(PREFIX) + end + 2,
    )


def _parse_unknown(line: bytes) -> Header | None:
    """PROXY UNKNOWN, and anything up to the CRLF."""
    start = len(PREFIX) + len(_UNKNOWN)
    found = _PRINTABLE.match(line, start)
    assert found is not None  # noqa: S101 -- it matches nothing at all, too
    end = found.end()
    if end > start and line[start] != 0x20:
        raise HeaderError("line", "no protocol where version 1 has it")
    if end > MAX_LINE_SIZE - 2:
        raise HeaderError("line", f"no CRLF in the first {MAX_LINE_SIZE} bytes")
    tail = line[end : end + 2]
    if tail == b"\r\n":
        return Header(1, Command.PROXY, Transport.UNSPEC, None, None, size=end + 2)
    if tail in (b"", b"\r"):
        return None
    raise HeaderError("line", "a byte behind UNKNOWN that is neither printable ASCII nor a part of CRLF")


def _can_be(at: int, field: bytes, family: bytes, whole: bool) -> bool:
    """Whether the field is what belongs there, or, where it is not whole, can become that."""
    if at == 0:
        return field in _ADDRESS or (not whole and any(name.startswith(field) for name in (*_ADDRESS, _UNKNOWN)))
    if not field:
        return not whole
    if at >= 3:
        return _PORT.fullmatch(field) is not None and int(field) <= 65535
    if family == b"TCP4":
        return _IPV4_START.fullmatch(field) is not None and (not whole or _is_address(IPv4Address, field.decode()))
    if not _IPV6_CHARACTERS.fullmatch(field):
        return False
    text = field.decode()
    ends = _IPV6_ENDS[:1] if whole else _IPV6_ENDS
    return any(len(text + end) <= _IPV6_SIZE and _is_address(IPv6Address, text + end) for end in ends)


def _is_address(kind: Callable[[str], IPv4Address | IPv6Address], text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


_ADDRESS: dict[bytes, type[IPv4Address] | type[IPv6Address]] = {b"TCP4": IPv4Address, b"TCP6": IPv6Address}
