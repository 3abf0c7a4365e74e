"""TLVs, read, written and checked."""

import pytest
from g3_machine import LocalProtocolError
from g3_proxyproto import MAX_UNIQUE_ID_SIZE, HeaderError, Tlv, TlvType, pack_tlvs, parse_tlvs
from g3_proxyproto._tlv import check_tlvs, find, text
from hypothesis import given
from hypothesis import strategies as st

TLVS = st.lists(st.builds(Tlv, st.integers(0, 255), st.binary(max_size=300)), max_size=6)


@given(TLVS)
def test_what_is_written_is_read(tlvs: list[Tlv]) -> None:
    assert parse_tlvs(pack_tlvs(tlvs)) == tuple(tlvs)


def test_the_wire() -> None:
    assert pack_tlvs([Tlv(TlvType.ALPN, b"h2"), Tlv(4, b"")]) == b"\x01\x00\x02h2\x04\x00\x00"
    assert parse_tlvs(b"\xea\x01\x00" + bytes(256)) == (Tlv(0xEA, bytes(256)),)
    assert parse_tlvs(b"") == ()


@pytest.mark.parametrize(
    "data", [b"\x01", b"\x01\x00", b"\x01\x00\x01", b"\x04\x00\x00\x04\x00\x02a", b"\x04\x01\x00a"]
)
def test_tlvs_that_do_not_fit(data: bytes) -> None:
    with pytest.raises(HeaderError) as caught:
        parse_tlvs(data)
    assert str(caught.value) == "a TLV that goes beyond the end of what holds it"
    assert caught.value.reason == "tlv"


@pytest.mark.parametrize(("kind", "size"), [(-1, 0), (256, 0), (1, 65536)])
def test_tlvs_that_have_no_room(kind: int, size: int) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        pack_tlvs([Tlv(kind, bytes(size))])
    assert str(caught.value) == f"a TLV of type {kind} and {size} bytes: 255 and 65535 are the most"


def test_the_largest_tlv() -> None:
    tlv = Tlv(255, bytes(65535))
    assert parse_tlvs(pack_tlvs([tlv, Tlv(0, b"")])) == (tlv, Tlv(0, b""))


def test_find_takes_the_first() -> None:
    tlvs = [Tlv(4, b"a"), Tlv(0xE0, b"b"), Tlv(0xE0, b"c")]
    assert find(tlvs, 0xE0) == b"b"
    assert find(tlvs, 1) is None


@pytest.mark.parametrize(
    "tlvs",
    [
        [],
        [Tlv(4, b""), Tlv(4, b"x")],
        [Tlv(0xE0, b"\xff"), Tlv(0xE0, b"\xff"), Tlv(0x31, b""), Tlv(0x31, b""), Tlv(0, b"")],
        [Tlv(1, b"\xff"), Tlv(2, "bücher.example".encode()), Tlv(3, bytes(4)), Tlv(5, bytes(MAX_UNIQUE_ID_SIZE))],
        [Tlv(5, b""), Tlv(0x30, b"blue")],
    ],
)
def test_values_that_pass(tlvs: list[Tlv]) -> None:
    check_tlvs(tlvs)


@pytest.mark.parametrize(
    ("tlvs", "message"),
    [
        *(([Tlv(kind, b""), Tlv(9, b""), Tlv(kind, b"")], name) for kind, name in [(1, "ALPN"), (2, "AUTHORITY")]),
        ([Tlv(5, b""), Tlv(5, b"")], "UNIQUE_ID"),
        ([Tlv(3, bytes(4)), Tlv(3, bytes(4))], "CRC32C"),
        ([Tlv(0x20, b""), Tlv(0x20, b"")], "SSL"),
        ([Tlv(0x30, b""), Tlv(0x30, b"")], "NETNS"),
    ],
)
def test_registered_types_come_once(tlvs: list[Tlv], message: str) -> None:
    with pytest.raises(HeaderError) as caught:
        check_tlvs(tlvs)
    assert str(caught.value) == f"two TLVs of the type {message}"
    assert caught.value.reason == "tlv"


@pytest.mark.parametrize(
    ("tlv", "message"),
    [
        (Tlv(3, bytes(3)), "a CRC32C that has not 4 bytes"),
        (Tlv(3, bytes(5)), "a CRC32C that has not 4 bytes"),
        (Tlv(5, bytes(129)), "a UNIQUE_ID of more than 128 bytes"),
        (Tlv(2, b"a\xff"), "AUTHORITY that is not UTF-8"),
        (Tlv(0x30, "ü".encode()), "NETNS that is not ASCII"),
    ],
)
def test_values_that_are_refused(tlv: Tlv, message: str) -> None:
    with pytest.raises(HeaderError) as caught:
        check_tlvs([Tlv(4, b""), tlv])
    assert str(caught.value) == message
    assert caught.value.reason == "tlv"


def test_text() -> None:
    assert text("ü".encode(), "utf-8", "CN") == "ü"
    with pytest.raises(HeaderError) as caught:
        text(b"\xfc", "utf-8", "CN")
    assert (caught.value.reason, str(caught.value)) == ("tlv", "CN that is not UTF-8")
