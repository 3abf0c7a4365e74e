"""PROXY headers that escapers send."""

import asyncio
import socket
from ipaddress import ip_address
from typing import Any

import pytest
from escaper.network import Records, Task, network, run_virtually
from g3_proxyproto import HeaderReader, Inet
from g3proxyd.config.escaper import DirectFixedConfig, ProxyHttpConfig
from g3proxyd.escaper import Surroundings, direct_fixed, peer
from g3proxyd.escaper.base import ConnectNotes
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.escaper.make import make_escaper
from g3proxyd.escaper.proxy_header import make_header, send_header
from g3proxyd.io.poller import Poller
from g3proxyd.io.relay import RelayHost
from g3proxyd.io.stream import RESET_ON_CLOSE
from g3proxyd.io.timers import Wheel
from g3proxyd.log.logger import Logger
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


@pytest.mark.parametrize("kind", ["direct", "hop"])
def test_a_header_that_cannot_be_sent_ends_the_connection(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []

    def fail(sock: socket.socket, header: bytes) -> None:
        sent.append(header)
        raise TcpConnectError(ConnectReason.PROXY_PROTOCOL_WRITE_FAILED, os_error=BrokenPipeError(32, "Broken pipe"))

    monkeypatch.setattr(direct_fixed, "send_header", fail)
    monkeypatch.setattr(peer, "send_header", fail)

    async def main() -> None:
        records, loop = Records(), asyncio.get_running_loop()
        poller = Poller(loop)
        around = Surroundings(RelayHost(poller, Wheel(loop)), {}, Logger("Escape", records))
        with network() as net:
            net.listen("127.0.0.1")
            keys: dict[str, Any] = {"name": "out", "use_proxy_protocol": 1}
            if kind == "direct":
                keys |= {"resolver": "none", "egress_network_filter": "127.0.0.0/8"}
            else:
                keys |= {"proxy_addr": f"127.0.0.1:{net.port}"}
            config = DirectFixedConfig if kind == "direct" else ProxyHttpConfig
            escaper = make_escaper(config.model_validate(keys), around)
            task = Task(client_addr=("192.0.2.1", 5), server_addr=("192.0.2.2", 6))
            with pytest.raises(TcpConnectError, match="Broken pipe"):
                await escaper.tcp_connect(Upstream(ip_address("127.0.0.1"), net.port), ConnectNotes(), task)
        assert sent == [b"PROXY TCP4 192.0.2.1 192.0.2.2 5 6\r\n"]
        (record,) = records.written
        assert (record["reason"], record["tcp_connect_tries"]) == ("ProxyProtocolWriteFailed", 1)
        poller.close()

    run_virtually(main)
