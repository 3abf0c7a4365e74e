"""What a response says about the addresses of a name (RFC 1034 section 4.3, RFC 2181, RFC 2308, RFC 6604)."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import dns.flags
import dns.name
import dns.rcode
from dns.message import Message
from dns.name import Name
from dns.rdataclass import IN
from dns.rdatatype import AAAA, CNAME, NS, SOA, RdataType
from dns.rrset import RRset
from g3_machine import LocalProtocolError

from ._events import Failure
from ._question import Question, question_for

MAX_ADDRESSES = 32
"""Addresses that are kept: connections try three, and a hostile server could send hundreds."""
MAX_ALIASES = 16
"""CNAME records that are followed: BIND and c-ares stop there as well."""

_FAILURES = {
    dns.rcode.FORMERR: Failure.FORMAT_ERROR,
    dns.rcode.SERVFAIL: Failure.SERVER_FAILURE,
    dns.rcode.NOTIMP: Failure.NOT_IMPLEMENTED,
    dns.rcode.REFUSED: Failure.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of one family: at least one, at most `MAX_ADDRESSES`, in the server's order."""

    addresses: tuple[IPv4Address | IPv6Address, ...]
    ttl: int
    """For how many seconds: the least of all records on the way to them."""


@dataclass(frozen=True, slots=True)
class NoAddresses:
    """There are none, says the server."""

    name_exists: bool
    """False for NXDOMAIN; True for a name without an address of this family."""
    ttl: int
    """For how many seconds, by the SOA record (RFC 2308 section 5); 0 where none came."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It is not known whether there are any."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Alias:
    """The name stands for another one, of which this response says nothing: that one is to be asked for."""

    question: Question
    ttl: int
    length: int
    """How many aliases led to it."""


Result = Addresses | NoAddresses | Failed


def read_answer(message: Message, question: Question, age: int = 0) -> Result | Alias:
    """What the response to the question says; ``age`` seconds are taken off its TTLs.

    Only records of the name itself, and of those that its aliases lead to, count: whatever else a server puts into
    its answer is none of its business. ``question`` is for A or AAAA.
    """
    rcode = message.rcode()
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Failed(_FAILURES.get(rcode, Failure.OTHER_CODE))
    name = dns.name.from_text(question.name)
    ttls: list[int] = []
    while len(ttls) <= MAX_ALIASES:
        found = _find(message.answer, name, question.type)
        if found is not None:
            return _addresses(found, ttls, age)
        alias = _find(message.answer, name, CNAME)
        if alias is None:
            return _nothing(message, question, name, ttls, age)
        name = alias[0].target
        ttls.append(alias.ttl)
    return Failed(Failure.ALIASES)


def _addresses(found: RRset, ttls: list[int], age: int) -> Addresses:
    make = IPv6Address if found.rdtype == AAAA else IPv4Address
    addresses = tuple(make(record.address) for record, _ in zip(found, range(MAX_ADDRESSES), strict=False))
    return Addresses(addresses, _least([found.ttl, *ttls], age))


def _nothing(message: Message, question: Question, name: Name, ttls: list[int], age: int) -> Result | Alias:
    """RFC 2308 section 2: no data, no such name, an alias to elsewhere, or a referral."""
    # RFC 6604 section 3: the code is about the last name of the chain.
    exists = message.rcode() == dns.rcode.NOERROR
    for soa in message.authority:
        if soa.rdtype == SOA and soa.rdclass == IN and name.is_subdomain(soa.name):
            return NoAddresses(exists, _least([soa.ttl, soa[0].minimum, *ttls], age))
    if not exists:
        return NoAddresses(False, 0)
    if ttls:
        try:
            return Alias(question_for(name.to_text(), question.type), _least(ttls, age), len(ttls))
        except LocalProtocolError:
            return Failed(Failure.MALFORMED)
    if not message.flags & (dns.flags.RA | dns.flags.AA) and any(one.rdtype == NS for one in message.authority):
        return Failed(Failure.LAME)
    return NoAddresses(True, 0)


def _find(section: list[RRset], name: Name, type_: RdataType) -> RRset | None:
    for rrset in section:
        if rrset.rdtype == type_ and rrset.rdclass == IN and rrset.name == name:
            return rrset
    return None


def _least(ttls: list[int], age: int) -> int:
    return max(min(ttls) - age, 0)
