"""UDP headers (RFC 1928 section 7)."""

import json
from dataclasses import FrozenInstanceError
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest
from g3_machine import LocalProtocolError, RemoteProtocolError
from g3_socks import MAX_HEADER_SIZE, Datagram, FragmentError, Host, pack_header, parse_datagram

CASES: list[tuple[bytes, Host, int]] = [
    (b"\x00\x00\x00\x01\xc0\x00\x02\x01\x00\x35", IPv4Address("192.0.2.1"), 53),
    (b"\x00\x00\x00\x04" + bytes(15) + b"\x01\xff\xff", IPv6Address("::1"), 65535),
    (b"\x00\x00\x00\x03\x09a.example\x00\x00", "a.example", 0),
    (b"\x00\x00\x00\x03\xff" + b"n" * 255 + b"\x01\x00", "n" * 255, 256),
]
VECTORS = json.loads((Path(__file__).parent / "vectors" / "rfc1928-section-7-datagrams.json").read_text("utf-8"))


def wire(text: str) -> bytes:
    """The bytes of ``00 00 00 03 ff 6e*255``."""
    tokens = (token.partition("*") for token in text.split())
    return b"".join(bytes.fromhex(byte) * int(times or 1) for byte, _, times in tokens)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector(vector: dict[str, Any]) -> None:
    data = wire(vector["in"])
    if "fault" in vector:
        with pytest.raises(RemoteProtocolError) as caught:
            parse_datagram(data)
        assert [type(caught.value).__name__, str(caught.value)] == vector["fault"]
    else:
        host, port, size = vector["datagram"]
        datagram = parse_datagram(data)
        assert str(datagram.host) == ("n" * 255 if host == "n*255" else host)
        assert (datagram.port, datagram.header_size) == (port, size)
        assert datagram.payload == data[size:]


@pytest.mark.parametrize(("header", "host", "port"), CASES)
@pytest.mark.parametrize("payload", [b"", b"x", b"payload" * 200])
def test_a_datagram_is_read_as_it_is_written(header: bytes, host: Host, port: int, payload: bytes) -> None:
    assert pack_header(host, port) == header
    for kind in (bytes, bytearray, memoryview):
        datagram = parse_datagram(kind(header + payload))
        assert datagram == Datagram(host, port, memoryview(payload), len(header))
        assert type(datagram.host) is type(host)


def test_the_payload_is_a_view_of_the_buffer() -> None:
    buffer = bytearray(CASES[0][0] + b"one")
    datagram = parse_datagram(buffer)
    buffer[-3:] = b"two"
    assert bytes(datagram.payload) == b"two"
    assert datagram.payload.obj is buffer


def test_three_bytes_are_too_few_to_judge_any() -> None:
    with pytest.raises(RemoteProtocolError, match=r"^a datagram of 3 bytes ends within its header$"):
        parse_datagram(b"\x01\x01\x01")


def test_a_datagram_cannot_be_changed() -> None:
    datagram = parse_datagram(CASES[0][0])
    with pytest.raises(FrozenInstanceError):
        datagram.port = 1  # type: ignore[misc]  # the very mistake
    assert not hasattr(datagram, "__dict__")


def test_the_longest_header() -> None:
    assert MAX_HEADER_SIZE == 262
    assert max(len(header) for header, _, _ in CASES) == MAX_HEADER_SIZE


@pytest.mark.parametrize(("header", "host", "port"), CASES)
def test_every_shorter_datagram_is_refused(header: bytes, host: Host, port: int) -> None:
    for size in range(len(header)):
        with pytest.raises(RemoteProtocolError) as caught:
            parse_datagram(header[:size])
        assert type(caught.value) is RemoteProtocolError
        assert str(caught.value) == f"a datagram of {size} bytes ends within its header"


@pytest.mark.parametrize(("frag", "number"), [(1, 1), (127, 127), (0x80, 0), (0x82, 2), (255, 127)])
def test_fragments_are_told_apart(frag: int, number: int) -> None:
    with pytest.raises(FragmentError) as caught:
        parse_datagram(b"\x00\x00" + bytes((frag,)) + b"\x01\xc0\x00\x02\x01\x00\x35data")
    assert str(caught.value) == f"fragment {number}"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x01\x00\x00\x01\xc0\x00\x02\x01\x00\x35", "RSV 0100, not 0000"),
        (b"\x00\x0a\x00\x01\xc0\x00\x02\x01\x00\x35", "RSV 000a, not 0000"),
        (b"\x00\x00\x00\x00\xc0\x00\x02\x01\x00\x35", "address type 0, not 1, 3 or 4"),
        (b"\x00\x00\x00\x02\xc0\x00\x02\x01\x00\x35", "address type 2, not 1, 3 or 4"),
        (b"\x00\x00\x00\x03\x00\x00\x35payload", "a host name of 0 bytes, not 1 to 255"),
        (b"\x00\x00\x00\x03\x03a\x00b\x00\x35", "no host has the name b'a\\x00b'"),
        (b"\x00\x00\x00\x03\x03a b\x00\x35", "no host has the name b'a b'"),
        (b"\x00\x00\x00\x03\x03a\xffb\x00\x35", "no host has the name b'a\\xffb'"),
    ],
)
def test_what_is_no_datagram(data: bytes, text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_datagram(data)
    assert type(caught.value) is RemoteProtocolError
    assert str(caught.value) == text


def test_a_fragment_with_other_faults_is_no_fragment_yet() -> None:
    with pytest.raises(RemoteProtocolError, match=r"^RSV 0001, not 0000$"):
        parse_datagram(b"\x00\x01\x01\x01\xc0\x00\x02\x01\x00\x35")


def test_a_name_that_is_an_address_is_given_as_one() -> None:
    assert parse_datagram(b"\x00\x00\x00\x03\x09192.0.2.1\x00\x35").host == IPv4Address("192.0.2.1")


def test_the_address_of_a_socket_is_written_as_a_peer_should_hear_it() -> None:
    assert pack_header(IPv6Address("::ffff:192.0.2.1"), 53) == CASES[0][0]
    assert pack_header("::ffff:192.0.2.1", 53) == CASES[0][0]
    assert pack_header("::1%eth0", 65535) == CASES[1][0]


@pytest.mark.parametrize(
    ("host", "port", "text"),
    [
        ("", 53, "host '': a host name of 0 bytes, not 1 to 255"),
        (IPv4Address(0), 65536, "port 65536, not 0 to 65535"),
        (IPv4Address(0), -1, "port -1, not 0 to 65535"),
    ],
)
def test_what_no_header_can_hold(host: Host, port: int, text: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        pack_header(host, port)
    assert str(caught.value) == text
