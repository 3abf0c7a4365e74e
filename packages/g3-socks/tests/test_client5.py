"""The client's half of SOCKS5, message by message."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from g3_machine import LocalProtocolError, RemoteProtocolError
from g3_machine.testing import Script
from g3_socks import (
    AuthenticationError,
    Bind,
    Connect,
    Credentials,
    Granted,
    Host,
    Incoming,
    MethodError,
    RefusedError,
    Reply,
    Request,
    Socks5Client,
    UdpAssociate,
)

REQUEST = Connect("a.example", 80)
WIRE = b"\x05\x01\x00\x03\x09a.example\x00\x50"
LOGIN = Credentials(b"user", b"pass")
GRANT = b"\x05\x00\x00\x01\xc6\x33\x64\x09\x04\x38"
GRANTED = Granted(IPv4Address("198.51.100.9"), 1080)


def asked(request: Request = REQUEST) -> Script[Socks5Client]:
    """A script in which the reply is due."""
    script = Script(Socks5Client(request))
    script << b"\x05\x01\x00"
    script >> b"\x05\x00"
    script.event(None)
    return script


class TestRequests:
    @pytest.mark.parametrize(
        ("request_", "wire"),
        [
            (REQUEST, WIRE),
            (Connect(IPv4Address("192.0.2.1"), 443, b"ignored"), b"\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb"),
            (Connect("192.0.2.1", 443), b"\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb"),
            (Connect(IPv6Address("::1"), 0), b"\x05\x01\x00\x04" + bytes(15) + b"\x01\x00\x00"),
            (Connect(IPv6Address("::ffff:0.0.0.1"), 0), b"\x05\x01\x00\x04" + bytes(10) + b"\xff\xff\0\0\0\1\x00\x00"),
            (Bind("a", 21), b"\x05\x02\x00\x03\x01a\x00\x15"),
            (UdpAssociate(IPv4Address(0), 0), b"\x05\x03\x00\x01" + bytes(6)),
        ],
    )
    def test_requests_follow_the_choice_of_a_method(self, request_: Request, wire: bytes) -> None:
        with asked(request_) as script:
            script << wire

    @pytest.mark.parametrize("request_", [Connect("", 80), Bind("a b", 80), Connect("a", 65536)])
    def test_requests_that_cannot_be_written_are_a_mistake_of_ours(self, request_: Request) -> None:
        with pytest.raises(LocalProtocolError):
            Socks5Client(request_)


class TestMethods:
    def test_credentials_are_offered_before_none(self) -> None:
        with Script(Socks5Client(REQUEST, LOGIN)) as script:
            script << b"\x05\x02\x02\x00"

    def test_credentials_stay_here_if_the_server_does_not_want_them(self) -> None:
        with Script(Socks5Client(REQUEST, LOGIN)) as script:
            script << b"\x05\x02\x02\x00"
            script >> b"\x05\x00"
            script.event(None)
            script << WIRE
            script >> GRANT
            script.event(GRANTED)

    def test_credentials_before_the_request(self) -> None:
        with Script(Socks5Client(REQUEST, LOGIN)) as script:
            script << b"\x05\x02\x02\x00"
            script >> b"\x05"
            script.event(None)
            script >> b"\x02"
            script.event(None)
            script << b"\x01\x04user\x04pass"
            script >> b"\x01"
            script.event(None)
            script >> b"\x00"
            script.event(None)
            script << WIRE
            script >> GRANT + b"early"
            script.event(GRANTED)
            assert script.machine.take_unread() == b"early"

    @pytest.mark.parametrize("size", [1, 255])
    def test_the_lengths_of_credentials(self, size: int) -> None:
        with Script(Socks5Client(REQUEST, Credentials(b"u" * size, b"p" * size))) as script:
            script << b"\x05\x02\x02\x00"
            script >> b"\x05\x02"
            script.event(None)
            length = bytes((size,))
            script << b"\x01" + length + b"u" * size + length + b"p" * size

    @pytest.mark.parametrize(
        ("username", "password", "text"),
        [
            (b"", b"secret", "a user name of 0 bytes, not 1 to 255"),
            (b"u" * 256, b"secret", "a user name of 256 bytes, not 1 to 255"),
            (b"user", b"", "a password of 0 bytes, not 1 to 255"),
            (b"user", b"p" * 256, "a password of 256 bytes, not 1 to 255"),
        ],
    )
    def test_credentials_that_cannot_be_written(self, username: bytes, password: bytes, text: str) -> None:
        with pytest.raises(LocalProtocolError) as caught:
            Socks5Client(REQUEST, Credentials(username, password))
        assert str(caught.value) == text

    @pytest.mark.parametrize("status", [1, 2, 255])
    def test_credentials_that_are_not_taken(self, status: int) -> None:
        with Script(Socks5Client(REQUEST, LOGIN)) as script:
            script << b"\x05\x02\x02\x00"
            script >> b"\x05\x02\x01" + bytes((status,))
            fault = script.fault("", AuthenticationError)
            assert isinstance(fault, AuthenticationError)
            assert fault.status == status
            script << b"\x01\x04user\x04pass"

    @pytest.mark.parametrize("version", [0, 5])
    def test_a_status_of_another_version(self, version: int) -> None:
        with Script(Socks5Client(REQUEST, LOGIN)) as script:
            script << b"\x05\x02\x02\x00"
            script >> b"\x05\x02" + bytes((version,))
            script.fault(f"^credentials version {version}, not 1$")
            script << b"\x01\x04user\x04pass"

    @pytest.mark.parametrize("login", [None, LOGIN])
    def test_no_method_in_common(self, login: Credentials | None) -> None:
        client = Socks5Client(REQUEST, login)
        client.receive_data(b"\x05\xff")
        with pytest.raises(MethodError) as caught:
            client.next_event()
        assert str(caught.value) == "the server accepts none of our methods"

    @pytest.mark.parametrize(("login", "method"), [(None, 2), (None, 1), (LOGIN, 1), (LOGIN, 3), (LOGIN, 254)])
    def test_a_method_that_was_not_offered(self, login: Credentials | None, method: int) -> None:
        client = Socks5Client(REQUEST, login)
        offer = client.data_to_send()
        client.receive_data(bytes((5, method)))
        with pytest.raises(RemoteProtocolError) as caught:
            client.next_event()
        assert str(caught.value) == f"the server chose method {method}, which we did not offer"
        assert not isinstance(caught.value, MethodError)
        assert client.data_to_send() == b""
        assert offer[1] == len(offer) - 2

    @pytest.mark.parametrize("version", [0, 4, ord("H")])
    def test_another_version(self, version: int) -> None:
        with Script(Socks5Client(REQUEST)) as script:
            script << b"\x05\x01\x00"
            script >> bytes((version,))
            script.fault(f"^SOCKS version {version}, not 5$")


class TestReplies:
    @pytest.mark.parametrize(
        ("wire", "host"),
        [
            (b"\x01\xc0\x00\x02\x01", IPv4Address("192.0.2.1")),
            (b"\x04" + bytes(15) + b"\x01", IPv6Address("::1")),
            (b"\x03\x01a", "a"),
            (b"\x03\xff" + b"n" * 255, "n" * 255),
        ],
    )
    def test_a_grant_ends_the_handshake(self, wire: bytes, host: Host) -> None:
        with asked() as script:
            script << WIRE
            reply = b"\x05\x00\x00" + wire + b"\x04\x38"
            script >> reply[:-1]
            script.event(None)
            script >> reply[-1:] + b"early"
            script.event(Granted(host, 1080))
            with pytest.raises(LocalProtocolError, match="after the end"):
                script.machine.next_event()
            assert script.machine.take_unread() == b"early"

    @pytest.mark.parametrize("code", [*range(1, 12), 91, 255])
    def test_a_refusal_needs_no_more_than_its_code(self, code: int) -> None:
        with asked() as script:
            script << WIRE
            script >> b"\x05"
            script.event(None)
            script >> bytes((code,))
            fault = script.fault("", RefusedError)
            assert isinstance(fault, RefusedError)
            assert fault.code == code
            assert isinstance(fault.code, Reply) == (code < 10)

    @pytest.mark.parametrize(
        ("reply", "text"),
        [
            (b"\x00", "reply version 0, not 5"),
            (b"\x01", "reply version 1, not 5"),
            (b"\x05\x00\x01", "RSV 1, not 0"),
            (b"\x05\x00\xff", "RSV 255, not 0"),
            (b"\x05\x00\x00\x00", "address type 0, not 1, 3 or 4"),
            (b"\x05\x00\x00\x03\x00", "a host name of 0 bytes, not 1 to 255"),
            (b"\x05\x00\x00\x03\x03a b\x00\x50", "no host has the name b'a b'"),
        ],
    )
    def test_faults_show_with_the_first_byte_that_proves_them(self, reply: bytes, text: str) -> None:
        with asked() as script:
            script << WIRE
            script >> reply[:-1]
            script.event(None)
            script >> reply[-1:]
            fault = script.fault("")
            assert str(fault) == text
            assert type(fault) is RemoteProtocolError

    def test_a_bind_has_two_replies(self) -> None:
        with asked(Bind("a", 21)) as script:
            script << b"\x05\x02\x00\x03\x01a\x00\x15"
            script >> GRANT
            script.event(GRANTED)
            script.event(None)
            second = b"\x05\x00\x00\x01\xc0\x00\x02\x07\x00\x14"
            script >> second[:-1]
            script.event(None)
            script >> second[-1:] + b"early"
            script.event(Incoming(IPv4Address("192.0.2.7"), 20))
            with pytest.raises(LocalProtocolError, match="after the end"):
                script.machine.next_event()
            assert script.machine.take_unread() == b"early"

    def test_the_second_reply_may_refuse(self) -> None:
        with asked(Bind("a", 21)) as script:
            script << b"\x05\x02\x00\x03\x01a\x00\x15"
            script >> GRANT + b"\x05\x06"
            script.event(GRANTED)
            script.fault(r"^the server refused: TTL expired \(6\)$", RefusedError)

    @pytest.mark.parametrize("size", range(12))
    def test_the_end_of_the_stream_is_a_fault_before_the_reply_is_whole(self, size: int) -> None:
        client = Socks5Client(REQUEST)
        client.receive_data((b"\x05\x00" + GRANT)[:size])
        client.receive_eof()
        with pytest.raises(RemoteProtocolError) as caught:
            client.next_event()
        assert str(caught.value) == "the server closed before its reply was complete"
        assert caught.value.reply == b""

    def test_the_end_of_the_stream_is_a_fault_between_the_replies_to_a_bind(self) -> None:
        with asked(Bind("a", 21)) as script:
            script << b"\x05\x02\x00\x03\x01a\x00\x15"
            script >> GRANT
            script.event(GRANTED)
            script.machine.receive_eof()
            script.fault("^the server closed before its reply was complete$")


def test_the_password_is_forgotten_once_it_is_sent() -> None:
    client = Socks5Client(REQUEST, LOGIN)
    client.receive_data(b"\x05\x02\x01\x00")
    client.next_event()
    assert b"pass" in client.data_to_send()
    assert client._login == b""
