"""Bytes and messages for the tests of this package."""

from collections.abc import Sequence

import dns.edns
import dns.message
import dns.rcode
import dns.rrset


def wire(text: str) -> bytes:
    """The bytes of ``00 07 "example" 6e*255``: hexadecimal, text in quotes, and how often."""
    parts = (token.partition("*") for token in text.split())
    return b"".join(
        (part[1:-1].encode() if part.startswith('"') else bytes.fromhex(part)) * int(times or 1)
        for part, _, times in parts
    )


def respond(
    query: bytes,
    answer: Sequence[str] = (),
    *,
    authority: Sequence[str] = (),
    rcode: int = 0,
    edns: bool = True,
    options: Sequence[dns.edns.Option] = (),
) -> bytes:
    """A response to the query; records as ``a.example. 300 IN A 192.0.2.1``."""
    asked = dns.message.from_wire(query)
    response = dns.message.make_response(asked, recursion_available=True)
    if not edns:
        response.use_edns(False)
    elif options:
        response.use_edns(0, options=list(options))
    response.answer += [_rrset(line) for line in answer]
    response.authority += [_rrset(line) for line in authority]
    response.set_rcode(dns.rcode.Rcode(rcode))
    return response.to_wire(max_size=65_535, want_shuffle=False)


def _rrset(line: str) -> dns.rrset.RRset:
    name, ttl, class_, type_, data = line.split(maxsplit=4)
    return dns.rrset.from_text(name, int(ttl), class_, type_, data)
