"""The server's half of SOCKS5, message by message."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from g3_machine import LocalProtocolError, RemoteProtocolError
from g3_machine.testing import Script
from g3_socks import (
    Bind,
    Connect,
    Credentials,
    Host,
    Method,
    MethodError,
    Reply,
    Socks4Reply,
    Socks5Server,
    UdpAssociate,
)

NO_AUTHENTICATION, USERNAME_PASSWORD = Method
BOUND = IPv4Address("198.51.100.9")
GRANTED = b"\x05\x00\x00\x01\xc6\x33\x64\x09\x04\x38"


def refusal(code: int) -> bytes:
    return b"\x05" + bytes((code,)) + b"\x00\x01" + bytes(6)


def greeted() -> Script[Socks5Server]:
    """A script in which the method is agreed and the request is due."""
    script = Script(Socks5Server())
    script >> b"\x05\x01\x00"
    script.event(None)
    return script << b"\x05\x00"


def challenged(*, empty_password: bool = False) -> Script[Socks5Server]:
    """A script in which credentials are due."""
    script = Script(Socks5Server(methods=[USERNAME_PASSWORD], empty_password=empty_password))
    script >> b"\x05\x01\x02"
    script.event(None)
    return script << b"\x05\x02"


def asked(command: int) -> Script[Socks5Server]:
    """A script in which our reply is due."""
    script = greeted()
    script >> bytes((5, command, 0, 1, 192, 0, 2, 1, 0, 80))
    assert script.machine.next_event() is not None
    return script


class TestGreeting:
    @pytest.mark.parametrize(
        ("accepted", "offered", "chosen"),
        [
            ([NO_AUTHENTICATION], b"\x00", 0),
            ([NO_AUTHENTICATION], b"\x02\x01\x00", 0),
            ([USERNAME_PASSWORD], b"\x00\x02", 2),
            ([USERNAME_PASSWORD, NO_AUTHENTICATION], b"\x00\x02", 2),
            ([NO_AUTHENTICATION, USERNAME_PASSWORD], b"\x02\x00", 0),
            ([USERNAME_PASSWORD, NO_AUTHENTICATION], b"\x00", 0),
            ([NO_AUTHENTICATION, USERNAME_PASSWORD], b"\x02", 2),
            ([NO_AUTHENTICATION], bytes(range(255, 0, -1))[:254] + b"\x00", 0),
        ],
    )
    def test_our_order_of_methods_counts(self, accepted: list[Method], offered: bytes, chosen: int) -> None:
        with Script(Socks5Server(methods=accepted)) as script:
            script >> b"\x05" + bytes((len(offered),)) + offered
            script.event(None)
            script << bytes((5, chosen))

    @pytest.mark.parametrize(
        ("accepted", "offered", "text"),
        [
            (NO_AUTHENTICATION, b"", "0 offered ()"),
            (NO_AUTHENTICATION, b"\x02", "1 offered (02)"),
            (NO_AUTHENTICATION, b"\xff", "1 offered (ff)"),
            (USERNAME_PASSWORD, b"\x00", "1 offered (00)"),
            (USERNAME_PASSWORD, b"\x00\x01\x03", "3 offered (00 01 03)"),
            (USERNAME_PASSWORD, bytes(range(3, 11)), "8 offered (03 04 05 06 07 08 09 0a)"),
            (USERNAME_PASSWORD, bytes(range(3, 256)) + b"\x03\x03", "255 offered (03 04 05 06 07 08 09 0a)"),
        ],
    )
    def test_no_method_in_common(self, accepted: Method, offered: bytes, text: str) -> None:
        with Script(Socks5Server(methods=[accepted])) as script:
            script >> b"\x05" + bytes((len(offered),)) + offered
            fault = script.fault("", MethodError)
            assert str(fault) == f"no method of ours is among the {text}"
            script << b"\x05\xff"

    def test_methods_end_where_their_number_says(self) -> None:
        with Script(Socks5Server()) as script:
            script >> b"\x05\x01\x02\x00"
            script.fault(r"^no method of ours is among the 1 offered \(02\)$", MethodError)
            script << b"\x05\xff"

    def test_nothing_is_said_before_the_last_method(self) -> None:
        with Script(Socks5Server()) as script:
            for byte in b"\x05\x03\x00\x01":
                script >> bytes((byte,))
                script.event(None)
            script >> b"\x02"
            script.event(None)
            script << b"\x05\x00"

    @pytest.mark.parametrize("version", [0, 4, 6, ord("G")])
    def test_another_version_gets_no_answer(self, version: int) -> None:
        with Script(Socks5Server()) as script:
            script >> bytes((version,))
            script.fault(f"^SOCKS version {version}, not 5$")

    @pytest.mark.parametrize("methods", [[], [1], [NO_AUTHENTICATION, 255], [ord("X")]])
    def test_methods_that_we_do_not_speak_are_a_mistake_of_ours(self, methods: list[Method]) -> None:
        with pytest.raises(LocalProtocolError) as caught:
            Socks5Server(methods=methods)
        assert str(caught.value) == f"methods {methods}: none, or some that we do not speak"

    def test_two_methods_that_we_speak(self) -> None:
        assert Socks5Server(methods=tuple(Method)).next_event() is None


class TestCredentials:
    @pytest.mark.parametrize(
        ("username", "password"), [(b"u", b"p"), (b"u" * 255, b"p" * 255), (b"\x00\xff", b"\x01:")]
    )
    def test_taken(self, username: bytes, password: bytes) -> None:
        with challenged() as script:
            script >> b"\x01" + bytes((len(username),)) + username + bytes((len(password),)) + password
            script.event(Credentials(username, password))
            script.machine.authenticate(True)
            script << b"\x01\x00"
            script.event(None)
            script >> b"\x05\x01\x00\x03\x01a\x00\x50"
            script.event(Connect("a", 80))

    def test_not_taken(self) -> None:
        with challenged() as script:
            script >> b"\x01\x01u\x01p\x05\x01"
            script.event(Credentials(b"u", b"p"))
            script.machine.authenticate(False)
            script << b"\x01\x01"
            with pytest.raises(LocalProtocolError, match="after the end"):
                script.machine.next_event()

    @pytest.mark.parametrize(
        ("message", "text"),
        [
            (b"\x00", "credentials version 0, not 1"),
            (b"\x05", "credentials version 5, not 1"),
            (b"\x01\x00", "an empty user name"),
            (b"\x01\x01u\x00", "an empty password"),
        ],
    )
    def test_faults_are_failures_of_the_authentication(self, message: bytes, text: str) -> None:
        with challenged() as script:
            script >> message[:-1]
            script.event(None)
            script >> message[-1:]
            script.fault(f"^{text}$")
            script << b"\x01\x01"

    def test_an_empty_password_needs_leave(self) -> None:
        with challenged(empty_password=True) as script:
            script >> b"\x01\x01u\x00"
            script.event(Credentials(b"u", b""))
            script.machine.authenticate(True)
            script << b"\x01\x00"

    def test_an_empty_user_name_gets_no_leave(self) -> None:
        with challenged(empty_password=True) as script:
            script >> b"\x01\x00\x01p"
            script.fault("^an empty user name$")
            script << b"\x01\x01"

    def test_a_fault_does_not_tell_the_password(self) -> None:
        with challenged() as script:
            script >> b"\x01\x05alice\x06secre"
            script.event(None)
            script.machine.receive_eof()
            assert str(script.fault("closed")) == "the client closed before its request was complete"


class TestRequest:
    @pytest.mark.parametrize(
        ("wire", "host"),
        [
            (b"\x01\xc0\x00\x02\x01", IPv4Address("192.0.2.1")),
            (b"\x04" + bytes(15) + b"\x01", IPv6Address("::1")),
            (b"\x03\x01a", "a"),
            (b"\x03\xff" + b"n" * 255, "n" * 255),
            (b"\x03\x09192.0.2.1", IPv4Address("192.0.2.1")),
            (b"\x03\x03::1", IPv6Address("::1")),
        ],
    )
    @pytest.mark.parametrize(("command", "kind"), [(1, Connect), (2, Bind)])
    def test_hosts(self, wire: bytes, host: Host, command: int, kind: type[Connect | Bind]) -> None:
        with greeted() as script:
            message = bytes((5, command, 0)) + wire + b"\x01\xbb"
            script >> message[:-1]
            script.event(None)
            script >> message[-1:]
            script.event(kind(host, 443))

    @pytest.mark.parametrize(
        ("wire", "host"),
        [
            (b"\x01\xc0\x00\x02\x01", IPv4Address("192.0.2.1")),
            (b"\x04" + bytes(15) + b"\x01", IPv6Address("::1")),
            (b"\x03\x010", IPv4Address("0.0.0.0")),
            (b"\x03\x070.0.0.0", IPv4Address("0.0.0.0")),
        ],
    )
    def test_udp_comes_from_addresses(self, wire: bytes, host: IPv4Address | IPv6Address) -> None:
        with greeted() as script:
            script >> b"\x05\x03\x00" + wire + b"\x00\x00"
            script.event(UdpAssociate(host, 0))

    @pytest.mark.parametrize("name", [b"a", b"00", b"localhost"])
    def test_udp_does_not_come_from_names(self, name: bytes) -> None:
        with greeted() as script:
            script >> b"\x05\x03\x00\x03" + bytes((len(name),)) + name + b"\x00\x00"
            script.fault(f"^UDP from the name '{name.decode()}', not from an address$")
            script << refusal(8)

    @pytest.mark.parametrize(
        ("message", "text", "code"),
        [
            (b"\x04", "request version 4, not 5", 1),
            (b"\x00", "request version 0, not 5", 1),
            (b"\x05\x00", "command 0, not 1, 2 or 3", 7),
            (b"\x05\x04", "command 4, not 1, 2 or 3", 7),
            (b"\x05\xf0", "command 240, not 1, 2 or 3", 7),
            (b"\x05\x01\x01", "RSV 1, not 0", 1),
            (b"\x05\x01\xff", "RSV 255, not 0", 1),
            (b"\x05\x01\x00\x00", "address type 0, not 1, 3 or 4", 8),
            (b"\x05\x01\x00\x02", "address type 2, not 1, 3 or 4", 8),
            (b"\x05\x01\x00\x05", "address type 5, not 1, 3 or 4", 8),
            (b"\x05\x01\x00\x03\x00", "a host name of 0 bytes, not 1 to 255", 1),
            (b"\x05\x01\x00\x03\x03a\x00b\x00\x50", r"no host has the name b'a\x00b'", 1),
            (b"\x05\x01\x00\x03\x02\xc3\xbc\x00\x50", r"no host has the name b'\xc3\xbc'", 1),
        ],
    )
    def test_faults_show_with_the_first_byte_that_proves_them(self, message: bytes, text: str, code: int) -> None:
        with greeted() as script:
            script >> message[:-1]
            script.event(None)
            script >> message[-1:]
            assert str(script.fault("")) == text
            script << refusal(code)


class TestAnswers:
    @pytest.mark.parametrize("command", [1, 3])
    def test_a_grant_ends_the_handshake(self, command: int) -> None:
        with asked(command) as script:
            script >> b"early"
            script.machine.grant(BOUND, 1080)
            script << GRANTED
            with pytest.raises(LocalProtocolError, match="after the end"):
                script.machine.next_event()
            assert script.machine.take_unread() == b"early"
            assert script.machine.take_unread() == b""

    @pytest.mark.parametrize(
        ("host", "wire"),
        [
            (IPv4Address("192.0.2.1"), b"\x01\xc0\x00\x02\x01"),
            (IPv6Address("2001:db8::1"), b"\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01"),
            (IPv6Address("::ffff:192.0.2.1"), b"\x01\xc0\x00\x02\x01"),
            ("192.0.2.1", b"\x01\xc0\x00\x02\x01"),
            ("::ffff:192.0.2.1", b"\x01\xc0\x00\x02\x01"),
            (IPv6Address("fe80::1%eth0"), b"\x04\xfe\x80" + bytes(13) + b"\x01"),
            ("relay.example", b"\x03\x0drelay.example"),
        ],
    )
    def test_bound_addresses(self, host: Host, wire: bytes) -> None:
        with asked(1) as script:
            script.machine.grant(host, 65535)
            script << b"\x05\x00\x00" + wire + b"\xff\xff"

    @pytest.mark.parametrize(("host", "port"), [("", 1), (BOUND, 65536)])
    def test_a_grant_that_cannot_be_written_can_still_be_a_refusal(self, host: Host, port: int) -> None:
        with asked(1) as script:
            with pytest.raises(LocalProtocolError):
                script.machine.grant(host, port)
            script.machine.refuse(Reply.GENERAL_FAILURE)
            script << refusal(1)

    @pytest.mark.parametrize("code", [reply for reply in Reply if reply])
    @pytest.mark.parametrize("command", [1, 2, 3])
    def test_refusals(self, code: Reply, command: int) -> None:
        with asked(command) as script:
            script.machine.refuse(code)
            script << refusal(code)
            with pytest.raises(LocalProtocolError, match="after the end"):
                script.machine.next_event()

    @pytest.mark.parametrize("code", [Reply.SUCCEEDED, Socks4Reply.REJECTED, 5])
    def test_what_refuses_nothing(self, code: Reply) -> None:
        with asked(1) as script:
            with pytest.raises(LocalProtocolError) as caught:
                script.machine.refuse(code)
            assert str(caught.value) == f"refuse() with {code!r}, which is no refusal of SOCKS5"
            script.machine.grant(BOUND, 1080)
            script << GRANTED

    def test_a_bind_is_granted_twice(self) -> None:
        with asked(2) as script:
            script.machine.grant(BOUND, 1080)
            script << GRANTED
            with pytest.raises(LocalProtocolError, match="before grant"):
                script.machine.next_event()
            script.machine.grant(IPv4Address("192.0.2.7"), 21)
            script << b"\x05\x00\x00\x01\xc0\x00\x02\x07\x00\x15"
            with pytest.raises(LocalProtocolError, match="grant"):
                script.machine.grant(BOUND, 1080)

    def test_a_bind_may_be_refused_after_the_first_grant(self) -> None:
        with asked(2) as script:
            script.machine.grant(BOUND, 1080)
            script.machine.refuse(Reply.TTL_EXPIRED)
            script << GRANTED << refusal(6)
            with pytest.raises(LocalProtocolError, match="after the end"):
                script.machine.next_event()


class TestMisuse:
    @pytest.mark.parametrize("stream", [b"", b"\x05\x01\x02", b"\x05\x01\x02\x01\x01u\x01p"])
    def test_no_request_waits(self, stream: bytes) -> None:
        server = Socks5Server(methods=[USERNAME_PASSWORD])
        server.receive_data(stream)
        server.next_event()
        said = server.data_to_send()
        with pytest.raises(LocalProtocolError) as caught:
            server.grant(BOUND, 1)
        assert str(caught.value) == "grant() without a request"
        with pytest.raises(LocalProtocolError) as caught:
            server.refuse(Reply.GENERAL_FAILURE)
        assert str(caught.value) == "refuse() without a request"
        assert server.data_to_send() == b""
        assert said == (b"\x05\x02" if stream else b"")

    @pytest.mark.parametrize("stream", [b"", b"\x05\x01\x00", b"\x05\x01\x00\x05\x01\x00\x03\x01a\x00\x50"])
    def test_no_credentials_wait(self, stream: bytes) -> None:
        server = Socks5Server()
        server.receive_data(stream)
        server.next_event()
        with pytest.raises(LocalProtocolError) as caught:
            server.authenticate(True)
        assert str(caught.value) == "authenticate() without credentials"

    def test_credentials_wait_for_the_verdict(self) -> None:
        with challenged() as script:
            script >> b"\x01\x01u\x01p"
            script.event(Credentials(b"u", b"p"))
            with pytest.raises(LocalProtocolError, match=r"before authenticate\(\)"):
                script.machine.next_event()
            script.machine.authenticate(True)
            script << b"\x01\x00"
            with pytest.raises(LocalProtocolError):
                script.machine.authenticate(True)

    @pytest.mark.parametrize("size", range(13))
    def test_the_end_of_the_stream_is_a_fault_before_the_request_is_whole(self, size: int) -> None:
        server = Socks5Server()
        server.receive_data(b"\x05\x01\x00\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50"[:size])
        server.receive_eof()
        with pytest.raises(RemoteProtocolError) as caught:
            server.next_event()
        assert str(caught.value) == "the client closed before its request was complete"
        assert caught.value.reply == b""

    def test_the_end_of_the_stream_behind_the_request_is_not_our_business(self) -> None:
        with asked(1) as script:
            script.machine.receive_eof()
            script.machine.grant(BOUND, 1080)
            script << GRANTED
