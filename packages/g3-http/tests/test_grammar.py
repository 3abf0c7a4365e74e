"""The shared pieces of grammar, against the lists of RFC 9110."""

import re
import string

import pytest
from g3_http._grammar import (
    FIELD_LINE,
    QUOTED_STRING,
    TIDY_FIELD_LINE,
    is_field_value,
    is_token,
    percent_decode,
)

TCHAR = frozenset(b"!#$%&'*+-.^_`|~" + string.digits.encode() + string.ascii_letters.encode())


@pytest.mark.parametrize("byte", range(256))
def test_token(byte: int) -> None:
    assert bool(is_token(bytes([byte]))) == (byte in TCHAR)
    assert bool(is_token(b"a" + bytes([byte]) + b"b")) == (byte in TCHAR)


def test_token_is_never_empty() -> None:
    assert not is_token(b"")


@pytest.mark.parametrize("byte", range(256))
def test_field_value(byte: int) -> None:
    allowed = byte == 9 or (byte >= 32 and byte != 127)
    assert bool(is_field_value(b"a" + bytes([byte]))) == allowed


def test_an_empty_field_value() -> None:
    assert is_field_value(b"")


@pytest.mark.parametrize(
    ("line", "is_line", "is_tidy"),
    [
        (b"A: b\r\n", True, True),
        (b"A: \xffb c\tc\r\n", True, True),
        (b"A:\r\n", True, False),
        (b"A:b\r\n", True, False),
        (b"A:  b\r\n", True, False),
        (b"A: \tb\r\n", True, False),
        (b"A:\tb\xff\r\n", True, False),
        (b"A: b \r\n", True, False),
        (b"A: b\t\r\n", True, False),
        (b"A: \r\n", True, False),
        (b"A : b\r\n", False, False),
        (b": b\r\n", False, False),
        (b"A\r\n", False, False),
        (b"A: b\n", False, False),
        (b"A: b\r", False, False),
        (b"A: b\x00\r\n", False, False),
    ],
)
def test_field_lines(line: bytes, is_line: bool, is_tidy: bool) -> None:
    assert bool(re.fullmatch(FIELD_LINE, line)) == is_line
    assert bool(re.fullmatch(TIDY_FIELD_LINE, line)) == is_tidy


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (b'""', True),
        (b'"a b\t\xff"', True),
        (rb'"\"\\\a"', True),
        (b'"a', False),
        (b'a"', False),
        (b'"a"b"', False),
        (b'"\\"', False),
        (b'"\x00"', False),
        (b'"\\\x00"', False),
        (b'"\n"', False),
        (b'"\x7f"', False),
    ],
)
def test_quoted_string(text: bytes, good: bool) -> None:
    assert bool(re.fullmatch(QUOTED_STRING, text)) == good


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (b"a%20b", b"a b"),
        (b"%41%4a%4A", b"AJJ"),
        (b"%00%ff", b"\x00\xff"),
        (b"%%2%g1%", b"%%2%g1%"),
        (b"%2541", b"%41"),
        (b"+", b"+"),
    ],
)
def test_percent_decode(text: bytes, plain: bytes) -> None:
    assert percent_decode(text) == plain
