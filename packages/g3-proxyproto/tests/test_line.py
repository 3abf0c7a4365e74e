"""Version 1, field by field: what passes, and at which byte what does not pass is refused."""

import struct
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from g3_proxyproto import MAX_LINE_SIZE, Command, Header, HeaderError, Inet, Transport
from g3_proxyproto._line import parse_line
from hypothesis import given
from hypothesis import strategies as st

LINE = "no {} where version 1 has it"
LONGEST = b"PROXY UNKNOWN" + b" ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" * 2 + b" 65535 65535\r\n"


def refused_at(line: bytes) -> tuple[int, str]:
    """How many bytes it takes until the line is refused, and why; the whole line gets the same answer."""
    for size in range(6, len(line) + 1):
        said = outcome(line[:size])
        if said is not None:
            assert outcome(line) == said
            return size, said
    raise AssertionError("never refused")


def outcome(line: bytes) -> str | None:
    try:
        header = parse_line(line)
    except HeaderError as error:
        return f"{error}" if error.reason == "line" else error.reason
    return None if header is None else "a header"


@pytest.mark.parametrize(
    ("line", "source", "destination"),
    [
        (b"TCP4 192.168.0.1 192.168.0.11 56324 443", ("192.168.0.1", 56324), ("192.168.0.11", 443)),
        (b"TCP4 255.255.255.255 255.255.255.255 65535 65535", ("255.255.255.255", 65535), ("255.255.255.255", 65535)),
        (b"TCP4 0.0.0.0 9.10.99.200 0 1", ("0.0.0.0", 0), ("9.10.99.200", 1)),
        (b"TCP6 2001:db8::1 2001:DB8::A 1 80", ("2001:db8::1", 1), ("2001:db8::a", 80)),
        (b"TCP6 :: ::1 1 2", ("::", 1), ("::1", 2)),
        (b"TCP6 1:2:3:4:5:6:7:8 1:: 1 2", ("1:2:3:4:5:6:7:8", 1), ("1::", 2)),
        (b"TCP6 ::ffff:192.0.2.1 1:2:3:4:5:6:1.2.3.4 1 2", ("::ffff:c000:201", 1), ("1:2:3:4:5:6:102:304", 2)),
        (b"TCP6" + b" ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" * 2 + b" 1 2", ("ffff:" * 7 + "ffff", 1), None),
    ],
)
def test_addresses(line: bytes, source: tuple[str, int], destination: tuple[str, int] | None) -> None:
    line = b"PROXY " + line + b"\r\n"
    for size in range(6, len(line)):
        assert parse_line(line[:size]) is None
    ends = [Inet(ip_address(host), port) for host, port in (source, destination or (source[0], 2))]
    expected = Header(1, Command.PROXY, Transport.STREAM, ends[0], ends[1], size=len(line))
    for more in (b"", b"GET / HTTP/1.1\r\n\r\n"):
        assert parse_line(line + more) == expected


@pytest.mark.parametrize("rest", [b"", b" ", b" anything at ~ all", LONGEST[13:-2]])
def test_unknown(rest: bytes) -> None:
    line = b"PROXY UNKNOWN" + rest + b"\r\n"
    for size in range(6, len(line)):
        assert parse_line(line[:size]) is None
    assert parse_line(line + b"GET") == Header(1, Command.PROXY, Transport.UNSPEC, None, None, size=len(line))


def test_the_longest_line_has_107_bytes() -> None:
    assert len(LONGEST) == MAX_LINE_SIZE
    text = "no CRLF in the first 107 bytes"
    assert refused_at(LONGEST[:-2] + b"0\r\n") == (106, text)
    assert refused_at(LONGEST[:-2] + b"0" * 99) == (106, text)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"UNKNOWN", b"\n"),
        (b"UNKNOWN ", b"\n"),
        (b"UNKNOWN \r", b"x"),
        (b"UNKNOWN\r", b"\r\n"),
        (b"UNKNOWN", b"\0\r\n"),
        (b"UNKNOWN a", b"\xff"),
        (b"UNKNOWN a", b"\x7f"),
        (b"UNKNOWN" + b" " * 92 + b"\r", b"x"),
    ],
)
def test_what_may_not_stand_behind_unknown(good: bytes, bad: bytes) -> None:
    text = "a byte behind UNKNOWN that is neither printable ASCII nor a part of CRLF"
    assert refused_at(b"PROXY " + good + bad) == (len(b"PROXY " + good) + 1, text)


@pytest.mark.parametrize(
    ("good", "bad", "field"),
    [
        (b"", b" TCP4 ", "protocol"),
        (b"", b"\r\n", "protocol"),
        (b"TCP", b"5 1.2.3.4 ", "protocol"),
        (b"TCP", b" ", "protocol"),
        (b"", b"tcp4 ", "protocol"),
        (b"U", b"DP4 ", "protocol"),
        (b"UNKNOWN", b"X\r\n", "protocol"),
        (b"UNKNOW", b"\r\n", "protocol"),
        (b"TCP4", b"\r\n", "protocol"),
        (b"TCP6", b"6 ::1", "protocol"),
        (b"TCP4 ", b"\r\n", "source address"),
        (b"TCP4 ", b" 1.2.3.4", "source address"),
        (b"TCP4 1.2.3.4", b"\r\n", "source address"),
        (b"TCP4 1.2.3", b" ", "source address"),
        (b"TCP4 1.2.3.", b" ", "source address"),
        (b"TCP4 1.2.3.4", b".5 ", "source address"),
        (b"TCP4 0", b"1.2.3.4", "source address"),
        (b"TCP4 25", b"6.2.3.4", "source address"),
        (b"TCP4 1.2.3.99", b"9 ", "source address"),
        (b"TCP4 1.", b".2.3", "source address"),
        (b"TCP4 ", b"::1 ", "source address"),
        (b"TCP4 ", b"\xd9\xa1", "source address"),
        (b"TCP4 1.2.3.4 ", b" 1.2.3.4 1 2", "destination address"),
        (b"TCP4 1.2.3.4 1.2.3", b" 1 2\r\n", "destination address"),
        (b"TCP4 1.2.3.4 1", b":", "destination address"),
        (b"TCP4 1.2.3.4 1.2.3.4", b"\r\n", "destination address"),
        (b"TCP6 ", b"g", "source address"),
        (b"TCP6 1", b" ", "source address"),
        (b"TCP6 ::1", b"%eth0 ", "source address"),
        (b"TCP6 ::", b": ", "source address"),
        (b"TCP6 1::2:", b": ", "source address"),
        (b"TCP6 :", b"1", "source address"),
        (b"TCP6 1:2:3:4:5:6:7:8", b":", "source address"),
        (b"TCP6 1:2:3:4:5:6:7:8", b".", "source address"),
        (b"TCP6 1:2:3:4:5:6:7:", b" ", "source address"),
        (b"TCP6 ::1.2.3", b" ", "source address"),
        (b"TCP6 ::1.2.3.4", b".", "source address"),
        (b"TCP6 fff0", b"0:", "source address"),
        (b"TCP6 1", b".2.3.4 ", "source address"),
        (b"TCP6 " + b"0000:" * 6 + b"192.0.2.1", b"11", "source address"),
        (b"TCP6 ::1 1", b".2.3.4", "destination address"),
        (b"TCP4 1.2.3.4 1.2.3.4 ", b" ", "source port"),
        (b"TCP4 1.2.3.4 1.2.3.4 0", b"0 ", "source port"),
        (b"TCP4 1.2.3.4 1.2.3.4 6553", b"6 ", "source port"),
        (b"TCP4 1.2.3.4 1.2.3.4 1", b"\r\n", "source port"),
        (b"TCP4 1.2.3.4 1.2.3.4 ", b"-1 ", "source port"),
        (b"TCP4 1.2.3.4 1.2.3.4 65535 ", b" ", "destination port"),
        (b"TCP4 1.2.3.4 1.2.3.4 65535 ", b"\r\n", "destination port"),
        (b"TCP4 1.2.3.4 1.2.3.4 1 2", b"\n", "destination port"),
        (b"TCP4 1.2.3.4 1.2.3.4 1 2\r", b"\r\n", "destination port"),
        (b"TCP4 1.2.3.4 1.2.3.4 1 2\r", b"x", "destination port"),
        (b"TCP4 1.2.3.4 1.2.3.4 1 12345", b"6\r\n", "destination port"),
    ],
)
def test_the_first_wrong_byte_is_refused(good: bytes, bad: bytes, field: str) -> None:
    assert refused_at(b"PROXY " + good + bad) == (len(good) + 7, LINE.format(field))


@pytest.mark.parametrize("more", [b" ", b" 3\r\n", b" \r\n"])
def test_nothing_stands_behind_the_destination_port(more: bytes) -> None:
    line = b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2"
    assert refused_at(line + more) == (len(line) + 1, "more than a destination port at the end of the line")


def in_full(address: IPv4Address | IPv6Address) -> str:
    """The longest spelling with hexadecimal groups alone; `exploded` of CPython 3.13 has dots for a mapped address."""
    if isinstance(address, IPv4Address):
        return str(address)
    return ":".join(f"{group:04x}" for group in struct.unpack("!8H", address.packed))


ADDRESSES = {"TCP4": st.ip_addresses(v=4), "TCP6": st.ip_addresses(v=6)}


@pytest.mark.parametrize("family", ADDRESSES)
@given(data=st.data())
def test_every_beginning_of_a_good_line_can_become_one(family: str, data: st.DataObject) -> None:
    source, destination = data.draw(ADDRESSES[family]), data.draw(ADDRESSES[family])
    ports = data.draw(st.integers(0, 65535)), data.draw(st.integers(0, 65535))
    full = data.draw(st.booleans())
    hosts = (in_full(source), in_full(destination)) if full else (str(source), str(destination))
    line = f"PROXY {family} {hosts[0]} {hosts[1]} {ports[0]} {ports[1]}\r\n".encode()
    for size in range(6, len(line)):
        assert parse_line(line[:size]) is None
    header = parse_line(line)
    assert header is not None
    assert (header.source, header.destination) == (Inet(source, ports[0]), Inet(destination, ports[1]))
