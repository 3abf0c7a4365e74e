"""Forwarded (RFC 7239): for whom, by whom, and how a request was received."""

import re

from g3_machine import LocalProtocolError

from ._errors import RequestError
from ._grammar import QUOTED_STRING, TOKEN, is_token
from ._pack import Field

_PAIR = rb"(" + TOKEN + rb")=(?:(" + TOKEN + rb")|(" + QUOTED_STRING + rb"))"
_match_pair = re.compile(_PAIR + rb"(?=[ \t]*+(?:[,;]|\Z))").match
_match_separator = re.compile(rb"[ \t]*+([,;]|\Z)[ \t]*+").match
_quotable = re.compile(rb"[\t\x20-\x7e\x80-\xff]++").fullmatch
_unescape = re.compile(rb"\\(.)", re.DOTALL).sub
_escape = re.compile(rb'["\\]').sub


def forwarded_node(host: str, port: int | None = None) -> bytes:
    """Return the node identifier of an address (RFC 7239 section 6): IPv6 in brackets, with a port if there is one."""
    name = f"[{host}]" if ":" in host else host
    return (name if port is None else f"{name}:{port}").encode("ascii")


def forwarded_field(*, for_: bytes = b"", by: bytes = b"", host: bytes = b"", proto: bytes = b"") -> Field:
    """Return the field line that a proxy adds, with the parameters that are not empty (RFC 7239 section 4).

    Raises LocalProtocolError when there is none, or one that no quoted string can carry.
    """
    pairs = []
    for name, value in ((b"for", for_), (b"by", by), (b"host", host), (b"proto", proto)):
        if value and not _quotable(value):
            raise LocalProtocolError("a parameter that Forwarded cannot carry")
        if value:
            quoted = value if is_token(value) else b'"%b"' % _escape(rb"\\\g<0>", value)
            pairs.append(name + b"=" + quoted)
    if not pairs:
        raise LocalProtocolError("Forwarded without a parameter")
    return b"Forwarded", b";".join(pairs)


def parse_forwarded(value: bytes) -> list[dict[bytes, bytes]]:
    """Read the value of Forwarded: one dictionary per hop, first hop first, with lower-case names.

    Whitespace around semicolons is let pass, for many proxies write it. Raises RequestError, reason ``forwarded``,
    for anything else that is not a list of parameters, and for a parameter that a hop has twice.
    """
    elements: list[dict[bytes, bytes]] = [{}]
    at = 0
    while at < len(value):
        if separator := _match_separator(value, at):
            if separator[1] == b",":
                elements.append({})
            at = separator.end()
            continue
        pair = _match_pair(value, at)
        if pair is None or (name := pair[1].lower()) in elements[-1]:
            raise RequestError("forwarded", "not a list of parameters in Forwarded")
        elements[-1][name] = pair[2] or _unescape(rb"\1", pair[3][1:-1])
        at = pair.end()
    return [element for element in elements if element]
