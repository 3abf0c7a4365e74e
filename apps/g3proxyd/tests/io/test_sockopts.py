"""Socket options: what the configuration says is what the kernel has."""

import socket

import pytest
from g3proxyd.config.values.keepalive import TcpKeepalive
from g3proxyd.config.values.sockopts import TcpMiscSockOpts
from g3proxyd.io.sockopts import LATE_BINDING, bind_to_device, set_options, tcp_options

TCP, IP, IPV6 = socket.IPPROTO_TCP, socket.IPPROTO_IP, socket.IPPROTO_IPV6


def test_nodelay_is_on_unless_said() -> None:
    on = ((TCP, socket.TCP_NODELAY, 1),)
    assert tcp_options(socket.AF_INET, TcpMiscSockOpts()) == on
    assert tcp_options(socket.AF_INET6, TcpMiscSockOpts(no_delay=True)) == on
    assert tcp_options(socket.AF_INET, TcpMiscSockOpts(no_delay=False)) == ()


def test_each_family_has_its_own() -> None:
    misc = TcpMiscSockOpts(no_delay=False, time_to_live=33, hop_limit=44, type_of_service=0x10, traffic_class=0x20)
    assert tcp_options(socket.AF_INET, misc) == ((IP, socket.IP_TTL, 33), (IP, socket.IP_TOS, 0x10))
    assert tcp_options(socket.AF_INET6, misc) == (
        (IPV6, socket.IPV6_UNICAST_HOPS, 44),
        (IPV6, socket.IPV6_TCLASS, 0x20),
    )


def test_zero_is_a_value() -> None:
    misc = TcpMiscSockOpts(no_delay=False, type_of_service=0, netfilter_mark=0)
    assert tcp_options(socket.AF_INET, misc) == ((IP, socket.IP_TOS, 0), (socket.SOL_SOCKET, socket.SO_MARK, 0))


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_kernel_has_them(family: socket.AddressFamily) -> None:
    misc = TcpMiscSockOpts(
        max_segment_size=1200, congestion_control="reno", time_to_live=33, hop_limit=44, type_of_service=0x10,
        traffic_class=0x20,
    )  # fmt: skip
    keepalive = TcpKeepalive(enable=True, idle_time=70.4, probe_interval=5.5, probe_count=4)
    with socket.socket(family) as sock:
        set_options(sock, tcp_options(family, misc, keepalive))
        assert sock.getsockopt(TCP, socket.TCP_NODELAY) == 1
        assert sock.getsockopt(TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0") == b"reno"
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(TCP, socket.TCP_KEEPIDLE) == 70
        assert sock.getsockopt(TCP, socket.TCP_KEEPINTVL) == 6
        assert sock.getsockopt(TCP, socket.TCP_KEEPCNT) == 4
        if family == socket.AF_INET:
            assert sock.getsockopt(IP, socket.IP_TTL) == 33
            assert sock.getsockopt(IP, socket.IP_TOS) == 0x10
        else:
            assert sock.getsockopt(IPV6, socket.IPV6_UNICAST_HOPS) == 44
            assert sock.getsockopt(IPV6, socket.IPV6_TCLASS) == 0x20


@pytest.mark.parametrize(
    ("keepalive", "options"),
    [
        (TcpKeepalive(), ()),
        (TcpKeepalive(enable=False, probe_count=3), ()),
        (TcpKeepalive(enable=True), ((TCP, socket.TCP_KEEPIDLE, 60),)),
        (TcpKeepalive(enable=True, idle_time=0.2), ((TCP, socket.TCP_KEEPIDLE, 1),)),
        (TcpKeepalive(enable=True, idle_time=1e6), ((TCP, socket.TCP_KEEPIDLE, 32767),)),
        (
            TcpKeepalive(enable=True, probe_interval=1e6, probe_count=1000),
            ((TCP, socket.TCP_KEEPIDLE, 60), (TCP, socket.TCP_KEEPINTVL, 32767), (TCP, socket.TCP_KEEPCNT, 127)),
        ),
        (
            TcpKeepalive(enable=True, probe_count=0),
            ((TCP, socket.TCP_KEEPIDLE, 60), (TCP, socket.TCP_KEEPCNT, 1)),
        ),
    ],
)
def test_keepalive_stays_within_what_linux_takes(keepalive: TcpKeepalive, options: tuple[object, ...]) -> None:
    found = tcp_options(socket.AF_INET, TcpMiscSockOpts(no_delay=False), keepalive)
    switch = ((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),) if options else ()
    assert found == switch + options
    with socket.socket() as sock:
        set_options(sock, found)


def test_late_binding_leaves_the_port_open() -> None:
    with socket.socket() as sock:
        set_options(sock, [LATE_BINDING])
        sock.bind(("127.0.0.1", 0))
        assert sock.getsockname() == ("127.0.0.1", 0)


def test_a_device_that_is_not_there() -> None:
    assert bind_to_device("eth0") == (socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0\0")
    with socket.socket() as sock, pytest.raises(OSError, match="No such device"):
        set_options(sock, [bind_to_device("no-such-device")])
