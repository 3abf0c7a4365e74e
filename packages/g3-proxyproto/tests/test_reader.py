"""The reader: which version it takes, and what it leaves unread."""

from ipaddress import ip_address

import pytest
from g3_machine import LocalProtocolError
from g3_machine.testing import Script
from g3_proxyproto import (
    DEFAULT_MAX_BODY_SIZE,
    Command,
    Header,
    HeaderError,
    HeaderReader,
    Inet,
    Tlv,
    Transport,
    pack_v1,
    pack_v2,
)

SOURCE, DESTINATION = Inet(ip_address("192.0.2.1"), 1), Inet(ip_address("192.0.2.2"), 2)
V1 = pack_v1(SOURCE, DESTINATION)
V2 = pack_v2(SOURCE, DESTINATION)


def header(version: int, size: int) -> Header:
    return Header(version, Command.PROXY, Transport.STREAM, SOURCE, DESTINATION, size=size)


@pytest.mark.parametrize("versions", [(1, 2), (2, 1), {1}, [2]])
@pytest.mark.parametrize(("version", "wire"), [(1, V1), (2, V2)])
def test_versions(versions: tuple[int, ...], version: int, wire: bytes) -> None:
    with Script(HeaderReader(versions=versions)) as script:
        script.event(None)
        if version not in versions:
            script >> wire[:1]
            text = f"^the stream does not begin with a PROXY header of version {3 - version}$"
            assert script.fault(text, HeaderError).reason == "signature"  # type: ignore[attr-defined]
            return
        for byte in wire[:-1]:
            script >> bytes((byte,))
            script.event(None)
        script >> wire[-1:] + b"GET / HTTP/1.1\r\n\r\n"
        script.event(header(version, len(wire)))
        assert script.machine.take_unread() == b"GET / HTTP/1.1\r\n\r\n"
        with pytest.raises(LocalProtocolError) as caught:
            script.machine.next_event()
        assert str(caught.value) == "next_event() after the header"


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"", b"GET / HTTP/1.1\r\n"),
        (b"", b"\x16\x03\x01\x02\x00"),
        (b"", b"\x05\x01\x00"),
        (b"P", b"OST / HTTP/1.1\r\n"),
        (b"PROXY", b"\r\n"),
        (b"\r\n\r\n", b"\n"),
        (b"\r\n", b"GET"),
        (b"\r\n\r\n\0\r\nQUIT", b"\r\n"),
    ],
)
def test_another_protocol_is_refused_at_its_first_strange_byte(good: bytes, bad: bytes) -> None:
    with Script(HeaderReader()) as script:
        script >> good
        script.event(None)
        script >> bad[:1]
        fault = script.fault("^the stream does not begin with a PROXY header of version 1 or 2$", HeaderError)
        assert fault.reason == "signature"  # type: ignore[attr-defined]
        assert script.machine.take_unread() == good + bad[:1]


def test_tlvs_are_refused_before_the_body_is_whole() -> None:
    wire = pack_v2(SOURCE, DESTINATION, Tlv(4, bytes(10)), Tlv(0xE0, bytes(20)))
    with Script(HeaderReader()) as script:
        script >> wire[: 28 + 13 + 1]
        script.event(None)
        assert script.machine._tlv_at == 28 + 13
        assert script.machine._state is HeaderReader._read_body  # the head is not read again
        script >> b"\x00\x15"
        script.fault("^a TLV that goes beyond", HeaderError)


def test_a_header_without_a_body_is_whole_at_once() -> None:
    with Script(HeaderReader()) as script:
        script >> pack_v2(command=Command.LOCAL)
        script.event(Header(2, Command.LOCAL, Transport.UNSPEC, None, None, size=16))


def test_bodies_that_are_ignored_may_hold_anything() -> None:
    with Script(HeaderReader()) as script:
        script >> b"\r\n\r\n\0\r\nQUIT\n\x20\x11\x00\x03\x01\xff\xffx"
        script.event(Header(2, Command.LOCAL, Transport.UNSPEC, None, None, opaque=b"\x01\xff\xff", size=19))
        assert script.machine.take_unread() == b"x"


@pytest.mark.parametrize("limit", [216, 1000, DEFAULT_MAX_BODY_SIZE, 65535])
def test_the_largest_body(limit: int) -> None:
    tlv = Tlv(0xE0, bytes(limit - 15))
    with Script(HeaderReader(max_body_size=limit)) as script:
        script >> pack_v2(SOURCE, DESTINATION, tlv)
        found = script.machine.next_event()
        assert found is not None
        assert found.tlvs == (tlv,)
    if limit < 65535:
        with Script(HeaderReader(max_body_size=limit)) as script:
            script >> pack_v2(SOURCE, DESTINATION, Tlv(0xE0, bytes(limit - 14)))[:16]
            assert script.fault(f"^more than {limit} bytes", HeaderError).reason == "too_large"  # type: ignore[attr-defined]


def test_the_default_limit() -> None:
    assert DEFAULT_MAX_BODY_SIZE == 4096
    assert HeaderReader()._limit == 4096


@pytest.mark.parametrize("versions", [(), (0,), (1, 2, 3)])
def test_versions_that_we_do_not_speak_are_a_mistake_of_ours(versions: tuple[int, ...]) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        HeaderReader(versions=versions)
    assert str(caught.value) == f"versions {list(versions)}: none, or others than 1 and 2"


@pytest.mark.parametrize("limit", [215, 65536])
def test_limits_that_make_no_sense_are_a_mistake_of_ours(limit: int) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        HeaderReader(max_body_size=limit)
    assert str(caught.value) == f"max_body_size {limit}, not 216 to 65535"


@pytest.mark.parametrize("wire", [V1, V2])
def test_the_end_of_the_stream_is_a_fault_before_the_header_is_whole(wire: bytes) -> None:
    for size in range(len(wire)):
        with Script(HeaderReader()) as script:
            script >> wire[:size]
            script.eof()
            fault = script.fault("^the peer closed before its PROXY header was complete$", HeaderError)
            assert fault.reason == "closed"  # type: ignore[attr-defined]
