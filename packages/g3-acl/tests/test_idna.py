"""Names outside ASCII: the mapping of UTS #46 and the checks of labels."""

import pytest
from g3_acl import HostError
from g3_acl._idna import to_ascii


@pytest.mark.parametrize(
    ("name", "ascii_name"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.EXAMPLE", "xn--bcher-kva.example"),
        ("example.рф", "example.xn--p1ai"),
        ("a。b．c｡d", "a.b.c.d"),
        ("faß.ς", "xn--fa-hia.xn--3xa"),
        ("１２７．１", "127.1"),
        ("ａ％／", "a%/"),
        ("i❤.ws", "xn--i-7iq.ws"),
        ("☃", "xn--n3h"),
        ("שלום.example", "xn--9dbne9b.example"),
        ("نامه‌ای", "xn--mgba3gch31f060k"),
        ("ü..ü.", "xn--tda..xn--tda."),
    ],
)
def test_mapped(name: str, ascii_name: str) -> None:
    assert to_ascii(name) == ascii_name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("́a", "'\\u0301a' is no host name: Label begins with an illegal combining character"),
        ("אa", "'\\u05d0a' is no host name: Invalid direction for codepoint at position 2 in a right-to-left label"),
        ("a‌b", "'a\\u200cb' is no host name: a joiner stands where it joins nothing"),
        ("ab‍", "'ab\\u200d' is no host name: a joiner stands where it joins nothing"),
        ("‍ab", "'\\u200dab' is no host name: a joiner stands where it joins nothing"),
        ("क्‍ष.a‍b", "'\\u0915\\u094d\\u200d\\u0937.a\\u200db' is no host name: a joiner stands where it joins nothing"),
    ],
)
def test_broken_label(name: str, message: str) -> None:
    with pytest.raises(HostError) as raised:
        to_ascii(name)
    assert str(raised.value) == message


@pytest.mark.parametrize("name", ["a\udc80", "\U000e0001ü"])
def test_disallowed(name: str) -> None:
    with pytest.raises(HostError, match=r" is no host name: Codepoint U\+[0-9A-F]+ not allowed at position \d in "):
        to_ascii(name)
