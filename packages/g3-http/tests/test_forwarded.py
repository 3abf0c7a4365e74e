"""Forwarded: adding and reading."""

import pytest
from g3_http import RequestError, forwarded_field, forwarded_node, parse_forwarded
from g3_machine import LocalProtocolError
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("host", "port", "node"),
    [
        ("192.0.2.1", None, b"192.0.2.1"),
        ("192.0.2.1", 80, b"192.0.2.1:80"),
        ("2001:db8::1", None, b"[2001:db8::1]"),
        ("2001:db8::1", 0, b"[2001:db8::1]:0"),
        ("_hidden", None, b"_hidden"),
        ("unknown", None, b"unknown"),
    ],
)
def test_nodes(host: str, port: int | None, node: bytes) -> None:
    assert forwarded_node(host, port) == node


def test_field() -> None:
    assert forwarded_field(for_=b"192.0.2.1") == (b"Forwarded", b"for=192.0.2.1")
    assert forwarded_field(for_=b"[::1]:80", by=b"_me", host=b"a.example:80", proto=b"https") == (
        b"Forwarded",
        b'for="[::1]:80";by=_me;host="a.example:80";proto=https',
    )
    assert forwarded_field(host=b'a"\\b') == (b"Forwarded", rb'host="a\"\\b"')


def test_fields_that_cannot_be() -> None:
    with pytest.raises(LocalProtocolError, match=r"^Forwarded without a parameter$"):
        forwarded_field()
    for value in (b"a\r\nb", b"\x00", b"\x7f"):
        with pytest.raises(LocalProtocolError, match=r"^a parameter that Forwarded cannot carry$"):
            forwarded_field(by=value)


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        (b"", []),
        (b" , ; ,", []),
        (b"for=a", [{b"for": b"a"}]),
        (b'For=192.0.2.43, for="[2001:db8:cafe::17]"', [{b"for": b"192.0.2.43"}, {b"for": b"[2001:db8:cafe::17]"}]),
        (b"for=a;proto=http ; by=b", [{b"for": b"a", b"proto": b"http", b"by": b"b"}]),
        (rb'host="a\"\\,;b" ,x="" ', [{b"host": b'a"\\,;b'}, {b"x": b""}]),
        (b"for=a,,for=b", [{b"for": b"a"}, {b"for": b"b"}]),
        (b"for=a\t;", [{b"for": b"a"}]),
    ],
)
def test_elements(value: bytes, elements: list[dict[bytes, bytes]]) -> None:
    assert parse_forwarded(value) == elements


@pytest.mark.parametrize(
    "value",
    [
        b"for",
        b"for=",
        b"=a",
        b"for =a",
        b"for= a",
        b"for=a b",
        b"for=[::1]",
        b"for=a:1",
        b'for="a',
        b'for="a"b',
        b"for=a;FOR=b",
        b"for=a;for=a",
        b"a/b=c",
        b"for=\xe9",
        b'for="\x00"',
        b"x for=a",
    ],
)
def test_no_elements(value: bytes) -> None:
    with pytest.raises(RequestError, match=r"^not a list of parameters in Forwarded$") as caught:
        parse_forwarded(value)
    assert (caught.value.reason, caught.value.status) == ("forwarded", 400)


@given(st.binary(min_size=1, max_size=9).filter(lambda value: all(c == 9 or (c >= 32 and c != 127) for c in value)))
def test_what_is_added_is_read_back(value: bytes) -> None:
    assert parse_forwarded(forwarded_field(for_=value, host=value)[1]) == [{b"for": value, b"host": value}]
