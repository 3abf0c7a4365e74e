"""The server's half of SOCKS4 and SOCKS4a, message by message."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from g3_machine import LocalProtocolError, RemoteProtocolError
from g3_machine.testing import Script
from g3_socks import MAX_USER_ID_SIZE, Bind, Connect, Host, Reply, Socks4Reply, Socks4Server

BOUND = IPv4Address("198.51.100.9")
GRANTED = b"\x00\x5a\x04\x38\xc6\x33\x64\x09"
REJECTED = b"\x00\x5b" + bytes(6)
NAMED = b"\x04\x01\x00\x50\x00\x00\x00\x01me\x00"


def asked(command: int = 1) -> Script[Socks4Server]:
    """A script in which our reply is due."""
    script = Script(Socks4Server())
    script >> bytes((4, command, 0, 80, 192, 0, 2, 1, 0))
    assert script.machine.next_event() is not None
    return script


class TestRequest:
    @pytest.mark.parametrize(("command", "kind"), [(1, Connect), (2, Bind)])
    @pytest.mark.parametrize("user_id", [b"", b"me", b"\xff\x01 ", b"u" * 255])
    @pytest.mark.parametrize("address", ["192.0.2.1", "0.0.0.0", "0.0.1.0", "0.1.0.1", "1.0.0.1", "255.255.255.255"])
    def test_addresses(self, command: int, kind: type[Connect | Bind], user_id: bytes, address: str) -> None:
        with Script(Socks4Server()) as script:
            script >> bytes((4, command, 1, 187)) + IPv4Address(address).packed + user_id
            script.event(None)
            script >> b"\x00"
            script.event(kind(IPv4Address(address), 443, user_id))

    @pytest.mark.parametrize(("command", "kind"), [(1, Connect), (2, Bind)])
    @pytest.mark.parametrize("marker", [1, 2, 255])
    @pytest.mark.parametrize(
        ("raw", "host"),
        [
            (b"a", "a"),
            (b"n" * 255, "n" * 255),
            (b"192.0.2.1", IPv4Address("192.0.2.1")),
            (b"::1", IPv6Address("::1")),
        ],
    )
    def test_names(self, command: int, kind: type[Connect | Bind], marker: int, raw: bytes, host: Host) -> None:
        with Script(Socks4Server()) as script:
            script >> bytes((4, command, 0, 80, 0, 0, 0, marker)) + b"me\x00" + raw
            script.event(None)
            script >> b"\x00"
            script.event(kind(host, 80, b"me"))

    def test_the_longest_user_id_before_the_longest_name(self) -> None:
        with Script(Socks4Server()) as script:
            script >> NAMED[:8] + b"u" * 255 + b"\x00" + b"n" * 255 + b"\x00early"
            script.event(Connect("n" * 255, 80, b"u" * 255))
            assert script.machine.take_unread() == b"early"

    def test_strings_that_come_byte_by_byte(self) -> None:
        with Script(Socks4Server()) as script:
            for byte in NAMED + b"a.example":
                script >> bytes((byte,))
                script.event(None)
            script >> b"\x00"
            script.event(Connect("a.example", 80, b"me"))

    def test_no_byte_is_searched_twice(self) -> None:
        with Script(Socks4Server()) as script:
            script >> NAMED[:8] + b"u" * 100
            script.event(None)
            assert script.machine._searched == 108
            script >> b"\x00" + b"n" * 50
            script.event(None)
            assert script.machine._searched == 50

    def test_a_nul_among_the_first_eight_bytes_ends_nothing(self) -> None:
        with Script(Socks4Server()) as script:
            script >> b"\x04\x01\x00\x00\x01\x00\x00\x00"
            script.event(None)
            script >> b"\x00"
            script.event(Connect(IPv4Address("1.0.0.0"), 0, b""))

    def test_the_limit_of_the_user_id(self) -> None:
        assert MAX_USER_ID_SIZE == 255
        with Script(Socks4Server()) as script:
            script >> NAMED[:8] + b"u" * 255
            script.event(None)
            script >> b"u"
            script.fault("^a USERID of more than 255 bytes$")
            script << REJECTED

    def test_a_user_id_that_ends_behind_the_limit(self) -> None:
        with Script(Socks4Server()) as script:
            script >> NAMED[:8] + b"u" * 256 + b"\x00"
            script.fault("^a USERID of more than 255 bytes$")
            script << REJECTED

    def test_the_limit_of_the_name(self) -> None:
        with Script(Socks4Server()) as script:
            script >> NAMED + b"n" * 255
            script.event(None)
            script >> b"n"
            script.fault("^a host name of more than 255 bytes$")
            script << REJECTED

    def test_a_name_that_ends_behind_the_limit(self) -> None:
        with Script(Socks4Server()) as script:
            script >> NAMED + b"n" * 256 + b"\x00"
            script.fault("^a host name of more than 255 bytes$")
            script << REJECTED

    @pytest.mark.parametrize("name", [b"", b"a b", b"a\xff", b"a\nb", b"a:1"])
    def test_impossible_names(self, name: bytes) -> None:
        with Script(Socks4Server()) as script:
            script >> NAMED + name + b"\x00"
            text = f"no host has the name {name!r}" if name else "a host name of 0 bytes, not 1 to 255"
            assert str(script.fault("")) == text
            script << REJECTED

    def test_names_can_be_declined(self) -> None:
        with Script(Socks4Server(names=False)) as script:
            script >> NAMED[:-1]
            script.event(None)
            script >> NAMED[-1:]
            script.fault("^a host name, which only SOCKS4a has$")
            script << REJECTED

    def test_addresses_are_taken_where_names_are_declined(self) -> None:
        with Script(Socks4Server(names=False)) as script:
            script >> b"\x04\x01\x00\x50\xc0\x00\x02\x01\x00"
            script.event(Connect(IPv4Address("192.0.2.1"), 80, b""))

    @pytest.mark.parametrize("version", [0, 5, 71])
    def test_another_version_gets_no_answer(self, version: int) -> None:
        with Script(Socks4Server()) as script:
            script.event(None)
            script >> bytes((version,))
            script.fault(f"^SOCKS version {version}, not 4$")

    @pytest.mark.parametrize("command", [0, 3, 0xF0])
    def test_an_unknown_command(self, command: int) -> None:
        with Script(Socks4Server()) as script:
            script >> b"\x04"
            script.event(None)
            script >> bytes((command,))
            script.fault(f"^command {command}, not 1 or 2$")
            script << REJECTED

    @pytest.mark.parametrize("size", range(len(NAMED) + 2))
    def test_the_end_of_the_stream_is_a_fault_before_the_request_is_whole(self, size: int) -> None:
        server = Socks4Server()
        server.receive_data((NAMED + b"a\x00")[:size])
        server.receive_eof()
        with pytest.raises(RemoteProtocolError) as caught:
            server.next_event()
        assert str(caught.value) == "the client closed before its request was complete"
        assert caught.value.reply == b""


class TestAnswers:
    def test_a_grant_ends_the_handshake(self) -> None:
        with asked() as script:
            script >> b"early"
            script.machine.grant(BOUND, 1080)
            script << GRANTED
            with pytest.raises(LocalProtocolError, match="after the end"):
                script.machine.next_event()
            assert script.machine.take_unread() == b"early"

    @pytest.mark.parametrize(
        ("host", "wire"),
        [
            (IPv4Address("192.0.2.1"), b"\xc0\x00\x02\x01"),
            (IPv6Address("::ffff:192.0.2.1"), b"\xc0\x00\x02\x01"),
            ("192.0.2.1", b"\xc0\x00\x02\x01"),
            ("::ffff:192.0.2.1", b"\xc0\x00\x02\x01"),
            (IPv6Address("2001:db8::1"), bytes(4)),
            (IPv6Address("fe80::1%eth0"), bytes(4)),
            ("relay.example", bytes(4)),
        ],
    )
    def test_bound_addresses(self, host: Host, wire: bytes) -> None:
        with asked() as script:
            script.machine.grant(host, 65535)
            script << b"\x00\x5a\xff\xff" + wire

    @pytest.mark.parametrize(("host", "port"), [("", 1), (BOUND, 65536)])
    def test_a_grant_that_cannot_be_written_can_still_be_a_refusal(self, host: Host, port: int) -> None:
        with asked() as script:
            with pytest.raises(LocalProtocolError):
                script.machine.grant(host, port)
            script.machine.refuse(Reply.GENERAL_FAILURE)
            script << REJECTED

    @pytest.mark.parametrize(
        ("code", "wire"),
        [
            *((reply, 0x5B) for reply in Reply if reply),
            (Socks4Reply.REJECTED, 0x5B),
            (Socks4Reply.NO_IDENTD, 0x5C),
            (Socks4Reply.USER_ID_MISMATCH, 0x5D),
        ],
    )
    @pytest.mark.parametrize("command", [1, 2])
    def test_refusals(self, code: Reply | Socks4Reply, wire: int, command: int) -> None:
        with asked(command) as script:
            script.machine.refuse(code)
            script << bytes((0, wire, 0, 0, 0, 0, 0, 0))
            with pytest.raises(LocalProtocolError, match="after the end"):
                script.machine.next_event()

    @pytest.mark.parametrize("code", [Reply.SUCCEEDED, Socks4Reply.GRANTED])
    def test_what_refuses_nothing(self, code: Reply | Socks4Reply) -> None:
        with asked() as script:
            with pytest.raises(LocalProtocolError) as caught:
                script.machine.refuse(code)
            assert str(caught.value) == f"refuse() with {code!r}, which is no refusal"

    def test_a_bind_is_granted_twice(self) -> None:
        with asked(2) as script:
            script.machine.grant(BOUND, 1080)
            script << GRANTED
            with pytest.raises(LocalProtocolError, match="before grant"):
                script.machine.next_event()
            script.machine.grant(IPv4Address("192.0.2.7"), 21)
            script << b"\x00\x5a\x00\x15\xc0\x00\x02\x07"
            with pytest.raises(LocalProtocolError, match="after the end"):
                script.machine.next_event()

    def test_a_bind_may_be_refused_after_the_first_grant(self) -> None:
        with asked(2) as script:
            script.machine.grant(BOUND, 1080)
            script.machine.refuse(Reply.TTL_EXPIRED)
            script << GRANTED << REJECTED

    @pytest.mark.parametrize("stream", [b"", NAMED, b"\x04\x01\x00\x50\xc0\x00\x02\x01\x00"])
    def test_answers_that_nothing_asked_for(self, stream: bytes) -> None:
        server = Socks4Server()
        server.receive_data(stream)
        if server.next_event():
            server.grant(BOUND, 1)
            assert server.data_to_send()
        with pytest.raises(LocalProtocolError) as caught:
            server.grant(BOUND, 1)
        assert str(caught.value) == "grant() without a request"
        with pytest.raises(LocalProtocolError) as caught:
            server.refuse(Reply.GENERAL_FAILURE)
        assert str(caught.value) == "refuse() without a request"
        assert server.data_to_send() == b""
