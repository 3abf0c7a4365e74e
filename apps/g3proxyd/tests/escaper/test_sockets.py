"""Sockets of escapers: allowed addresses, local addresses, options."""

import logging
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

import pytest
from escaper.network import open_sockets
from g3_acl import default_egress_network_rule, parse_egress_network_rule
from g3proxyd.escaper.base import EscaperStats
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.escaper.sockets import FamilySockets, Host, OutgoingSockets, socket_address

V4, V6 = IPv4Address("192.0.2.1"), IPv6Address("2001:db8::1")
PLAIN = FamilySockets()
LOCAL_1, LOCAL_2 = IPv4Address("127.0.0.1"), IPv4Address("127.0.0.2")


def refusal(sockets: OutgoingSockets, host: Host) -> TcpConnectError:
    before = open_sockets()
    with pytest.raises(TcpConnectError) as caught:
        sockets.open(host, 80)
    assert open_sockets() == before
    return caught.value


@pytest.mark.parametrize(
    ("host", "family", "address"),
    [(V4, socket.AF_INET, ("192.0.2.1", 80)), (V6, socket.AF_INET6, ("2001:db8::1", 80, 0, 0))],
)
def test_a_plain_socket(host: Host, family: int, address: tuple[object, ...]) -> None:
    sock, target, bind_ip = OutgoingSockets("e", PLAIN, PLAIN).open(host, 80)
    with sock:
        assert (sock.family, sock.type, sock.getblocking()) == (family, socket.SOCK_STREAM, False)
        assert not sock.get_inheritable()
        assert (target, bind_ip) == (address, None)


def test_options() -> None:
    family = FamilySockets(options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.IPPROTO_IP, socket.IP_TTL, 9)))
    sock, _, _ = OutgoingSockets("e", family, PLAIN).open(V4, 80)
    with sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_TTL) == 9


def test_options_that_the_kernel_refuses() -> None:
    family = FamilySockets(options=((socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"no-such"),))
    error = refusal(OutgoingSockets("e", family, PLAIN), V4)
    assert error.reason is ConnectReason.SETUP_SOCKET_FAILED
    assert error.os_error is not None


class TestBinding:
    def test_one_address(self) -> None:
        sock, _, bind_ip = OutgoingSockets("e", FamilySockets(bind_ips=(LOCAL_1,)), PLAIN).open(V4, 80)
        with sock:
            assert bind_ip == LOCAL_1
            assert sock.getsockname() == ("127.0.0.1", 0)

    def test_ipv6(self) -> None:
        local = IPv6Address("::1")
        sock, _, bind_ip = OutgoingSockets("e", PLAIN, FamilySockets(bind_ips=(local,))).open(V6, 80)
        with sock:
            assert bind_ip == local
            assert sock.getsockname()[:2] == ("::1", 0)

    def test_one_of_several(self) -> None:
        offered: list[Sequence[Host]] = []

        def last(choices: Sequence[Host]) -> Host:
            offered.append(choices)
            return choices[-1]

        family = FamilySockets(bind_ips=(LOCAL_1, LOCAL_2))
        sock, _, bind_ip = OutgoingSockets("e", family, PLAIN, choose=last).open(V4, 80)
        with sock:
            assert (bind_ip, offered) == (LOCAL_2, [(LOCAL_1, LOCAL_2)])

    def test_every_address_has_its_turn(self) -> None:
        sockets = OutgoingSockets("e", FamilySockets(bind_ips=(LOCAL_1, LOCAL_2)), PLAIN)
        seen = set()
        for _ in range(200):
            sock, _, bind_ip = sockets.open(V4, 80)
            sock.close()
            seen.add(bind_ip)
        assert seen == {LOCAL_1, LOCAL_2}

    def test_no_address_of_the_family(self) -> None:
        error = refusal(OutgoingSockets("e", FamilySockets(bind_ips=(LOCAL_1,)), PLAIN), V6)
        assert error.reason is ConnectReason.ESCAPER_NOT_USABLE
        assert str(error) == "the escaper is not usable: no IPv6 address to bind to"
        error = refusal(OutgoingSockets("e", PLAIN, FamilySockets(bind_ips=(IPv6Address("::1"),))), V4)
        assert str(error) == "the escaper is not usable: no IPv4 address to bind to"

    def test_an_address_of_another_machine(self) -> None:
        error = refusal(OutgoingSockets("e", FamilySockets(bind_ips=(V4,)), PLAIN), V4)
        assert error.reason is ConnectReason.SETUP_SOCKET_FAILED
        assert str(error) == "setting up the socket failed: Cannot assign requested address"

    def test_an_interface(self) -> None:
        sock, _, bind_ip = OutgoingSockets("e", PLAIN, PLAIN, interface="lo").open(V4, 80)
        with sock:
            assert bind_ip is None
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"lo"

    def test_an_interface_that_is_gone(self) -> None:
        error = refusal(OutgoingSockets("e", PLAIN, PLAIN, interface="gone0"), V4)
        assert str(error) == "setting up the socket failed: No such device"

    def test_an_address_takes_precedence_over_the_interface(self) -> None:
        family = FamilySockets(bind_ips=(LOCAL_1,))
        sock, _, bind_ip = OutgoingSockets("e", family, PLAIN, interface="gone0").open(V4, 80)
        with sock:
            assert bind_ip == LOCAL_1


class TestRules:
    def test_families_that_are_off(self) -> None:
        off = FamilySockets(enabled=False)
        for sockets, host in ((OutgoingSockets("e", off, PLAIN), V4), (OutgoingSockets("e", PLAIN, off), V6)):
            assert refusal(sockets, host).reason is ConnectReason.FORBIDDEN_ADDRESS_FAMILY
        OutgoingSockets("e", off, PLAIN).open(V6, 80)[0].close()

    @pytest.mark.parametrize(
        "text",
        [
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "169.254.1.1",
            "::1",
            "::",
            "fe80::1",
            "fe80::1%1",
            "100::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
        ],
    )
    def test_this_machine_and_its_links_are_forbidden(self, text: str) -> None:
        stats = EscaperStats()
        sockets = OutgoingSockets("e", PLAIN, PLAIN, egress=default_egress_network_rule(), stats=stats)
        host = IPv6Address(text) if ":" in text else IPv4Address(text)
        error = refusal(sockets, host)
        assert error.reason is ConnectReason.FORBIDDEN_REMOTE_ADDRESS
        assert str(error) == f"the egress network filter forbids the address: {host}"
        assert stats.ip_blocked == 1

    def test_logging_rules(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        rule = parse_egress_network_rule({"permit_log": ["192.0.2.0/24"], "forbid_log": ["198.51.100.0/24"]})
        sockets = OutgoingSockets("out", PLAIN, PLAIN, egress=rule)
        sockets.open(V4, 80)[0].close()
        assert refusal(sockets, IPv4Address("198.51.100.7")).reason is ConnectReason.FORBIDDEN_REMOTE_ADDRESS
        assert [entry.getMessage() for entry in caplog.records] == [
            "escaper out: the rules permit 192.0.2.1",
            "escaper out: the rules forbid 198.51.100.7",
        ]


class TestAddresses:
    def test_zones(self) -> None:
        (index,) = [index for index, name in socket.if_nameindex() if name == "lo"]
        expected = ("fe80::1", 80, 0, index)
        assert socket_address(IPv6Address("fe80::1%lo"), 80) == expected
        assert socket_address(IPv6Address(f"fe80::1%{index}"), 80) == expected

    @pytest.mark.parametrize("zone", ["gone0", "4294967296", "9" * 30, "a\0b", "example.com"])
    def test_zones_that_are_not_here(self, zone: str) -> None:
        with pytest.raises(OSError, match=r"[Nn]o such device|no interface"):
            socket_address(IPv6Address(f"fe80::1%{zone}"), 80)

    def test_an_unknown_zone_is_no_way_out(self) -> None:
        error = refusal(OutgoingSockets("e", PLAIN, PLAIN), IPv6Address("fe80::1%gone0"))
        assert error.reason is ConnectReason.SETUP_SOCKET_FAILED
