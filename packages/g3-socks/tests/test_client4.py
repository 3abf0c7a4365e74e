"""The client's half of SOCKS4 and SOCKS4a, message by message."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from g3_machine import LocalProtocolError, RemoteProtocolError
from g3_machine.testing import Script
from g3_socks import Bind, Connect, Granted, Host, Incoming, RefusedError, Socks4Client, Socks4Reply

REQUEST = Connect(IPv4Address("192.0.2.1"), 80)
WIRE = b"\x04\x01\x00\x50\xc0\x00\x02\x01\x00"
GRANT = b"\x00\x5a\x04\x38\xc6\x33\x64\x09"
MAPPED = IPv6Address("::ffff:192.0.2.1")
GRANTED = Granted(IPv4Address("198.51.100.9"), 1080)


@pytest.mark.parametrize(
    ("request_", "wire"),
    [
        (REQUEST, WIRE),
        (Connect("192.0.2.1", 443, b"me"), b"\x04\x01\x01\xbb\xc0\x00\x02\x01me\x00"),
        (Connect("a.example", 443), b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00a.example\x00"),
        (Connect("n" * 255, 443, b""), b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00" + b"n" * 255 + b"\x00"),
        (Connect("a", 443, b"u" * 255), b"\x04\x01\x01\xbb\x00\x00\x00\x01" + b"u" * 255 + b"\x00a\x00"),
        (Bind("a", 21, b"me"), b"\x04\x02\x00\x15\x00\x00\x00\x01me\x00a\x00"),
        (Connect(IPv4Address("0.0.0.0"), 0), b"\x04\x01" + bytes(7)),
        (Connect(IPv4Address("0.0.1.0"), 0), b"\x04\x01\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_the_request_is_due_from_the_start(request_: Connect | Bind, wire: bytes) -> None:
    with Script(Socks4Client(request_)) as script:
        script << wire
        script.event(None)


@pytest.mark.parametrize(
    ("host", "port", "user_id", "text"),
    [
        (IPv6Address("::1"), 80, None, "host ::1: SOCKS4 has no IPv6 addresses"),
        (MAPPED, 80, None, f"host {MAPPED}: SOCKS4 has no IPv6 addresses"),
        ("::1", 80, None, "host ::1: SOCKS4 has no IPv6 addresses"),
        (IPv4Address("0.0.0.1"), 80, None, "host 0.0.0.1: SOCKS4a reads it as the sign of a name"),
        (IPv4Address("0.0.0.255"), 80, None, "host 0.0.0.255: SOCKS4a reads it as the sign of a name"),
        ("", 80, None, "host '': a host name of 0 bytes, not 1 to 255"),
        ("a", 65536, None, "port 65536, not 0 to 65535"),
        ("a", 80, b"m\x00e", "user id b'm\\x00e': a NUL, or more than 255 bytes"),
        ("a", 80, b"u" * 256, f"user id b'{'u' * 256}': a NUL, or more than 255 bytes"),
    ],
)
def test_requests_that_cannot_be_written(host: Host, port: int, user_id: bytes | None, text: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        Socks4Client(Connect(host, port, user_id))
    assert str(caught.value) == text


def test_a_grant_ends_the_handshake() -> None:
    with Script(Socks4Client(REQUEST)) as script:
        script << WIRE
        script >> GRANT[:-1]
        script.event(None)
        script >> GRANT[-1:] + b"early"
        script.event(GRANTED)
        with pytest.raises(LocalProtocolError, match="after the end"):
            script.machine.next_event()
        assert script.machine.take_unread() == b"early"


@pytest.mark.parametrize("code", [0, 5, 89, 91, 92, 93, 94, 255])
def test_a_refusal_needs_no_more_than_its_code(code: int) -> None:
    with Script(Socks4Client(REQUEST)) as script:
        script << WIRE
        script >> b"\x00"
        script.event(None)
        script >> bytes((code,))
        fault = script.fault("", RefusedError)
        assert isinstance(fault, RefusedError)
        assert fault.code == code
        assert isinstance(fault.code, Socks4Reply) == (91 <= code <= 93)


@pytest.mark.parametrize("version", [4, 5, ord("H")])
def test_the_version_of_a_reply_is_0(version: int) -> None:
    with Script(Socks4Client(REQUEST)) as script:
        script << WIRE
        script >> bytes((version,))
        script.fault(f"^reply version {version}, not 0$")


def test_a_bind_has_two_replies() -> None:
    with Script(Socks4Client(Bind("a", 21))) as script:
        script << b"\x04\x02\x00\x15\x00\x00\x00\x01\x00a\x00"
        script >> GRANT
        script.event(GRANTED)
        script.event(None)
        second = b"\x00\x5a\x00\x14\xc0\x00\x02\x07"
        script >> second[:-1]
        script.event(None)
        script >> second[-1:] + b"early"
        script.event(Incoming(IPv4Address("192.0.2.7"), 20))
        with pytest.raises(LocalProtocolError, match="after the end"):
            script.machine.next_event()
        assert script.machine.take_unread() == b"early"


def test_the_second_reply_may_refuse() -> None:
    with Script(Socks4Client(Bind("a", 21))) as script:
        script << b"\x04\x02\x00\x15\x00\x00\x00\x01\x00a\x00"
        script >> GRANT + b"\x00\x5b"
        script.event(GRANTED)
        script.fault(r"^the server refused: rejected or failed \(91\)$", RefusedError)


@pytest.mark.parametrize("size", range(8))
def test_the_end_of_the_stream_is_a_fault_before_the_reply_is_whole(size: int) -> None:
    client = Socks4Client(REQUEST)
    client.receive_data(GRANT[:size])
    client.receive_eof()
    with pytest.raises(RemoteProtocolError) as caught:
        client.next_event()
    assert str(caught.value) == "the server closed before its reply was complete"
    assert caught.value.reply == b""
