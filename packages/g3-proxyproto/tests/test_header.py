"""Headers are values, with names for the registered TLVs."""

from dataclasses import FrozenInstanceError
from ipaddress import ip_address

import pytest
from g3_proxyproto import Command, Header, Inet, Ssl, Tlv, Transport, Unix, pack_ssl


def header(*tlvs: Tlv) -> Header:
    return Header(2, Command.PROXY, Transport.STREAM, Unix(b"/a"), Unix(b""), tlvs)


def test_registered_tlvs_have_names() -> None:
    full = header(
        Tlv(0xE0, b"x"),
        Tlv(1, b"h2"),
        Tlv(2, "bücher.example".encode()),
        Tlv(5, b"\x00\xff"),
        pack_ssl(1, 2, [Tlv(0x21, b"TLSv1.2")]),
        Tlv(0x30, b"blue"),
    )
    assert full.alpn == b"h2"
    assert full.authority == "bücher.example"
    assert full.unique_id == b"\x00\xff"
    assert full.netns == "blue"
    assert full.ssl == Ssl(1, 2, (Tlv(0x21, b"TLSv1.2"),))


def test_what_is_not_told_is_none() -> None:
    empty = header()
    assert (empty.opaque, empty.size) == (b"", 0)
    assert [empty.alpn, empty.authority, empty.unique_id, empty.netns, empty.ssl] == [None] * 5


def test_a_header_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(header(), "version", 1)  # noqa: B010 -- mypy would not let it stand


def test_addresses_are_values() -> None:
    assert Inet(ip_address("192.0.2.1"), 80) == Inet(ip_address("192.0.2.1"), 80)
    assert Unix(b"/a") != Unix(b"/b")
