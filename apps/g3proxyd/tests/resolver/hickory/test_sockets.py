"""The sockets towards name servers."""

import socket
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, ip_address

import pytest
from escaper.network import open_sockets
from g3_dns import Server
from g3proxyd.config.values.sockopts import TcpMiscSockOpts, UdpMiscSockOpts
from g3proxyd.io.sockopts import tcp_options, udp_options
from g3proxyd.resolver.hickory.sockets import ServerSockets

V4, V6 = Server(ip_address("127.0.0.1"), 9), Server(ip_address("::1"), 9)
OURS = ServerSockets(bind_ip=IPv4Address("127.0.0.9"))


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    before = open_sockets()
    yield
    assert open_sockets() == before


@pytest.mark.parametrize("server", [V4, V6])
def test_udp_sockets_are_connected_and_have_the_port_that_is_asked_for(server: Server) -> None:
    with ServerSockets().open_udp(server) as sock:
        assert sock.getpeername()[:2] == (str(server.host), 9)
        assert not sock.getblocking()
        with pytest.raises(OSError, match="in use"):
            ServerSockets().open_udp(server, sock.getsockname()[1])


def test_a_local_address() -> None:
    with OURS.open_udp(V4) as sock:
        assert sock.getsockname()[0] == "127.0.0.9"
    with OURS.open_tcp(V4) as sock, socket.create_server(("127.0.0.1", 0)) as server:
        sock.setblocking(True)
        sock.connect(server.getsockname())
        assert sock.getsockname()[0] == "127.0.0.9"


@pytest.mark.parametrize("open_socket", [ServerSockets.open_udp, ServerSockets.open_tcp])
def test_an_interface(open_socket: Callable[[ServerSockets, Server], socket.socket]) -> None:
    try:
        with open_socket(ServerSockets(interface="lo"), V4) as sock:
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).startswith(b"lo\0")
    except PermissionError:
        pytest.skip("this kernel lets nobody but root bind to an interface")


@pytest.mark.parametrize("server", [V4, V6])
def test_options(server: Server) -> None:
    family = socket.AF_INET if server is V4 else socket.AF_INET6
    tcp = tcp_options(family, TcpMiscSockOpts(time_to_live=7, hop_limit=8))
    udp = udp_options(family, UdpMiscSockOpts(time_to_live=9, hop_limit=10))
    sockets = ServerSockets(tcp_options={family: tcp}, udp_options={family: udp})
    level, name = (
        (socket.IPPROTO_IP, socket.IP_TTL) if server is V4 else (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)
    )
    with sockets.open_tcp(server) as sock:
        assert sock.getsockopt(level, name) == (7 if server is V4 else 8)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    with sockets.open_udp(server) as sock:
        assert sock.getsockopt(level, name) == (9 if server is V4 else 10)


@pytest.mark.parametrize(
    "sockets",
    [
        ServerSockets(bind_ip=IPv4Address("192.0.2.1")),
        ServerSockets(interface="no-such-device"),
        ServerSockets(
            tcp_options={socket.AF_INET: ((socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"none-such"),)},
            udp_options={socket.AF_INET: ((socket.IPPROTO_IP, socket.IP_TTL, 1000),)},
        ),
    ],
)
def test_what_the_kernel_refuses(sockets: ServerSockets) -> None:
    with pytest.raises(OSError, match="Errno"):
        sockets.open_tcp(V4)
    with pytest.raises(OSError, match="Errno"):
        sockets.open_udp(V4)
