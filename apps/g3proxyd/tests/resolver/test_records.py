"""What counts in a DNS response."""

from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise

import pycares
import pytest
from g3proxyd.resolver.errors import ErrorType
from g3proxyd.resolver.records import ADDRESSES_MAX, ALIASES_MAX, addresses, error_of
from pycares import AAAARecordData, ARecordData, CNAMERecordData, DNSRecord, DNSResult, TXTRecordData


def a(owner: str, ttl: int, address: str, record_class: int = pycares.QUERY_CLASS_IN) -> DNSRecord:
    return DNSRecord(owner, pycares.QUERY_TYPE_A, record_class, ttl, ARecordData(address))


def aaaa(owner: str, ttl: int, address: str) -> DNSRecord:
    return DNSRecord(owner, pycares.QUERY_TYPE_AAAA, pycares.QUERY_CLASS_IN, ttl, AAAARecordData(address))


def cname(owner: str, ttl: int, target: str) -> DNSRecord:
    return DNSRecord(owner, pycares.QUERY_TYPE_CNAME, pycares.QUERY_CLASS_IN, ttl, CNAMERecordData(target))


def of(*answer: DNSRecord) -> tuple[list[str], int]:
    found, ttl = addresses(DNSResult(list(answer), [], []), "a.test")
    return [str(address) for address in found], ttl


def test_plain() -> None:
    assert of(a("a.test", 60, "192.0.2.1"), a("a.test", 50, "192.0.2.2")) == (["192.0.2.1", "192.0.2.2"], 50)
    found, _ = addresses(DNSResult([aaaa("a.test", 60, "2001:db8::1")], [], []), "a.test")
    assert found == (IPv6Address("2001:db8::1"),)
    found, _ = addresses(DNSResult([a("A.Test", 60, "192.0.2.1")], [], []), "a.test")
    assert found == (IPv4Address("192.0.2.1"),)


def test_nothing() -> None:
    assert of() == ([], 0)
    text = DNSRecord("a.test", pycares.QUERY_TYPE_TXT, pycares.QUERY_CLASS_IN, 60, TXTRecordData(b"192.0.2.1"))
    assert of(text) == ([], 0)


def test_aliases_are_followed_in_any_order_and_shorten_the_life() -> None:
    chain = (cname("a.test", 300, "B.test"), cname("b.test", 10, "c.test"), a("C.test", 60, "192.0.2.1"))
    assert of(*chain) == (["192.0.2.1"], 10)
    assert of(*reversed(chain)) == (["192.0.2.1"], 10)


def test_an_alias_to_nowhere() -> None:
    assert of(cname("a.test", 300, "b.test")) == ([], 300)


@pytest.mark.parametrize("owner", ["b.test", "test", "x.a.test", "a.test.evil.example"])
def test_records_of_other_names_do_not_count(owner: str) -> None:
    assert of(a(owner, 60, "192.0.2.66")) == ([], 0)
    assert of(a(owner, 60, "192.0.2.66"), a("a.test", 60, "192.0.2.1")) == (["192.0.2.1"], 60)


def test_the_authority_and_additional_sections_do_not_count() -> None:
    record = a("a.test", 60, "192.0.2.66")
    assert addresses(DNSResult([], [record], [record]), "a.test") == ((), 0)


def test_other_classes_do_not_count() -> None:
    assert of(a("a.test", 60, "192.0.2.66", pycares.QUERY_CLASS_CHAOS)) == ([], 0)


def test_loops_end() -> None:
    assert of(cname("a.test", 60, "b.test"), cname("b.test", 60, "a.test")) == ([], 60)
    assert of(cname("a.test", 60, "a.test")) == ([], 60)


def test_long_chains_end() -> None:
    names = ["a.test", *(f"{number}.test" for number in range(ALIASES_MAX))]
    links = [cname(owner, 60, target) for owner, target in pairwise(names)]
    assert len(links) == 16
    assert of(*links, a(names[-1], 60, "192.0.2.1")) == (["192.0.2.1"], 60)
    more = (*links, cname(names[-1], 60, "end.test"), a("end.test", 60, "192.0.2.1"))
    assert of(*more) == ([], 60)


def test_addresses_beside_an_alias_win() -> None:
    assert of(cname("a.test", 5, "b.test"), a("b.test", 60, "192.0.2.2"), a("a.test", 60, "192.0.2.1")) == (
        ["192.0.2.1"],
        60,
    )


def test_thousands_of_addresses() -> None:
    found, _ = of(*(a("a.test", 60, f"192.0.{number // 256}.{number % 256}") for number in range(4000)))
    assert len(found) == ADDRESSES_MAX == 32
    assert found[-1] == "192.0.0.31"


@pytest.mark.parametrize(
    ("name", "error_type", "subtype"),
    [
        ("EFORMERR", ErrorType.SERVER, "FORMERR"),
        ("ESERVFAIL", ErrorType.SERVER, "SERVFAIL"),
        ("ENOTFOUND", ErrorType.SERVER, "NOTFOUND"),
        ("ENOTIMP", ErrorType.SERVER, "NOTIMP"),
        ("EREFUSED", ErrorType.SERVER, "REFUSED"),
        ("EBADQUERY", ErrorType.DRIVER, "BadQuery"),
        ("EBADNAME", ErrorType.DRIVER, "BadName"),
        ("EBADFAMILY", ErrorType.DRIVER, "BadFamily"),
        ("EBADRESP", ErrorType.DRIVER, "BadResp"),
        ("ECONNREFUSED", ErrorType.DRIVER, "ConnRefused"),
        ("ETIMEOUT", ErrorType.DRIVER, "Timeout"),
        ("ECANCELLED", ErrorType.LOCAL, "NoResolverRunning"),
        ("EDESTRUCTION", ErrorType.LOCAL, "NoResolverRunning"),
        ("ENOMEM", ErrorType.DRIVER, "InternalError"),
    ],
)
def test_error_numbers(name: str, error_type: ErrorType, subtype: str) -> None:
    error = error_of(getattr(pycares.errno, f"ARES_{name}"))
    assert error is not None
    assert (error.error_type, error.subtype) == (error_type, subtype)


def test_texts_are_for_people() -> None:
    error = error_of(pycares.errno.ARES_ENOMEM)
    assert str(error) == "driver error: internal error: Out of memory"


def test_no_data_is_no_error() -> None:
    assert error_of(pycares.errno.ARES_ENODATA) is None
