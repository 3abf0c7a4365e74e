"""Records and the message in them: what passes, and at which byte what does not pass is refused."""

import pytest
from g3_machine import LocalProtocolError, RemoteProtocolError
from g3_machine.testing import Script
from g3_tls import (
    DEFAULT_MAX_HELLO_SIZE,
    DEFAULT_MAX_RECORDS,
    MAX_RECORD_SIZE,
    Alert,
    ClientHelloReader,
    HelloError,
    NotTlsError,
    is_client_hello,
    pack_alert,
    pack_client_hello,
)

HELLO = pack_client_hello(bytes(32), server_name="a.example", alpn=[b"h2"])
TLCP = pack_client_hello(bytes(32), server_name="a.example", tlcp=True)


def padded(size: int) -> bytes:
    """A message of this many bytes, without records."""
    bare = len(pack_client_hello(bytes(32), extensions=[(21, b"")])) - 5
    return b"".join(cut(pack_client_hello(bytes(32), extensions=[(21, bytes(size - bare))])))


def cut(wire: bytes) -> list[bytes]:
    """The fragments of records."""
    found = []
    while wire:
        end = 5 + int.from_bytes(wire[3:5], "big")
        found.append(wire[5:end])
        wire = wire[end:]
    return found


def record(fragment: bytes, head: bytes = b"\x16\x03\x01") -> bytes:
    return head + len(fragment).to_bytes(2, "big") + fragment


# The beginning of a message of 260 bytes, a byte in each of 65 records.
CRUMBS = b"".join(record(bytes((byte,))) for byte in b"\x01\x00\x01" + bytes(62))


def refused_at(wire: bytes, reader: ClientHelloReader | None = None) -> tuple[int, str, Alert | None]:
    """How many bytes it takes until the stream is refused, why, and by which alert."""
    with Script(reader or ClientHelloReader()) as script:
        for size in range(1, len(wire) + 1):
            script >> wire[size - 1 : size]
            try:
                script.event(None)
            except HelloError as error:
                script << error.reply
                return size, error.reason, error.alert
            except NotTlsError as error:
                return size, error.reason, None
    raise AssertionError("never refused")


@pytest.mark.parametrize(("wire", "tlcp"), [(HELLO, False), (TLCP, True)])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 44, 16384])
def test_everything_stays_unread(wire: bytes, tlcp: bool, size: int) -> None:
    [fragment] = cut(wire)
    wire = b"".join(record(fragment[at : at + size], wire[:3]) for at in range(0, len(fragment), size))
    with Script(ClientHelloReader(max_records=500)) as script:
        for at in range(len(wire) - 1):
            script >> wire[at : at + 1]
            script.event(None)
        script >> wire[-1:] + b"\x14\x03\x03\x00\x01\x01"
        hello = script.machine.next_event()
        assert hello is not None
        assert (hello.server_name, hello.tlcp, hello.size) == ("a.example", tlcp, len(fragment))
        with pytest.raises(LocalProtocolError) as caught:
            script.machine.next_event()
        assert str(caught.value) == "next_event() after the ClientHello"
        script >> b"more"
        assert script.machine.take_unread() == wire + b"\x14\x03\x03\x00\x01\x01more"
        assert script.machine.take_unread() == b""


@pytest.mark.parametrize("minor", [0, 1, 3, 4, 9, 255])
def test_any_minor_version_of_a_record_is_taken(minor: int) -> None:
    first, rest = HELLO[5:20], HELLO[20:]
    reader = ClientHelloReader()
    reader.receive_data(record(first, bytes((22, 3, minor))) + record(rest, bytes((22, 3, 255 - minor))))
    assert reader.next_event() is not None


@pytest.mark.parametrize(
    ("wire", "size"),
    [
        (b"GET / HTTP/1.1\r\n", 1),
        (b"\x05\x01\x00", 1),
        (b"\x15\x03\x01\x00\x02\x01\x00", 1),
        (b"\x17\x03\x03", 1),
        (b"\x80\x2e\x01\x03\x01", 1),
        (b"\x16\x02\x00", 2),
        (b"\x16\x00\x01", 2),
        (b"\x16\x04\x01", 2),
        (b"\x16\xfe\xff", 2),
        (b"\x16\x01\x00", 3),
        (b"\x16\x01\x02", 3),
    ],
)
def test_what_is_no_tls_is_refused_at_once(wire: bytes, size: int) -> None:
    assert refused_at(wire) == (size, "not_tls", None)
    reader = ClientHelloReader()
    reader.receive_data(wire)
    with pytest.raises(NotTlsError) as caught:
        reader.next_event()
    about = "with a record of neither TLS nor TLCP" if size > 1 else "not begin with a handshake record"
    assert str(caught.value) == f"the stream {'begins' if size > 1 else 'does'} {about}"
    assert reader.take_unread() == wire


@pytest.mark.parametrize(
    ("wire", "size", "reason", "alert"),
    [
        (b"\x16\x03\x01\x00\x00", 5, "record", Alert.UNEXPECTED_MESSAGE),
        (b"\x16\x03\x01\x40\x01", 5, "record", Alert.RECORD_OVERFLOW),
        (b"\x16\x03\x01\x41\x00", 4, "record", Alert.RECORD_OVERFLOW),
        (b"\x16\x01\x01\xff\xff", 4, "record", Alert.RECORD_OVERFLOW),
        (b"\x16\x03\x01\x00\x10\x02", 6, "message", Alert.UNEXPECTED_MESSAGE),
        (b"\x16\x03\x01\x00\x10\x00", 6, "message", Alert.UNEXPECTED_MESSAGE),
        (b"\x16\x03\x01\x00\x10\x01\x01", 7, "too_large", Alert.ILLEGAL_PARAMETER),
        (b"\x16\x03\x01\x00\x10\x01\x00\x40", 8, "too_large", Alert.ILLEGAL_PARAMETER),
        (b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfd", 9, "too_large", Alert.ILLEGAL_PARAMETER),
        (b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfb", 9, "trailing", Alert.UNEXPECTED_MESSAGE),
        (b"\x16\x03\x01\x00\x01\x01\x16\x03\x01\x00\x00", 11, "record", Alert.UNEXPECTED_MESSAGE),
        (b"\x16\x03\x01\x00\x01\x01\x15\x03\x01\x00", 7, "record", Alert.UNEXPECTED_MESSAGE),
        (b"\x16\x03\x01\x00\x01\x01\x17\x03\x01\x00", 7, "record", Alert.UNEXPECTED_MESSAGE),
        (b"\x16\x03\x01\x00\x01\x01\x16\x01\x01\x00", 8, "record", Alert.PROTOCOL_VERSION),
        (b"\x16\x03\x01\x00\x01\x01\x16\x02\x01\x00", 8, "record", Alert.PROTOCOL_VERSION),
        (b"\x16\x01\x01\x00\x01\x01\x16\x03\x01\x00", 8, "record", Alert.PROTOCOL_VERSION),
        (b"\x16\x01\x01\x00\x01\x01\x16\x01\x02\x00", 9, "record", Alert.PROTOCOL_VERSION),
        (b"\x16\x03\x01\x00\x01\x01\x16\x03\x01\x00\x04\x00\x00\x00\x03", 14, "trailing", Alert.UNEXPECTED_MESSAGE),
    ],
)
def test_the_first_wrong_byte_is_refused(wire: bytes, size: int, reason: str, alert: Alert) -> None:
    assert refused_at(wire) == (size, reason, alert)


def test_texts() -> None:
    texts = {
        b"\x16\x03\x01\x00\x00": "an empty handshake record",
        b"\x16\x03\x01\xff": "a record of more than 16384 bytes",
        b"\x16\x03\x01\x00\x10\x02": "a handshake message that is no ClientHello",
        b"\x16\x03\x01\x00\x10\x01\xff": "a ClientHello of more than 16384 bytes",
        b"\x16\x03\x01\x00\x30\x01\x00\x00\x29": "bytes behind the ClientHello in its record",
        b"\x16\x03\x01\x00\x01\x01\x15": "another record amid a ClientHello",
        b"\x16\x03\x01\x00\x01\x01\x16\x01": "records of TLS and TLCP in one message",
        CRUMBS: "a ClientHello in more than 64 records",
    }
    for wire, text in texts.items():
        reader = ClientHelloReader()
        reader.receive_data(wire)
        with pytest.raises(HelloError) as caught:
            reader.next_event()
        assert str(caught.value) == text


def test_an_alert_in_tlcp_says_so() -> None:
    with Script(ClientHelloReader()) as script:
        script >> b"\x16\x01\x01\x00\x10\x02"
        script.fault("no ClientHello", HelloError)
        script << pack_alert(Alert.UNEXPECTED_MESSAGE, version=0x0101)


def test_nothing_stands_behind_the_hello_in_its_record() -> None:
    [message] = cut(HELLO)
    assert refused_at(record(message + b"\x01"))[1:] == ("trailing", Alert.UNEXPECTED_MESSAGE)
    assert refused_at(record(message[:50]) + record(message[50:] + b"\x01"))[1] == "trailing"
    assert refused_at(record(message[:50]) + record(message[50:] + b"\x01"))[0] == 5 + 50 + 5


@pytest.mark.parametrize("limit", [256, 1000, DEFAULT_MAX_HELLO_SIZE, 65536])
def test_the_largest_hello(limit: int) -> None:
    message = padded(limit)
    assert len(message) == limit
    wire = b"".join(record(message[at : at + 16384]) for at in range(0, limit, 16384))
    reader = ClientHelloReader(max_hello_size=limit)
    reader.receive_data(wire)
    hello = reader.next_event()
    assert hello is not None
    assert hello.size == limit
    larger = ClientHelloReader(max_hello_size=limit)
    larger.receive_data(record(padded(limit + 1)[:16000]))
    with pytest.raises(HelloError) as caught:
        larger.next_event()
    assert (caught.value.reason, str(caught.value)) == ("too_large", f"a ClientHello of more than {limit} bytes")


def test_the_most_records() -> None:
    [message] = cut(HELLO)
    for limit in (1, 2, 5):
        size = -(-len(message) // limit)
        records = [record(message[at : at + size]) for at in range(0, len(message), size)]
        assert len(records) == limit
        reader = ClientHelloReader(max_records=limit)
        reader.receive_data(b"".join(records))
        assert reader.next_event() is not None
        if limit > 1:
            whole = sum(map(len, records[:-1]))
            tight = ClientHelloReader(max_records=limit - 1)
            assert refused_at(b"".join(records), tight) == (whole + 1, "records", Alert.DECODE_ERROR)


def test_the_default_limits() -> None:
    assert (DEFAULT_MAX_HELLO_SIZE, DEFAULT_MAX_RECORDS, MAX_RECORD_SIZE) == (16384, 64, 16384)
    assert refused_at(CRUMBS)[:2] == (64 * 6 + 1, "records")


@pytest.mark.parametrize("limit", [255, 1 << 24])
def test_sizes_that_make_no_sense_are_a_mistake_of_ours(limit: int) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        ClientHelloReader(max_hello_size=limit)
    assert str(caught.value) == f"max_hello_size {limit}, not 256 to 16777215"
    ClientHelloReader(max_hello_size=(1 << 24) - 1)


def test_no_records_are_a_mistake_of_ours() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        ClientHelloReader(max_records=0)
    assert str(caught.value) == "max_records 0, not 1 or more"


def test_the_end_of_the_stream_is_a_fault_before_the_hello_is_whole() -> None:
    for size in range(len(HELLO)):
        with Script(ClientHelloReader()) as script:
            script >> HELLO[:size]
            script.eof()
            fault = script.fault("^the peer closed before its ClientHello was complete$", HelloError)
            assert fault.reason == "closed"  # type: ignore[attr-defined]
            assert script.machine.take_unread() == HELLO[:size]


def test_a_hello_that_is_whole_and_wrong() -> None:
    wire = bytearray(HELLO)
    wire[9] = 2  # legacy_version
    assert refused_at(bytes(wire)) == (len(wire), "version", Alert.PROTOCOL_VERSION)


@pytest.mark.parametrize("wire", [HELLO, TLCP, record(b"\x01")])
def test_six_bytes_tell_a_hello(wire: bytes) -> None:
    assert [is_client_hello(wire[:size]) for size in range(8)][:6] == [None] * 6
    assert is_client_hello(wire[:6]) is True
    assert is_client_hello(memoryview(wire)) is True
    assert is_client_hello(bytearray(wire) + b"\0" * 9) is True


@pytest.mark.parametrize(
    "wire",
    [
        b"G",
        b"PROXY ",
        b"\x80\x2e\x01",
        b"\x15\x03\x01\x00\x02\x01",
        b"\x16\x02",
        b"\x16\x01\x02",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\x41",
        b"\x16\x03\x01\x00\x10\x02",
    ],
)
def test_what_cannot_be_a_hello(wire: bytes) -> None:
    assert is_client_hello(wire) is False
    assert is_client_hello(wire + HELLO) is False


def test_a_fault_is_no_event() -> None:
    reader = ClientHelloReader()
    reader.receive_data(b"SSH-2.0-x\r\n")
    for _ in range(2):
        with pytest.raises(RemoteProtocolError):
            reader.next_event()
