"""The server that speaks whichever version the client does."""

from ipaddress import IPv4Address

import pytest
from g3_machine import LocalProtocolError, RemoteProtocolError
from g3_machine.testing import Script
from g3_socks import Bind, Connect, Credentials, Method, MethodError, Reply, SocksServer, UdpAssociate

HOST = IPv4Address("192.0.2.1")
BOUND = IPv4Address("198.51.100.9")
SOCKS4 = b"\x04\x01\x00\x50\xc0\x00\x02\x01me\x00"
SOCKS4A = b"\x04\x01\x00\x50\x00\x00\x00\x01\x00a.example\x00"
GREETING = b"\x05\x01\x00"
SOCKS5 = b"\x05\x01\x00\x03\x09a.example\x00\x50"


def test_socks4() -> None:
    with Script(SocksServer()) as script:
        assert script.machine.version is None
        script >> SOCKS4 + b"early"
        script.event(Connect(HOST, 80, b"me"))
        assert script.machine.version == 4
        script.machine.grant(BOUND, 1080)
        script << b"\x00\x5a\x04\x38\xc6\x33\x64\x09"
        assert script.machine.take_unread() == b"early"


def test_socks4a() -> None:
    with Script(SocksServer()) as script:
        script >> SOCKS4A
        script.event(Connect("a.example", 80, b""))
        script.machine.refuse(Reply.HOST_UNREACHABLE)
        script << b"\x00\x5b" + bytes(6)


def test_socks4_bind() -> None:
    with Script(SocksServer()) as script:
        script >> b"\x04\x02" + SOCKS4[2:]
        script.event(Bind(HOST, 80, b"me"))


def test_socks5() -> None:
    with Script(SocksServer()) as script:
        script >> GREETING
        script.event(None)
        assert script.machine.version == 5
        script << b"\x05\x00"
        script >> SOCKS5 + b"early"
        script.event(Connect("a.example", 80))
        script.machine.grant(BOUND, 1080)
        script << b"\x05\x00\x00\x01\xc6\x33\x64\x09\x04\x38"
        assert script.machine.take_unread() == b"early"
        with pytest.raises(LocalProtocolError, match="after the end"):
            script.machine.next_event()


def test_socks5_with_credentials() -> None:
    with Script(SocksServer(methods=[Method.USERNAME_PASSWORD], empty_password=True)) as script:
        script >> b"\x05\x01\x02\x01\x01u\x00"
        script.event(Credentials(b"u", b""))
        script.machine.authenticate(True)
        script << b"\x05\x02\x01\x00"
        script >> b"\x05\x03\x00\x03\x010\x00\x00"
        script.event(UdpAssociate(IPv4Address("0.0.0.0"), 0))
        script.machine.refuse(Reply.NOT_ALLOWED)
        script << b"\x05\x02\x00\x01" + bytes(6)


def test_an_empty_password_needs_leave() -> None:
    with Script(SocksServer(methods=[Method.USERNAME_PASSWORD])) as script:
        script >> b"\x05\x01\x02\x01\x01u\x00"
        script.fault("^an empty password$")
        script << b"\x05\x02\x01\x01"


def test_socks4_cannot_carry_credentials() -> None:
    with Script(SocksServer(methods=[Method.USERNAME_PASSWORD])) as script:
        script >> b"\x04"
        script.fault("^SOCKS4 cannot carry the credentials that we demand$", MethodError)
        script << b"\x00\x5b" + bytes(6)
        assert script.machine.version is None


def test_socks4_is_anonymous_where_credentials_are_a_choice() -> None:
    with Script(SocksServer(methods=[Method.USERNAME_PASSWORD, Method.NO_AUTHENTICATION])) as script:
        script >> SOCKS4
        script.event(Connect(HOST, 80, b"me"))


def test_names_of_socks4a_can_be_declined() -> None:
    with Script(SocksServer(socks4a=False)) as script:
        script >> SOCKS4A
        script.fault("^a host name, which only SOCKS4a has$")
        script << b"\x00\x5b" + bytes(6)


@pytest.mark.parametrize(
    ("versions", "version", "text"),
    [
        ((4, 5), 0, "SOCKS version 0, not 4 or 5"),
        ((4, 5), 6, "SOCKS version 6, not 4 or 5"),
        ((5, 4), ord("G"), "SOCKS version 71, not 4 or 5"),
        ((4,), 5, "SOCKS version 5, not 4"),
        ((5,), 4, "SOCKS version 4, not 5"),
    ],
)
def test_other_versions_get_no_answer(versions: tuple[int, ...], version: int, text: str) -> None:
    with Script(SocksServer(versions=versions)) as script:
        script.event(None)
        script >> bytes((version,))
        script.fault(f"^{text}$")


@pytest.mark.parametrize(("version", "stream"), [(4, SOCKS4), (5, GREETING + SOCKS5)])
def test_one_version_alone(version: int, stream: bytes) -> None:
    server = SocksServer(versions={version})
    server.receive_data(stream)
    assert server.next_event()
    assert server.version == version


@pytest.mark.parametrize("versions", [(), (3,), (4, 5, 6)])
def test_versions_that_we_do_not_speak_are_a_mistake_of_ours(versions: tuple[int, ...]) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        SocksServer(versions=versions)
    assert str(caught.value) == f"versions {list(versions)}: none, or others than 4 and 5"


def test_methods_that_we_do_not_speak_are_a_mistake_of_ours() -> None:
    with pytest.raises(LocalProtocolError, match=r"^methods \[\]: none"):
        SocksServer(methods=[])


def test_answers_before_the_version_is_known() -> None:
    server = SocksServer()
    with pytest.raises(LocalProtocolError) as caught:
        server.grant(BOUND, 1)
    assert str(caught.value) == "grant() without a request"
    with pytest.raises(LocalProtocolError) as caught:
        server.refuse(Reply.GENERAL_FAILURE)
    assert str(caught.value) == "refuse() without a request"
    for stream in (b"", SOCKS4):
        server.receive_data(stream)
        server.next_event()
        with pytest.raises(LocalProtocolError) as caught:
            server.authenticate(True)
        assert str(caught.value) == "authenticate() without credentials"
    assert server.data_to_send() == b""


@pytest.mark.parametrize("stream", [b"", GREETING[:1], GREETING, SOCKS4[:8], SOCKS4A[:-1]])
def test_the_end_of_the_stream_is_a_fault_before_the_request_is_whole(stream: bytes) -> None:
    server = SocksServer()
    server.receive_data(stream)
    server.receive_eof()
    with pytest.raises(RemoteProtocolError) as caught:
        server.next_event()
    assert str(caught.value) == "the client closed before its request was complete"
    assert caught.value.reply == b""
