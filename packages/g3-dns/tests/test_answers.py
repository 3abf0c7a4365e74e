"""What responses say: chains, bailiwick, TTLs and the ways of saying no."""

import itertools
import json
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import dns.flags
import dns.rdatatype
import pytest
from dns.rdatatype import A
from g3_dns import (
    MAX_ADDRESSES,
    MAX_ALIASES,
    Addresses,
    Alias,
    Failed,
    Failure,
    MessageError,
    NoAddresses,
    Question,
    Result,
    pack_query,
    parse_message,
    read_answer,
)
from hypothesis import given
from hypothesis import strategies as st
from wires import respond

PATH = Path(__file__).parent / "vectors" / "rfc2308-section-2.json"
VECTORS: list[dict[str, Any]] = json.loads(PATH.read_text(encoding="utf-8"))
QUESTION = Question("a.example", A)
QUERY = pack_query(QUESTION, 7)


def plain(result: Result | Alias) -> list[object]:
    """A result as the vectors spell it."""
    match result:
        case Addresses(addresses, ttl):
            return ["Addresses", [str(address) for address in addresses], ttl]
        case NoAddresses(name_exists, ttl):
            return ["NoAddresses", name_exists, ttl]
        case Failed(failure):
            return ["Failed", failure.value]
        case Alias(question, ttl, length):
            return ["Alias", question.name, ttl, length]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vectors(vector: dict[str, Any]) -> None:
    question = Question("a.example", dns.rdatatype.from_text(vector.get("type", "A")))
    lines = {section: vector.get(section, ()) for section in ("answer", "authority")}
    message = parse_message(respond(pack_query(question, 7), **lines, rcode=vector.get("rcode", 0)))
    if "flags" in vector:
        message.flags = dns.flags.from_text(vector["flags"])
    assert plain(read_answer(message, question, vector.get("age", 0))) == vector["result"]


def chain(length: int) -> list[str]:
    names = ["a.example.", *(f"n{number}.test." for number in range(length))]
    aliases = [f"{one} 60 IN CNAME {other}" for one, other in itertools.pairwise(names)]
    return [*aliases, f"{names[-1]} 60 IN A 192.0.2.1"]


def test_the_longest_chain() -> None:
    assert read_answer(parse_message(respond(QUERY, chain(MAX_ALIASES))), QUESTION) == Addresses(
        (ip_address("192.0.2.1"),), 60
    )
    longer = parse_message(respond(QUERY, chain(MAX_ALIASES + 1)))
    assert read_answer(longer, QUESTION) == Failed(Failure.ALIASES)


def test_no_more_addresses_than_can_be_of_use() -> None:
    lines = [f"a.example. 60 IN A 192.0.2.{number}" for number in range(MAX_ADDRESSES + 1)]
    found = read_answer(parse_message(respond(QUERY, lines)), QUESTION)
    assert isinstance(found, Addresses)
    assert [str(address) for address in found.addresses] == [f"192.0.2.{number}" for number in range(MAX_ADDRESSES)]


RECORDS = st.sampled_from(
    [
        b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01",
        b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x02\xc0\x0c",
        b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x04\x01\x00\xc0\x0e",
        b"\xc0\x0e\x00\x06\x00\x01\x00\x00\x00\x3c\x00\x16\x00\x00" + bytes(20),
        b"\xc0\x0e\x00\x02\x00\x01\x00\x00\x00\x3c\x00\x01\x00",
        b"\x00\x00\x01\x00\xff\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01",
    ]
)


@given(st.lists(RECORDS, max_size=4), st.lists(RECORDS, max_size=3), st.integers(0, 15), st.integers(0, 100))
def test_any_records(answer: list[bytes], authority: list[bytes], rcode: int, age: int) -> None:
    """Whatever parses has a meaning, and no TTL is below zero."""
    counts = bytes((0, 1, 0, len(answer), 0, len(authority), 0, 0))
    data = b"\x00\x07\x81" + bytes((0x80 | rcode,)) + counts + b"\x01a\x07example\x00\x00\x01\x00\x01"
    try:
        message = parse_message(data + b"".join(answer + authority))
    except MessageError:
        return
    result = read_answer(message, QUESTION, age)
    assert isinstance(result, Failed) or result.ttl >= 0
    assert not isinstance(result, Addresses) or result.addresses
