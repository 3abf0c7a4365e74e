"""Client machine and server machine, mouth to mouth."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from g3_machine import Machine
from g3_machine.testing import Pair
from g3_socks import (
    AuthenticationError,
    Bind,
    ClientEvent,
    Connect,
    Credentials,
    Granted,
    Host,
    Incoming,
    Method,
    MethodError,
    RefusedError,
    Reply,
    Request,
    ServerEvent,
    Socks4Client,
    Socks4Reply,
    Socks5Client,
    SocksServer,
    UdpAssociate,
    pack_header,
    parse_datagram,
)
from hypothesis import assume, given
from hypothesis import strategies as st

BOUND = IPv4Address("198.51.100.9")
GUEST = IPv6Address("2001:db8::7")

NAMES = st.text("azAZ059-_.", max_size=40).map("n".__add__)
HOSTS: st.SearchStrategy[Host] = st.ip_addresses() | NAMES
PORTS = st.integers(0, 65535)
TCP_REQUESTS = st.builds(Connect, HOSTS, PORTS) | st.builds(Bind, HOSTS, PORTS)
REQUESTS: st.SearchStrategy[Request] = TCP_REQUESTS | st.builds(UdpAssociate, st.ip_addresses(), PORTS)
LOGINS = st.builds(Credentials, st.binary(min_size=1, max_size=9), st.binary(min_size=1, max_size=9))
SPLITS = st.sampled_from([0, 1, 3])


def grant(server: SocksServer, event: ServerEvent) -> bool:
    """Take any credentials and grant any request; after a BIND, the guest comes at once."""
    if isinstance(event, Credentials):
        server.authenticate(True)
        return False
    server.grant(BOUND, 1080)
    if isinstance(event, Bind):
        server.grant(GUEST, 20)
    return True


def refuse(code: Reply) -> Callable[[SocksServer, ServerEvent], bool]:
    def answer(server: SocksServer, _: ServerEvent) -> bool:
        server.refuse(code)
        return True

    return answer


def finish(client: Machine[ClientEvent], event: ClientEvent) -> bool:
    """Wait for a second reply after a BIND only."""
    return isinstance(event, Incoming) or not getattr(client, "_incoming")  # noqa: B009 -- two classes have it


def tunnel(pair: Pair[Any, Any], request: Request) -> None:
    """Assert that nothing but the tunnel is left."""
    expected: list[ClientEvent] = [Granted(BOUND, 1080)]
    if isinstance(request, Bind):
        guest = GUEST if isinstance(pair.client, Socks5Client) else IPv4Address("0.0.0.0")
        expected.append(Incoming(guest, 20))
    assert pair.client_events == expected
    assert pair.client.take_unread() == b""
    assert pair.server.take_unread() == b""


@given(REQUESTS, st.none() | LOGINS, SPLITS)
def test_the_server_reads_what_the_client_asks(request_: Request, login: Credentials | None, split: int) -> None:
    methods = [Method.USERNAME_PASSWORD, Method.NO_AUTHENTICATION]
    pair = Pair(Socks5Client(request_, login), SocksServer(methods=methods), split=split)
    pair.run(finish, grant)
    assert pair.server_events == ([login] if login else []) + [request_]
    tunnel(pair, request_)


@given(TCP_REQUESTS, st.binary(max_size=9), SPLITS)
def test_the_same_in_socks4(request_: Connect | Bind, user_id: bytes, split: int) -> None:
    assume(not isinstance(request_.host, IPv6Address) and b"\x00" not in user_id)
    assume(not isinstance(request_.host, IPv4Address) or not 0 < int(request_.host) < 256)
    request_ = type(request_)(request_.host, request_.port, user_id)
    pair = Pair(Socks4Client(request_), SocksServer(), split=split)
    pair.run(finish, grant)
    assert pair.server_events == [request_]
    tunnel(pair, request_)


@pytest.mark.parametrize("code", [reply for reply in Reply if reply])
def test_a_refusal_arrives_with_its_code(code: Reply) -> None:
    with pytest.raises(RefusedError) as caught:
        Pair(Socks5Client(Connect("a", 80)), SocksServer()).run(finish, refuse(code))
    assert caught.value.code is code
    with pytest.raises(RefusedError) as caught:
        Pair(Socks4Client(Connect("a", 80)), SocksServer()).run(finish, refuse(code))
    assert caught.value.code is Socks4Reply.REJECTED


def test_wrong_credentials() -> None:
    def deny(server: SocksServer, event: ServerEvent) -> bool:
        assert event == Credentials(b"user", b"wrong")
        server.authenticate(False)
        return True

    client = Socks5Client(Connect("a", 80), Credentials(b"user", b"wrong"))
    with pytest.raises(AuthenticationError):
        Pair(client, SocksServer(methods=[Method.USERNAME_PASSWORD])).run(finish, deny)


def test_no_method_in_common() -> None:
    client, server = Socks5Client(Connect("a", 80)), SocksServer(methods=[Method.USERNAME_PASSWORD])
    with pytest.raises(MethodError, match="of ours is among"):
        Pair(client, server).run(finish, grant)
    client.receive_data(server.data_to_send())
    with pytest.raises(MethodError, match="accepts none of our methods"):
        client.next_event()


@pytest.mark.parametrize("split", [0, 1])
@pytest.mark.parametrize(("kind", "request_"), [(Socks5Client, Connect("a", 25)), (Socks4Client, Connect("a", 25))])
def test_what_follows_the_handshake_is_left_to_the_tunnel(
    kind: Callable[[Connect], Machine[ClientEvent]], request_: Connect, split: int
) -> None:
    client, server = kind(request_), SocksServer()

    def greet(server: SocksServer, event: ServerEvent) -> bool:
        server.receive_data(b"EHLO client\r\n")
        return grant(server, event)

    pair = Pair(client, server, split=split)
    pair.run(finish, greet)
    client.receive_data(b"220 host\r\n")
    assert server.take_unread() == b"EHLO client\r\n"
    assert client.take_unread() == b"220 host\r\n"


@given(HOSTS, PORTS, st.binary(max_size=64))
def test_a_datagram_is_read_as_it_was_written(host: Host, port: int, payload: bytes) -> None:
    assume(not isinstance(host, IPv6Address) or host.ipv4_mapped is None)
    header = pack_header(host, port)
    datagram = parse_datagram(header + payload)
    assert (datagram.host, datagram.port, datagram.header_size) == (host, port, len(header))
    assert datagram.payload == payload
