"""PROXY headers that escapers send."""

import socket
from ipaddress import ip_address
from typing import Any

import pytest
from escaper.network import Task
from g3_proxyproto import HeaderReader, Inet
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.escaper.proxy_header import make_header, send_header
from g3proxyd.io.stream import RESET_ON_CLOSE
from g3proxyd.upstream import Upstream
from loopback import tcp_pair

UPSTREAM = Upstream("a.test", 80)


def header(version: int, client: Any, server: Any) -> bytes:
    make = make_header(version)
    assert make is not None
    return make(UPSTREAM, Task(client_addr=client, server_addr=server))


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("client", "server", "said"),
    [
        (("192.0.2.1", 5), ("192.0.2.2", 6), ("192.0.2.1", "192.0.2.2")),
        (("2001:db8::1", 5, 0, 0), ("2001:db8::2", 6, 0, 0), ("2001:db8::1", "2001:db8::2")),
        (("fe80::1%lo", 5, 0, 1), ("fe80::2%lo", 6, 0, 1), ("fe80::1", "fe80::2")),
        (("::ffff:192.0.2.1", 5, 0, 0), ("192.0.2.2", 6), ("192.0.2.1", "192.0.2.2")),
    ],
)
def test_the_addresses_of_the_client(version: int, client: Any, server: Any, said: tuple[str, str]) -> None:
    reader = HeaderReader()
    reader.receive_data(header(version, client, server))
    found = reader.next_event()
    assert found is not None
    assert (found.version, found.source) == (version, Inet(ip_address(said[0]), 5))
    assert found.destination == Inet(ip_address(said[1]), 6)
    assert reader.take_unread() == b""


def test_no_version_is_no_header() -> None:
    assert make_header(None) is None


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("client", "server", "text"),
    [
        (("192.0.2.1", 5), ("2001:db8::2", 6, 0, 0), "different families"),
        (("192.0.2.1", 5), None, "is not known"),
    ],
)
def test_addresses_that_are_no_pair(version: int, client: Any, server: Any, text: str) -> None:
    with pytest.raises(TcpConnectError, match=text) as caught:
        header(version, client, server)
    assert caught.value.reason is ConnectReason.PROXY_PROTOCOL_ENCODE_ERROR


def test_a_header_is_sent_or_not() -> None:
    ours, theirs = tcp_pair()
    with ours, theirs:
        send_header(ours, b"header")
        assert theirs.recv(100) == b"header"
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        theirs.close()
        with pytest.raises(TcpConnectError) as caught:
            send_header(ours, b"header")
        assert caught.value.reason is ConnectReason.PROXY_PROTOCOL_WRITE_FAILED


def test_a_header_for_which_there_is_no_room() -> None:
    ours, theirs = tcp_pair()
    with ours, theirs:
        with pytest.raises(TcpConnectError, match="bytes are left"):
            send_header(ours, bytes(1 << 24))
        with pytest.raises(TcpConnectError, match="failed") as caught:
            send_header(ours, b"header")
        assert caught.value.reason is ConnectReason.PROXY_PROTOCOL_WRITE_FAILED
