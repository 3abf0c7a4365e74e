"""The other side: a small authoritative server of zones that fit into a dictionary (RFC 1034 section 4.3.2)."""

from collections.abc import Mapping, Sequence

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.message import Message
from dns.name import Name
from dns.rdatatype import CNAME, SOA, RdataType
from dns.rrset import RRset
from g3_machine import Machine, RemoteProtocolError

from ._answers import MAX_ALIASES
from ._errors import MessageError
from ._message import HEADER_SIZE, MAX_MESSAGE_SIZE, PAYLOAD_SIZE, parse_message
from ._tcp import LENGTH_SIZE

Zones = Mapping[str, Mapping[str, Sequence[str]]]
"""By name and type, the data of records as a zone file spells them, names in full; an SOA record begins a zone."""

PLAIN_PAYLOAD_SIZE = 512
"""Bytes of a datagram for a client that says nothing else (RFC 1035 section 4.2.1)."""
MAX_QUERY_SIZE = 4_096
"""Bytes: a query with every option there is has a few hundred."""
RESPONSE_PADDING_BLOCK = 468
"""RFC 8467 section 4.1."""


class Responder:
    """Answers queries; keeps no state, and may be used for any number of clients and transports."""

    __slots__ = ("_names", "_zones")

    def __init__(self, zones: Zones, ttl: int = 300) -> None:
        """Raises ValueError for records that no zone file could hold."""
        self._names: dict[Name, dict[RdataType, RRset]] = {}
        self._zones: dict[Name, RRset] = {}
        try:
            for text, types in zones.items():
                self._add(dns.name.from_text(text), types, ttl)
        except dns.exception.DNSException as error:
            raise ValueError(f"{text}: {error}") from None

    def respond_udp(self, query: bytes) -> bytes | None:
        """The datagram to answer with, cut to what the client takes; None for what deserves no answer."""
        return self._respond(query, 0)

    def respond_tcp(self, query: bytes) -> bytes | None:
        """The message to answer with on a stream, padded where the query is; None for what deserves no answer."""
        return self._respond(query, MAX_MESSAGE_SIZE)

    def _add(self, name: Name, types: Mapping[str, Sequence[str]], ttl: int) -> None:
        for word, records in types.items():
            rrset = dns.rrset.from_text_list(name, ttl, "IN", word, records, origin=dns.name.root, relativize=False)
            self._names.setdefault(name, {})[rrset.rdtype] = rrset
            if rrset.rdtype == SOA:
                self._zones[name] = rrset
        while name != dns.name.root:  # a name above one that exists, exists (RFC 8020)
            name = name.parent()
            self._names.setdefault(name, {})

    def _respond(self, query: bytes, max_size: int) -> bytes | None:
        if len(query) < HEADER_SIZE or query[2] & 0x80:
            return None  # an answer to an answer would go on for ever
        if query[2] & 0x78:  # another opcode than QUERY
            return _refusal(query, dns.rcode.NOTIMP)
        try:
            asked = parse_message(query)
        except MessageError:
            return _refusal(query, dns.rcode.FORMERR)
        padded = any(option.otype == dns.edns.OptionType.PADDING for option in asked.options)
        pad = RESPONSE_PADDING_BLOCK if padded and max_size else 0
        response = dns.message.make_response(asked, our_payload=PAYLOAD_SIZE, pad=pad)
        self._fill(response, asked)
        size = max_size or max(PLAIN_PAYLOAD_SIZE, min(asked.payload, PAYLOAD_SIZE))
        # Else dnspython shuffles the records.
        return response.to_wire(max_size=size, prefer_truncation=True, want_shuffle=False)

    def _fill(self, response: Message, asked: Message) -> None:
        if not asked.question:
            response.set_rcode(dns.rcode.FORMERR)
            return
        if asked.edns > 0:
            response.set_rcode(dns.rcode.BADVERS)
            return
        (question,) = asked.question
        if question.rdclass != dns.rdataclass.IN or self._soa(question.name) is None:
            response.set_rcode(dns.rcode.REFUSED)
            return
        if dns.rdatatype.is_metatype(question.rdtype):
            response.set_rcode(dns.rcode.NOTIMP)
            return
        response.flags |= dns.flags.AA
        self._answer(response, question.name, question.rdtype)

    def _answer(self, response: Message, name: Name, type_: RdataType) -> None:
        """RFC 1034 section 4.3.2 step 3, aliases as far as our zones go."""
        for _ in range(MAX_ALIASES):
            found = self._names.get(name, {})
            if type_ in found:
                response.answer.append(found[type_])
                return
            if CNAME not in found:
                break
            response.answer.append(found[CNAME])
            name = found[CNAME][0].target
        soa = self._soa(name)
        if soa is not None:  # else the alias leads out of our zones, and others know more
            response.authority.append(soa)
            if name not in self._names:
                response.set_rcode(dns.rcode.NXDOMAIN)

    def _soa(self, name: Name) -> RRset | None:
        """The SOA record of the zone that holds a name."""
        while name not in self._zones:
            if name == dns.name.root:
                return None
            name = name.parent()
        return self._zones[name]


def _refusal(query: bytes, rcode: int) -> bytes:
    """A header alone: the id, the opcode and the RD bit of the query, and a code."""
    return query[:2] + bytes((0x80 | query[2] & 0x79, rcode)) + bytes(8)


class TcpServer(Machine[bytes]):
    """The server's side of one stream: each event is a query, to be answered by `reply` in any order, or never.

    Take the output before the next event: a client that does not read its answers is then not read from either.
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(TcpServer._read_query)

    def reply(self, message: bytes) -> None:
        """Send an answer."""
        self._outbox += len(message).to_bytes(LENGTH_SIZE, "big") + message

    def _read_query(self) -> bytes | None:
        """RFC 1035 section 4.2.2: LENGTH, and a message of so many bytes."""
        box = self._inbox
        if len(box) < LENGTH_SIZE:
            return None
        size = box[0] << 8 | box[1]
        if not HEADER_SIZE <= size <= MAX_QUERY_SIZE:
            raise RemoteProtocolError(f"a query of {size} bytes, not {HEADER_SIZE} to {MAX_QUERY_SIZE}")
        if len(box) < LENGTH_SIZE + size:
            return None
        return self._take(LENGTH_SIZE + size)[LENGTH_SIZE:]

    def _read_eof(self) -> bytes | None:
        if self._inbox:
            raise RemoteProtocolError("the client closed in the middle of a query")
        return None
