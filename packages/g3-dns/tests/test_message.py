"""Queries as they are sent, and what is taken for a message."""

import json
from pathlib import Path
from typing import Any

import dns.edns
import dns.message
import dns.name
import dns.rdata
import dns.rrset
import pytest
from dns.rdatatype import A
from g3_dns import MAX_RECORDS, MessageError, Mismatch, Question, pack_query, parse_message
from g3_dns._message import is_truncated, mismatch_of
from g3_dns._question import pack_question
from hypothesis import given
from hypothesis import strategies as st
from wires import respond, wire

PATH = Path(__file__).parent / "vectors" / "rfc1035-section-4.json"
VECTORS: list[dict[str, Any]] = json.loads(PATH.read_text(encoding="utf-8"))
QUESTION = Question("a.example", A)
ASKED = pack_question("a.example", A)


def test_query_without_edns() -> None:
    header = bytes.fromhex("1234 0100 0001 0000 0000 0000")
    assert pack_query(QUESTION, 0x1234, edns=False) == header + ASKED


def test_query_with_edns() -> None:
    query = dns.message.from_wire(pack_query(QUESTION, 1, payload_size=4000, spelling="A.eXample"))
    assert (query.edns, query.payload, query.ednsflags) == (0, 4000, 0)
    assert query.question[0].to_text() == "A.eXample. IN A"
    assert query.options == ()


@pytest.mark.parametrize(
    "options",
    [[], [dns.edns.CookieOption(b"12345678", b"s" * 9)], [dns.edns.NSIDOption(b""), dns.edns.NSIDOption(b"x")]],
)
@pytest.mark.parametrize("padding", [0, 1, 13, 128])
def test_dnspython_packs_the_same(options: list[dns.edns.Option], padding: int) -> None:
    message = dns.message.make_query("A.example", "A", id=7)
    message.use_edns(0, 0, 1000, options=options, pad=padding)
    packed = pack_query(QUESTION, 7, spelling="A.example", payload_size=1000, options=options, padding=padding)
    assert packed == message.to_wire()
    assert padding == 0 or len(packed) % padding == 0


def test_query_with_options_and_padding() -> None:
    option = dns.edns.CookieOption(b"12345678", b"")
    data = pack_query(QUESTION, 1, options=[option], padding=128)
    assert len(data) == 128
    assert dns.message.from_wire(data).options[0] == option


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vectors(vector: dict[str, Any]) -> None:
    data = wire(vector["in"])
    if "fault" in vector:
        with pytest.raises(MessageError, match=vector["fault"]):
            parse_message(data)
    else:
        message = parse_message(data)
        assert [rrset.to_text() for rrset in message.answer] == vector["answer"]


def test_most_records() -> None:
    response = dns.message.make_response(dns.message.from_wire(pack_query(QUESTION, 1, edns=False)))
    addresses = [f"192.0.{number >> 8}.{number & 255}" for number in range(MAX_RECORDS)]
    response.answer.append(dns.rrset.from_text_list("a.example.", 1, "IN", "A", addresses))
    data = bytearray(response.to_wire(max_size=65535))
    assert len(parse_message(bytes(data)).answer[0]) == MAX_RECORDS
    for at in (7, 9, 11):
        more = bytearray(data)
        more[at] += 1
        with pytest.raises(MessageError, match="of 513 records, at most 512"):
            parse_message(bytes(more))


ANSWER = bytes.fromhex("0007 8180 0001 0000 0000 0000") + ASKED
REFUSAL = bytes.fromhex("0007 8185 0000 0000 0000 0000")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (ANSWER, None),
        (ANSWER + b"anything", None),
        (b"", Mismatch.HEADER),
        (ANSWER[:11], Mismatch.HEADER),
        (ANSWER[:2] + b"\x01" + ANSWER[3:], Mismatch.HEADER),  # a query
        (ANSWER[:2] + b"\xa1" + ANSWER[3:], Mismatch.HEADER),  # a NOTIFY
        (b"\x00\x08" + ANSWER[2:], Mismatch.ID),
        (b"\x01\x07" + ANSWER[2:], Mismatch.ID),
        (ANSWER[:5] + b"\x00" + ANSWER[6:], Mismatch.QUESTION),
        (ANSWER[:5] + b"\x02" + ANSWER[6:], Mismatch.QUESTION),
        *((REFUSAL[:3] + bytes((0x80 | code,)) + REFUSAL[4:], None) for code in (1, 2, 4, 5)),
        *((REFUSAL[:3] + bytes((0x80 | code,)) + REFUSAL[4:], Mismatch.QUESTION) for code in (0, 3, 6, 9)),
        (b"\x01\x07" + REFUSAL[2:], Mismatch.ID),
        (REFUSAL[:2] + b"\x01" + REFUSAL[3:], Mismatch.HEADER),
        (REFUSAL + b"\x00", Mismatch.QUESTION),
        (REFUSAL[:11] + b"\x01", Mismatch.QUESTION),
        (REFUSAL[:4] + b"\x01" + REFUSAL[5:], Mismatch.QUESTION),
        (ANSWER[:4] + b"\x01" + ANSWER[5:], Mismatch.QUESTION),
        (ANSWER.replace(b"example", b"exAmple"), Mismatch.CASE),
        (ANSWER.replace(b"example", b"examplf"), Mismatch.QUESTION),
        (ANSWER[:-1], Mismatch.QUESTION),
        (ANSWER[:-3] + b"\x1c\x00\x01", Mismatch.QUESTION),
        (ANSWER[:-1] + b"\x03", Mismatch.QUESTION),
    ],
)
def test_mismatches(data: bytes, expected: Mismatch | None) -> None:
    assert mismatch_of(data, 7, ASKED) is expected


def test_dnspython_remembers_nothing_of_what_servers_send() -> None:
    """Its table of classes would have an entry for each type, class and payload size that a server thinks of."""
    before = len(dns.rdata._rdata_classes)
    records = [b"\x00" + number.to_bytes(2, "big") * 2 + bytes(6) for number in range(60_000, 60_400)]
    parse_message(ANSWER[:6] + len(records).to_bytes(2, "big") + bytes(4) + ANSWER[12:] + b"".join(records))
    parse_message(ANSWER[:11] + b"\x01" + ANSWER[12:] + b"\x00\x00\x29\xfe\xdc" + bytes(6))
    assert len(dns.rdata._rdata_classes) == before


def test_what_is_kept_is_what_dnspython_reads() -> None:
    lines = ["a.example. 60 IN CNAME b.test.", "b.test. 30 IN A 192.0.2.1", "b.test. 20 IN A 192.0.2.2"]
    more = ["b.test. 9 IN AAAA 2001:db8::1", "example. 9 IN NS ns.example.", "example. 9 IN SOA ns. h. 1 2 3 4 5"]
    cookie = dns.edns.CookieOption(b"12345678", b"s" * 8)
    data = respond(pack_query(QUESTION, 7), lines, authority=more, rcode=16, options=[cookie])
    ours, theirs = parse_message(data), dns.message.from_wire(data)
    assert ours.to_text() == theirs.to_text()
    assert (ours.options, ours.rcode(), ours.payload) == (theirs.options, theirs.rcode(), theirs.payload)


def test_truncation() -> None:
    assert not is_truncated(ANSWER)
    assert is_truncated(ANSWER[:2] + b"\x83" + ANSWER[3:])


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    mismatch_of(data, 7, ASKED)
    try:
        parse_message(data)
    except MessageError:
        return


@given(st.binary(max_size=80), st.sampled_from([b"\0\1", b"\0\5", b"\0\6", b"\0\x1c", b"\0\x29", b"\0\x2e", b"\0\x40"]))
def test_any_record(data: bytes, type_: bytes) -> None:
    """Whatever stands in a record of a type, the one error comes of it or none."""
    record = b"\x00" + type_ + b"\x00\x01\x00\x00\x00\x01" + len(data).to_bytes(2, "big") + data
    for section in (6, 8, 10):
        head = bytearray(ANSWER)
        head[section + 1] = 1
        try:
            parse_message(bytes(head) + record)
        except MessageError:
            continue


def test_a_question_may_point_back() -> None:
    """RFC 1035 section 4.1.4: to any place before it, were it in the header."""
    message = parse_message(bytes.fromhex("0007 8180 0001 0000 0000 0000 c004 0001 0001"))
    assert message.question[0].name == dns.name.root
