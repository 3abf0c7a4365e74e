"""Headers that we write, byte by byte, and what cannot be written."""

from ipaddress import IPv6Address, ip_address

import pytest
from g3_machine import LocalProtocolError
from g3_proxyproto import Address, Command, Header, HeaderReader, Inet, Tlv, Transport, Unix, pack_v1, pack_v2
from hypothesis import given
from hypothesis import strategies as st

PORTS = st.integers(0, 65535)
PATHS = st.one_of(
    st.binary(max_size=108).filter(lambda path: b"\0" not in path),
    st.binary(max_size=106).map(lambda path: b"\0" + path + b"x"),
)
INETS = st.one_of(
    st.tuples(*[st.builds(Inet, st.ip_addresses(v=4), PORTS)] * 2),
    st.tuples(*[st.builds(Inet, st.integers(1 << 64, (1 << 128) - 1).map(IPv6Address), PORTS)] * 2),
)
PAIRS = st.one_of(INETS, st.tuples(st.builds(Unix, PATHS), st.builds(Unix, PATHS)))
TLVS = st.lists(st.builds(Tlv, st.integers(0xE0, 0xFF), st.binary(max_size=300)), max_size=4)


def inet(host: str, port: int) -> Inet:
    return Inet(ip_address(host), port)


def read(wire: bytes) -> Header:
    reader = HeaderReader(max_body_size=65535)
    reader.receive_data(wire + b"behind")
    header = reader.next_event()
    assert header is not None
    assert reader.take_unread() == b"behind"
    assert header.size == len(wire)
    return header


@given(INETS)
def test_version_1_is_read_as_it_was_meant(pair: tuple[Inet, Inet]) -> None:
    header = read(pack_v1(*pair))
    assert (header.version, header.command, header.transport) == (1, Command.PROXY, Transport.STREAM)
    assert (header.source, header.destination) == pair


@given(PAIRS, TLVS, st.sampled_from([Transport.STREAM, Transport.DGRAM]), st.booleans())
def test_version_2_is_read_as_it_was_meant(
    pair: tuple[Address, Address], tlvs: list[Tlv], transport: Transport, checksum: bool
) -> None:
    header = read(pack_v2(*pair, *tlvs, transport=transport, checksum=checksum))
    assert (header.version, header.command, header.transport) == (2, Command.PROXY, transport)
    assert (header.source, header.destination) == pair
    assert list(header.tlvs)[: len(tlvs)] == tlvs
    assert [tlv.type for tlv in header.tlvs[len(tlvs) :]] == [3] * checksum


@pytest.mark.parametrize(
    ("source", "destination", "line"),
    [
        (inet("192.168.0.1", 56324), inet("192.168.0.11", 443), b"TCP4 192.168.0.1 192.168.0.11 56324 443"),
        (inet("::1", 0), inet("2001:db8::a", 65535), b"TCP6 ::1 2001:db8::a 0 65535"),
        (inet("::ffff:192.0.2.1", 1), inet("::ffff:192.0.2.2", 2), b"TCP4 192.0.2.1 192.0.2.2 1 2"),
        (inet("192.0.2.1", 1), inet("::ffff:192.0.2.2", 2), b"TCP4 192.0.2.1 192.0.2.2 1 2"),
        (Inet(IPv6Address("fe80::1%eth0"), 1), Inet(IPv6Address("fe80::2%eth0"), 2), b"TCP6 fe80::1 fe80::2 1 2"),
    ],
)
def test_lines(source: Inet, destination: Inet, line: bytes) -> None:
    assert pack_v1(source, destination) == b"PROXY " + line + b"\r\n"


def test_nothing_known() -> None:
    assert pack_v1() == b"PROXY UNKNOWN\r\n"
    assert pack_v2().hex() == "0d0a0d0a000d0a515549540a21000000"
    assert pack_v2(command=Command.LOCAL).hex() == "0d0a0d0a000d0a515549540a20000000"
    assert pack_v2(None, None, Tlv(4, b"x"))[13:].hex() == "0000040400" + "0178"


def test_a_checksum_without_addresses() -> None:
    wire = pack_v2(command=Command.LOCAL, checksum=True)
    assert wire[:16].hex() == "0d0a0d0a000d0a515549540a20000007"
    assert wire[16:19].hex() == "030004"
    assert read(wire).opaque == wire[16:]


@pytest.mark.parametrize(
    ("source", "destination", "transport", "wire"),
    [
        (inet("192.0.2.1", 56316), inet("198.51.100.9", 443), Transport.STREAM, "21 11 000c c0000201c6336409dbfc01bb"),
        (inet("192.0.2.1", 56316), inet("198.51.100.9", 443), Transport.DGRAM, "21 12 000c c0000201c6336409dbfc01bb"),
        (
            inet("2001:db8::1", 1),
            Inet(IPv6Address("fe80::2%eth0"), 2),
            Transport.STREAM,
            "21 21 0024" + "20010db8000000000000000000000001" + "fe800000000000000000000000000002" + "00010002",
        ),
        (
            inet("2001:db8::1", 1),
            inet("::ffff:192.0.2.2", 2),
            Transport.DGRAM,
            "21 22 0024" + "20010db8000000000000000000000001" + "00000000000000000000ffffc0000202" + "00010002",
        ),
        (inet("::ffff:192.0.2.1", 1), inet("192.0.2.2", 2), Transport.STREAM, "21 11 000c c0000201c000020200010002"),
        (Unix(b"/a"), Unix(b"\0b"), Transport.STREAM, "21 31 00d8 2f61" + "00" * 106 + "0062" + "00" * 106),
        (Unix(b"/" * 108), Unix(b""), Transport.DGRAM, "21 32 00d8" + "2f" * 108 + "00" * 108),
    ],
)
def test_the_wire(source: Address, destination: Address, transport: Transport, wire: str) -> None:
    packed = pack_v2(source, destination, transport=transport)
    assert packed == bytes.fromhex("0d0a0d0a000d0a515549540a" + wire)


A4, A6, MAPPED = inet("192.0.2.1", 1), inet("2001:db8::1", 1), inet("::ffff:192.0.2.1", 1)


@pytest.mark.parametrize(
    ("source", "destination", "text"),
    [
        (A4, A6, "192.0.2.1 and 2001:db8::1: addresses of different families"),
        (A6, A4, "2001:db8::1 and 192.0.2.1: addresses of different families"),
        (A4, None, "one address without the other"),
        (None, A4, "one address without the other"),
        (inet("::1", 65536), inet("::1", 0), "port 65536, not 0 to 65535"),
        (inet("::1", 0), inet("::1", -1), "port -1, not 0 to 65535"),
    ],
)
def test_addresses_that_do_not_fit(source: Inet | None, destination: Inet | None, text: str) -> None:
    for pack in (pack_v1, pack_v2):
        with pytest.raises(LocalProtocolError) as caught:
            pack(source, destination)
        assert str(caught.value) == text


@pytest.mark.parametrize(
    ("source", "destination", "text"),
    [
        (Unix(b""), A4, "a Unix address with one that is none"),
        (A4, Unix(b""), "a Unix address with one that is none"),
        (None, Unix(b""), "a Unix address with one that is none"),
        (Unix(b"x" * 109), Unix(b""), "a Unix path of 109 bytes: too long, or with a NUL that would be lost"),
        (Unix(b""), Unix(b"a\0b"), "a Unix path of 3 bytes: too long, or with a NUL that would be lost"),
        (Unix(b"\0a\0"), Unix(b""), "a Unix path of 3 bytes: too long, or with a NUL that would be lost"),
        (Unix(b"\0"), Unix(b""), "a Unix path of 1 bytes: too long, or with a NUL that would be lost"),
    ],
)
def test_unix_addresses_that_do_not_fit(source: Address | None, destination: Address | None, text: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        pack_v2(source, destination)
    assert str(caught.value) == text


def test_addresses_that_would_be_ignored() -> None:
    text = "addresses with LOCAL or UNSPEC, where they would be ignored"
    with pytest.raises(LocalProtocolError) as caught:
        pack_v2(A4, A4, command=Command.LOCAL)
    assert str(caught.value) == text
    with pytest.raises(LocalProtocolError) as caught:
        pack_v2(A4, A4, transport=Transport.UNSPEC)
    assert str(caught.value) == text


def test_tlvs_that_do_not_fit() -> None:
    assert len(pack_v2(A4, A4, Tlv(0xE0, bytes(65520)))) == 16 + 65535
    with pytest.raises(LocalProtocolError) as caught:
        pack_v2(A4, A4, Tlv(0xE0, bytes(65521)))
    assert str(caught.value) == "addresses and TLVs of 65536 bytes; 65535 are the most"
    with pytest.raises(LocalProtocolError) as caught:
        pack_v2(A4, A4, Tlv(3, bytes(4)))
    assert str(caught.value) == "a CRC32C among the TLVs; checksum=True computes it"


def test_a_mapped_address_beside_a_real_one_stays_what_it_is() -> None:
    header = read(pack_v1(MAPPED, A6))
    assert (header.source, header.destination) == (MAPPED, A6)
