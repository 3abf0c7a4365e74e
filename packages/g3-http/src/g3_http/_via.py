"""Via (RFC 9110 section 7.6.3): which proxies a message has passed, so that it passes none of them twice."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from g3_machine import LocalProtocolError

from ._errors import RequestError
from ._fields import field_values
from ._grammar import TOKEN, is_token
from ._pack import Field


@dataclass(frozen=True, slots=True)
class ViaMember:
    """One hop: received-protocol RWS received-by [ RWS comment ]."""

    protocol: bytes
    """The protocol name; ``HTTP`` where the member leaves it out."""
    version: bytes
    received_by: bytes
    """A pseudonym, or a host with an optional port."""
    comment: bytes = b""
    """With its parentheses; empty if there is none."""


_RECEIVED_BY = rb"[!#$%&'*+\-.0-9:A-Z\[\]^_`a-z|~]++"
_HOP = rb"(?>(?:(" + TOKEN + rb")/)?)(" + TOKEN + rb")[ \t]++(" + _RECEIVED_BY + rb")"
_match_hop = re.compile(_HOP).match
_is_received_by = re.compile(_RECEIVED_BY).fullmatch
_match_gap = re.compile(rb"[ \t]*+").match
_match_comma = re.compile(rb"[ \t]*+(?>(?:,[ \t]*+)+)").match
_find_hops = re.compile(rb"(?:\A|,)[ \t]*+" + _HOP).findall
_find_parentheses = re.compile(rb"\\.|[()]", re.DOTALL).finditer


def via_field(minor: int, pseudonym: bytes, *, name: bytes = b"HTTP", comment: bytes = b"") -> Field:
    """Return the field line that a proxy adds: the version that it received, and its own pseudonym.

    The protocol name is left out if it is HTTP, as RFC 9110 allows. ``comment`` needs no parentheses. Raises
    LocalProtocolError for parts that would be read differently.
    """
    if not _is_received_by(pseudonym) or not is_token(name):
        raise LocalProtocolError("a pseudonym or a protocol name that Via cannot carry")
    if re.search(rb"[()\\\x00-\x08\x0a-\x1f\x7f]", comment):
        raise LocalProtocolError("a comment that Via cannot carry")
    protocol = b"" if name == b"HTTP" else name + b"/"
    text = b" (%b)" % comment if comment else b""
    return b"Via", b"%b1.%d %b%b" % (protocol, minor, pseudonym, text)


def passed_by(fields: Iterable[Field], pseudonym: bytes) -> bool:
    """Whether a Via field names ``pseudonym``, in any case: then the message has come round in a loop.

    Looks behind every comma, also in Via fields that are malformed: nothing that a peer writes can hide a hop.
    """
    sought = pseudonym.lower()
    for value in field_values(fields, b"via"):
        folded = value.lower()
        if sought in folded and any(received_by == sought for _, _, received_by in _find_hops(folded)):
            return True
    return False


def parse_via(value: bytes) -> list[ViaMember]:
    """Read the value of Via, first hop first; empty members are skipped.

    Raises RequestError, reason ``via``, for anything that is not a list of hops.
    """
    value = value.strip(b" \t")
    members = []
    at = 0
    while at < len(value):
        if separator := _match_comma(value, at):
            at = separator.end()
            continue
        hop = _match_hop(value, at)
        if hop is None:
            raise RequestError("via", "not a list of hops in Via")
        comment, at = _read_comment(value, hop.end())
        members.append(ViaMember(hop[1] or b"HTTP", hop[2], hop[3], comment))
        if at < len(value) and not _match_comma(value, at):
            raise RequestError("via", "not a list of hops in Via")
    return members


def _read_comment(value: bytes, at: int) -> tuple[bytes, int]:
    """RFC 9110 section 5.6.5: a comment may hold comments. Returns it, and where it ends."""
    gap = _match_gap(value, at)
    start = gap.end() if gap else at
    if start == at or value[start : start + 1] != b"(":
        return b"", at
    depth = 0
    for found in _find_parentheses(value, start):
        depth += {b"(": 1, b")": -1}.get(found[0], 0)
        if not depth:
            return value[start : found.end()], found.end()
    raise RequestError("via", "a comment in Via that does not end")
