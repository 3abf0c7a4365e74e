"""Version 2: what passes, and at which byte what does not pass is refused."""

from ipaddress import ip_address

import pytest
from g3_proxyproto import Address, Command, Header, HeaderError, Inet, Tlv, Transport, Unix
from g3_proxyproto._binary import (
    ADDRESSES_SIZE,
    SIGNATURE,
    addresses_size,
    check_head,
    check_tlv_lengths,
    parse_message,
)

V4 = bytes.fromhex("c0000201 c6336409 dbfc 01bb")
V6 = bytes.fromhex("20010db8000000000000000000000001 20010db8000000000000000000000002 0050 ffff")
NO_TLV = "a TLV that goes beyond the end of what holds it"


def message(ver_cmd: int, family: int, body: bytes, size: int | None = None) -> bytes:
    return SIGNATURE + bytes((ver_cmd, family)) + (len(body) if size is None else size).to_bytes(2, "big") + body


def test_the_signature() -> None:
    assert SIGNATURE.hex() == "0d0a0d0a000d0a515549540a"


@pytest.mark.parametrize(("family", "size"), [(0x11, 12), (0x12, 12), (0x21, 36), (0x22, 36), (0x31, 216), (0x32, 216)])
def test_families_and_their_sizes(family: int, size: int) -> None:
    head = message(0x21, family, b"", size)
    for end in range(17):
        check_head(head[:end], 216)
    assert addresses_size(head) == size
    check_head(message(0x21, family, b"", 65535), 65535)
    with pytest.raises(HeaderError) as caught:
        check_head(message(0x21, family, b"", size - 1), 216)
    assert (caught.value.reason, str(caught.value)) == ("length", "no room for the addresses of the family")
    check_head(message(0x21, family, b"", size - 1)[:15], 216)


@pytest.mark.parametrize("family", [0x00, 0x01, 0x02, 0x10, 0x20, 0x30])
def test_unspecified_families_have_no_addresses(family: int) -> None:
    head = message(0x21, family, b"")
    check_head(head, 216)
    assert addresses_size(head) == 0


@pytest.mark.parametrize("family", [0x00, 0x11, 0x31, 0x40, 0x0F, 0xFF])
def test_the_family_of_a_local_header_is_ignored(family: int) -> None:
    head = message(0x20, family, b"")
    check_head(head, 216)
    assert addresses_size(head) == 0
    expected = Header(2, Command.LOCAL, Transport.UNSPEC, None, None, (), b"body", 20)
    assert parse_message(message(0x20, family, b"body")) == expected


@pytest.mark.parametrize(
    ("head", "at", "reason", "text"),
    [
        (b"\x11\x11\x00\x0c", 13, "version", "the signature of version 2 with another version behind it"),
        (b"\x01\x11\x00\x0c", 13, "version", "the signature of version 2 with another version behind it"),
        (b"\x31\x11\x00\x0c", 13, "version", "the signature of version 2 with another version behind it"),
        (b"\x22\x11\x00\x0c", 13, "command", "a command other than LOCAL and PROXY"),
        (b"\x2f\x11\x00\x0c", 13, "command", "a command other than LOCAL and PROXY"),
        (b"\x21\x41\x00\x0c", 14, "family", "an address family other than UNSPEC, INET, INET6 and UNIX"),
        (b"\x21\x13\x00\x0c", 14, "transport", "a transport protocol other than UNSPEC, STREAM and DGRAM"),
        (b"\x21\x0f\x00\x0c", 14, "transport", "a transport protocol other than UNSPEC, STREAM and DGRAM"),
        (b"\x21\x11\x04\x00", 15, "too_large", "more than 1000 bytes behind the first 16"),
        (b"\x21\x11\x03\xe9", 16, "too_large", "more than 1000 bytes behind the first 16"),
        (b"\x20\x00\xff\xff", 15, "too_large", "more than 1000 bytes behind the first 16"),
        (b"\x21\x11\x00\x0b", 16, "length", "no room for the addresses of the family"),
    ],
)
def test_the_first_wrong_byte_is_refused(head: bytes, at: int, reason: str, text: str) -> None:
    head = SIGNATURE + head
    for size in range(at):
        check_head(head[:size], 1000)
    for size in range(at, 17):
        with pytest.raises(HeaderError) as caught:
            check_head(bytearray(head[:size]), 1000)
        assert (caught.value.reason, str(caught.value)) == (reason, text)


@pytest.mark.parametrize("limit", [256, 1000, 1024])
def test_the_largest_body(limit: int) -> None:
    head = message(0x21, 0x11, b"", limit)
    check_head(head[:15], limit)
    check_head(head, limit)


@pytest.mark.parametrize(
    ("family", "body", "transport", "source", "destination"),
    [
        (0x11, V4, 1, Inet(ip_address("192.0.2.1"), 56316), Inet(ip_address("198.51.100.9"), 443)),
        (0x12, V4, 2, Inet(ip_address("192.0.2.1"), 56316), Inet(ip_address("198.51.100.9"), 443)),
        (0x21, V6, 1, Inet(ip_address("2001:db8::1"), 80), Inet(ip_address("2001:db8::2"), 65535)),
        (0x22, V6, 2, Inet(ip_address("2001:db8::1"), 80), Inet(ip_address("2001:db8::2"), 65535)),
        (0x31, b"/run/a".ljust(108, b"\0") + b"\0abs\0x".ljust(108, b"\0"), 1, Unix(b"/run/a"), Unix(b"\0abs\0x")),
        (0x32, b"/a\0left".ljust(108, b"x") + bytes(108), 2, Unix(b"/a"), Unix(b"")),
        (0x32, b"\0" + b"a" * 107 + b"b" * 108, 2, Unix(b"\0" + b"a" * 107), Unix(b"b" * 108)),
        (0x31, b"p" * 108 + b"q" * 107 + b"\0", 1, Unix(b"p" * 108), Unix(b"q" * 107)),
    ],
)
def test_addresses(family: int, body: bytes, transport: int, source: Address, destination: Address) -> None:
    for tlvs, more in (((), b""), ((Tlv(0xE0, b"x"), Tlv(4, b"")), b"\xe0\x00\x01x\x04\x00\x00")):
        wire = message(0x21, family, body + more)
        expected = Header(2, Command.PROXY, Transport(transport), source, destination, tlvs, b"", len(wire))
        assert parse_message(wire) == expected


@pytest.mark.parametrize(("family", "transport"), [(0x00, 0), (0x01, 1), (0x10, 0), (0x20, 0), (0x32 & 0x0F, 2)])
def test_the_body_of_an_unspecified_header_is_opaque(family: int, transport: int) -> None:
    header = parse_message(message(0x21, family, V4 + b"\x02\xff"))
    assert header == Header(2, Command.PROXY, Transport(transport), None, None, (), V4 + b"\x02\xff", 30)


@pytest.mark.parametrize(
    ("tlvs", "text"),
    [
        (b"\x05\x00\x00\x05\x00\x00", "two TLVs of the type UNIQUE_ID"),
        (b"\x20\x00\x01x", "SSL of less than 5 bytes"),
        (b"\xe0\x00\x02x", NO_TLV),
    ],
)
def test_tlvs_are_checked(tlvs: bytes, text: str) -> None:
    with pytest.raises(HeaderError) as caught:
        parse_message(message(0x21, 0x11, V4 + tlvs))
    assert (caught.value.reason, str(caught.value)) == ("tlv", text)


def test_the_checksum_is_verified() -> None:
    # The CRC32C of the header with zeros in the place of the checksum; computed bit by bit below.
    tlvs = b"\x04\x00\x02\x03\x03" + b"\x03\x00\x04" + bytes(4) + b"\xe0\x00\x01x"
    zeros = message(0x21, 0x11, V4 + tlvs)
    at = 16 + 12 + 5 + 3
    good = zeros[:at] + bitwise(zeros).to_bytes(4, "big") + zeros[at + 4 :]
    assert parse_message(good).tlvs[1] == Tlv(3, good[at : at + 4])
    for flipped in (12 + 4, 20, at, at + 3, len(good) - 1):
        bad = bytearray(good)
        bad[flipped] ^= 1
        with pytest.raises(HeaderError) as caught:
            parse_message(bytes(bad))
        assert (caught.value.reason, str(caught.value)) == ("checksum", "a CRC32C that is not the header's")


def test_the_checksum_is_found_behind_a_long_tlv() -> None:
    zeros = message(0x21, 0x11, V4 + b"\xe0\x01\x02" + bytes(258) + b"\x03\x00\x04" + bytes(4))
    assert parse_message(zeros[:-4] + bitwise(zeros).to_bytes(4, "big")).tlvs[1].type == 3


def bitwise(data: bytes) -> int:
    """CRC32C as a division of polynomials."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_lengths_are_checked_as_they_come() -> None:
    box = bytearray(28) + b"\x04\x00\x02ab" + b"\xe0\x01\x00" + bytes(256)
    end = len(box)
    stops = [check_tlv_lengths(box[:size], 28, end) for size in (28, 29, 30, 31, 33, 35, 36, end)]
    assert stops == [28, 28, 28, 33, 33, 33, 292, 292]
    assert check_tlv_lengths(box, 33, end) == 292
    assert check_tlv_lengths(box, 28, 33) == 33


@pytest.mark.parametrize(
    ("tlvs", "end", "at"),
    [
        (b"", 1, 0),
        (b"", 2, 0),
        (b"\x04\x00\x00", 4, 3),
        (b"\x04\x01", 258, 2),
        (b"\x04\x00\x02", 4, 3),
        (b"\x04\x00\x00\x04\x00\x02a", 7, 6),
    ],
)
def test_a_length_is_refused_at_its_first_byte_that_is_too_much(tlvs: bytes, end: int, at: int) -> None:
    box = bytearray(tlvs)
    for size in range(len(box) + 1):
        if size >= at:
            with pytest.raises(HeaderError) as caught:
                check_tlv_lengths(box[:size], 0, end)
            assert (caught.value.reason, str(caught.value)) == ("tlv", NO_TLV)
        else:
            check_tlv_lengths(box[:size], 0, end)


def test_the_sizes_of_addresses() -> None:
    assert ADDRESSES_SIZE == (0, 12, 36, 216)
