"""UDP sockets of the relay."""

import errno
import random
import socket
from contextlib import ExitStack

import pytest
from g3proxyd.config.values.socket_buffer import SocketBuffer
from g3proxyd.config.values.sockopts import UdpMiscSockOpts
from g3proxyd.io import udp_socket
from g3proxyd.io.sockopts import udp_options
from g3proxyd.io.udp_socket import UdpSocket, open_udp, set_buffers
from udp import bound

IPV4 = ("127.0.0.1", 0)
IPV6 = ("::1", 0, 0, 0)


def buffers(sock: socket.socket) -> tuple[int, int]:
    """As Linux counts, which is twice what was asked for."""
    return tuple(sock.getsockopt(socket.SOL_SOCKET, name) for name in (socket.SO_RCVBUF, socket.SO_SNDBUF))  # type: ignore[return-value]  # there are two


@pytest.mark.parametrize("address", [IPV4, IPV6])
def test_it_is_bound_and_does_not_block(address: tuple[str, int]) -> None:
    with open_udp(address) as sock:
        assert sock.getsockname()[0] == address[0]
        assert sock.getsockname()[1] > 0
        with pytest.raises(BlockingIOError):
            sock.recv(1)


def test_ipv6_takes_no_ipv4() -> None:
    with open_udp(("::", 0, 0, 0)) as sock, open_udp(("0.0.0.0", sock.getsockname()[1])):
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


def test_options() -> None:
    misc = UdpMiscSockOpts(time_to_live=9, hop_limit=8, type_of_service=16, traffic_class=32)
    with open_udp(IPV4, udp_options(socket.AF_INET, misc)) as sock:
        assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_TTL) == 9
        assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 16
    with open_udp(IPV6, udp_options(socket.AF_INET6, misc)) as sock:
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) == 8
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS) == 32
    assert udp_options(socket.AF_INET, UdpMiscSockOpts()) == ()
    assert udp_options(socket.AF_INET, UdpMiscSockOpts(netfilter_mark=5)) == ((socket.SOL_SOCKET, socket.SO_MARK, 5),)


def test_buffers_hold_a_mebibyte_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    # Small enough for the limits of any machine.
    monkeypatch.setattr(udp_socket, "BUFFER_SIZE", 100_000)
    with open_udp(IPV4) as sock:
        assert buffers(sock) == (200_000, 200_000)
        set_buffers(sock, SocketBuffer(recv=50_000))
        assert buffers(sock) == (100_000, 200_000)
        set_buffers(sock, SocketBuffer(send=60_000))
        assert buffers(sock) == (200_000, 120_000)
        for name in ("SO_RCVBUFFORCE", "SO_SNDBUFFORCE"):
            monkeypatch.setattr(udp_socket, name, 9999)  # as for a process without the right
        set_buffers(sock, SocketBuffer(recv=40_000, send=30_000))
        assert buffers(sock) == (80_000, 60_000)
    monkeypatch.undo()
    assert udp_socket.BUFFER_SIZE == 2**20


def test_ports_of_a_range_until_none_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        taken = [stack.enter_context(bound()).getsockname()[1] for _ in range(5)]
        with bound() as free:
            port = free.getsockname()[1]
        with open_udp(IPV4, ports=[*taken, port]) as sock:
            assert sock.getsockname()[1] == port
        with pytest.raises(OSError, match="in use") as caught:
            open_udp(IPV4, ports=taken)
        assert caught.value.errno == errno.EADDRINUSE
        monkeypatch.setattr(udp_socket, "PORT_TRIES", 2)
        monkeypatch.setattr(random, "sample", lambda ports, count: list(ports)[:count])
        with pytest.raises(OSError, match="in use"):
            open_udp(IPV4, ports=[*taken, port])


def test_an_address_of_somebody_else_is_refused() -> None:
    with pytest.raises(OSError, match="assign"):
        open_udp(("192.0.2.1", 0))


def test_without_segments_no_trains_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with bound() as sock, bound("::1") as sock6:
        assert (UdpSocket(sock).train_segment, UdpSocket(sock6).train_segment) == (1472, 1452)
        monkeypatch.setattr(udp_socket, "can_cut_trains", lambda: False)
        assert UdpSocket(sock).train_segment == 0
        monkeypatch.setattr(udp_socket, "UDP_GRO", 9999)
        UdpSocket(sock).join_trains()
    monkeypatch.undo()
    udp_socket.can_cut_trains.cache_clear()
    monkeypatch.setattr(udp_socket, "UDP_SEGMENT", 9999)
    assert not udp_socket.can_cut_trains()
    monkeypatch.undo()
    udp_socket.can_cut_trains.cache_clear()
    assert udp_socket.can_cut_trains()
