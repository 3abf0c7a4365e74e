"""DNS messages as this package sends and takes them (RFC 1035 section 4, RFC 6891), on those of dnspython.

Whether a message may be the answer at all is decided on its first bytes: a flood of forged ones costs a comparison
each. Only what has passed that is parsed in full.
"""

from collections.abc import Callable, Sequence
from enum import Enum

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.NS
import dns.rdtypes.ANY.OPT
import dns.rdtypes.ANY.SOA
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
import dns.rrset
import dns.wire
from dns.message import Message
from dns.rcode import Rcode
from dns.rdataclass import IN
from dns.rdatatype import RdataType

from ._errors import MessageError
from ._question import Question, pack_question

HEADER_SIZE = 12
MAX_MESSAGE_SIZE = 65_535
"""Bytes: the length field of TCP (RFC 1035 section 4.2.2)."""
MAX_RECORDS = 512
"""Records of one message: dnspython takes some 0.05 ms for each, and nobody has that many addresses."""
PAYLOAD_SIZE = 1232
"""Bytes that we take over UDP: what fits into every IPv6 path, so that nothing is fragmented (DNS Flag Day 2020)."""
PADDING_BLOCK = 128
"""Encrypted queries are padded to a multiple of it (RFC 8467 section 4.1)."""

TTL_MAX = 0x7FFFFFFF
"""Seconds: a larger TTL is to be taken for zero (RFC 2181 section 8)."""

_READERS: dict[int, Callable[..., dns.rdata.Rdata]] = {
    RdataType.A: dns.rdtypes.IN.A.A.from_wire_parser,
    RdataType.NS: dns.rdtypes.ANY.NS.NS.from_wire_parser,
    RdataType.CNAME: dns.rdtypes.ANY.CNAME.CNAME.from_wire_parser,
    RdataType.SOA: dns.rdtypes.ANY.SOA.SOA.from_wire_parser,
    RdataType.AAAA: dns.rdtypes.IN.AAAA.AAAA.from_wire_parser,
}
_read_opt: Callable[..., dns.rdata.Rdata] = dns.rdtypes.ANY.OPT.OPT.from_wire_parser
_RD_AND_ONE_QUESTION = b"\x01\x00\x00\x01\x00\x00\x00\x00"
_OPT_SIZE = 11
_OPTION_HEADER_SIZE = 4
_QR_AND_OPCODE = 0xF8
_QR = 0x80
_TC = 0x02
_RCODE = 0x0F
_REFUSALS = (Rcode.FORMERR, Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED)


class Mismatch(Enum):
    """Why a message is not the answer that was waited for."""

    SERVER = "another server"
    HEADER = "no response"
    ID = "another id"
    QUESTION = "another question"
    CASE = "the question in another case"
    COOKIE = "another cookie"


def pack_query(
    question: Question,
    query_id: int,
    *,
    spelling: str = "",
    edns: bool = True,
    payload_size: int = PAYLOAD_SIZE,
    options: Sequence[dns.edns.Option] = (),
    padding: int = 0,
) -> bytes:
    """A query for a recursive server; ``spelling`` is the name in another case, ``padding`` a block size in bytes.

    Packed by hand: dnspython takes 0.12 ms to build what is always the same but for a name and a few numbers.
    """
    records = b"\x00\x01" if edns else b"\x00\x00"
    message = query_id.to_bytes(2, "big") + _RD_AND_ONE_QUESTION + records
    message += pack_question(spelling or question.name, question.type)
    if not edns:
        return message
    data = b"".join(_pack_option(option.otype, option.to_wire() or b"") for option in options)
    if padding:
        size = len(message) + _OPT_SIZE + len(data) + _OPTION_HEADER_SIZE
        data += _pack_option(dns.edns.OptionType.PADDING, bytes(-size % padding))
    # RFC 6891 section 6.1.2: NAME, TYPE, CLASS, TTL, RDLEN, RDATA.
    return message + b"\x00\x00\x29" + payload_size.to_bytes(2, "big") + bytes(4) + len(data).to_bytes(2, "big") + data


def _pack_option(code: int, data: bytes) -> bytes:
    return code.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data


def mismatch_of(wire: bytes, query_id: int, asked: bytes) -> Mismatch | None:
    """Why the message cannot answer the query with this id and question section; None when it may.

    The question must come back as it was sent, to the case of each letter (RFC 5452 section 9.1); it is the first
    name of a message, so that it cannot be compressed. A header alone may only refuse: Unbound sends no more to whom
    it does not serve, and others none to what they cannot read.
    """
    if len(wire) < HEADER_SIZE or wire[2] & _QR_AND_OPCODE != _QR:
        return Mismatch.HEADER
    if wire[0] << 8 | wire[1] != query_id:
        return Mismatch.ID
    if len(wire) == HEADER_SIZE and wire[4:] == bytes(8) and wire[3] & _RCODE in _REFUSALS:
        return None
    if wire[4:6] != b"\x00\x01":
        return Mismatch.QUESTION
    echoed = wire[HEADER_SIZE : HEADER_SIZE + len(asked)]
    if echoed == asked:
        return None
    # Lengths of labels are below 0x40, and so are the types and the class: lower() changes letters alone.
    return Mismatch.CASE if echoed.lower() == asked.lower() else Mismatch.QUESTION


def is_truncated(wire: bytes) -> bool:
    """Whether the TC bit says that there is more (RFC 1035 section 4.1.1); the header must be there."""
    return wire[2] & _TC != 0


def parse_message(wire: bytes) -> Message:
    """Parse a message. Raises MessageError for anything that is not one, and for more than `MAX_RECORDS`.

    It holds the addresses, aliases, SOA and NS records of the class IN, and EDNS; other records are left out, and not
    looked into. `dns.message.from_wire` would keep a note of each type and class that it ever met, a memory that any
    server could fill, and would look for a module on the disk for each.
    """
    if len(wire) < HEADER_SIZE:
        raise MessageError(f"a message of {len(wire)} bytes, a header has {HEADER_SIZE}")
    records = sum(int.from_bytes(wire[at : at + 2], "big") for at in (6, 8, 10))
    if records > MAX_RECORDS or wire[4:6] > b"\x00\x01":
        raise MessageError(f"a message of {records} records, at most {MAX_RECORDS} and one question are taken")
    try:
        return _parse(wire)
    except Exception as error:  # dnspython's own, and whatever hostile bytes bring out of its records and options
        raise MessageError(f"not a DNS message: {error or type(error).__name__}") from None


def _parse(wire: bytes) -> Message:
    """RFC 1035 section 4.1: ID, flags, QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT, and four sections."""
    parser = dns.wire.Parser(wire)
    query_id, flags, questions, *counts = parser.get_struct("!HHHHHH")
    message = dns.message.QueryMessage(query_id)
    message.flags = dns.flags.Flag(flags)
    for _ in range(questions):
        name = parser.get_name(decompress=True)
        type_, class_ = parser.get_struct("!HH")
        rrset = dns.rrset.RRset(name, dns.rdataclass.RdataClass.make(class_), RdataType.make(type_))
        message.question.append(rrset)
    for section, count in zip((message.answer, message.authority, message.additional), counts, strict=True):
        for _ in range(count):
            _parse_record(parser, message, section)
    if parser.remaining():
        raise MessageError(f"{parser.remaining()} bytes behind it")
    return message


def _parse_record(parser: dns.wire.Parser, message: Message, section: list[dns.rrset.RRset]) -> None:
    """RFC 1035 section 4.1.3: NAME, TYPE, CLASS, TTL, RDLENGTH, RDATA."""
    name = parser.get_name(decompress=True)
    type_, class_, ttl, size = parser.get_struct("!HHIH")
    if type_ == RdataType.OPT:
        if section is not message.additional or name != dns.name.root or message.opt is not None:
            raise MessageError("an OPT record that is one too many, or in the wrong place")
        with parser.restrict_to(size):
            message.opt = dns.rrset.from_rdata(name, ttl, _read_opt(class_, RdataType.OPT, parser))
        return
    reader = _READERS.get(type_)
    if reader is None or class_ != IN:
        parser.get_bytes(size)
        return
    known = RdataType(type_)
    with parser.restrict_to(size):
        record = reader(IN, known, parser)
    message.find_rrset(section, name, IN, known, create=True).add(record, 0 if ttl > TTL_MAX else ttl)
