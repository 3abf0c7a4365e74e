"""Targets of an association, in memory but for the sockets that they are sent to."""

import ctypes
import random
import socket
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import cast

import pytest
from g3_socks import pack_header
from g3proxyd.escaper.base import UdpHop, UdpOutlet, UdpWay
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.io.stream import Stream
from g3proxyd.resolver.base import Query
from g3proxyd.task import socks_udp_targets as module
from g3proxyd.task.socks_udp_header import upstream_in
from g3proxyd.task.socks_udp_hop import HopRemote
from g3proxyd.task.socks_udp_remote import Remote
from g3proxyd.task.socks_udp_targets import ManyTargets, OneTarget, Target, packed
from g3proxyd.upstream import Upstream
from udp import bound

HERE = IPv4Address("127.0.0.1")


class Lookup(Query):
    def __init__(self, upstream: Upstream, receive: Callable[[UdpWay], None]) -> None:
        self.upstream = upstream
        self.receive = receive
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Outlet(UdpOutlet):
    """Knows addresses at once; names when the test says so."""

    def __init__(self) -> None:
        self.lookups: list[Lookup] = []
        self.reports: list[tuple[str, ConnectReason]] = []
        self.opened: list[Remote] = []
        self.lost: list[TcpConnectError] = []

    def find(self, upstream: Upstream, receive: Callable[[UdpWay], None]) -> UdpWay | Query:
        if not isinstance(upstream.host, str):
            return upstream.host
        self.lookups.append(Lookup(upstream, receive))
        return self.lookups[-1]

    def open(self, version: int) -> socket.socket:
        raise TcpConnectError(ConnectReason.ESCAPER_NOT_USABLE)

    def remote(self, upstream: Upstream, version: int | UdpHop) -> Remote:
        if version == 6:
            self.open(6)
        if not self.opened:
            self.opened.append(Remote(bound()))
        return self.opened[0]

    def report(self, upstream: Upstream, error: TcpConnectError) -> None:
        self.reports.append((str(upstream), error.reason))


@pytest.fixture
def outlet() -> Iterator[Outlet]:
    outlet = Outlet()
    yield outlet
    for remote in outlet.opened:
        remote.close()


def permits(upstream: Upstream) -> bool:
    return upstream.port != 25


def make(outlet: Outlet) -> ManyTargets:
    return ManyTargets(outlet, permits, outlet.remote, outlet.lost.append)


def found(targets: ManyTargets | OneTarget, host: str | IPv4Address | IPv6Address, port: int) -> Target:
    target = targets.find(pack_header(host, port))
    assert target is not None
    return target


def test_an_address_is_ready_at_once_and_asked_for_once(outlet: Outlet) -> None:
    targets = make(outlet)
    target = found(targets, HERE, 53)
    assert target.remote is outlet.opened[0]
    assert target.sockaddr == ("127.0.0.1", 53)
    assert target.address
    assert found(targets, HERE, 53) is target
    assert found(targets, HERE, 54) is not target


def test_what_waits_for_a_name_goes_first_and_in_order(outlet: Outlet) -> None:
    targets = make(outlet)
    with bound() as peer:
        port = peer.getsockname()[1]
        target = found(targets, "a.test", port)
        for number in range(5):
            targets.wait(target, b"%d" % number)
        outlet.lookups[0].receive(HERE)
        assert target.waiting is None
        target.send(b"5")
        assert [peer.recv(9) for _ in range(6)] == [b"%d" % number for number in range(6)]
        assert found(targets, "a.test", port) is target
        assert len(outlet.lookups) == 1


def test_answers_in_any_order_reach_their_own_targets(outlet: Outlet) -> None:
    targets = make(outlet)
    with bound() as one, bound() as other:
        for name, sock in (("one.test", one), ("other.test", other)):
            for number in range(3):
                target = found(targets, name, sock.getsockname()[1])
                targets.wait(target, f"{name} {number}".encode())
        for lookup in random.Random(3).sample(outlet.lookups, 2):
            lookup.receive(HERE)
        for name, sock in (("one.test", one), ("other.test", other)):
            assert [sock.recv(99).decode() for _ in range(3)] == [f"{name} {number}" for number in range(3)]


def test_a_name_without_an_address_is_reported_once(outlet: Outlet) -> None:
    targets = make(outlet)
    target = found(targets, "a.test", 53)
    targets.wait(target, b"lost")
    outlet.lookups[0].receive(TcpConnectError(ConnectReason.RESOLVE_FAILED))
    target = found(targets, "a.test", 53)
    assert (target.remote, target.waiting) == (None, None)
    target.send(b"lost as well")
    assert outlet.reports == [("a.test:53", ConnectReason.RESOLVE_FAILED)]


def test_an_address_that_cannot_be_sent_to_is_reported(outlet: Outlet) -> None:
    targets = make(outlet)
    assert found(targets, IPv6Address("::1"), 53).remote is None
    found(targets, "a.test", 53)
    outlet.lookups[0].receive(ip_address("fe80::1%nothing"))
    assert outlet.reports == [
        ("[::1]:53", ConnectReason.ESCAPER_NOT_USABLE),
        ("a.test:53", ConnectReason.ESCAPER_NOT_USABLE),
    ]
    found(targets, "b.test", 53)
    # A zone that this machine lacks, on a family that works.
    targets._remote = lambda upstream, version: outlet.remote(upstream, 4)
    outlet.lookups[1].receive(ip_address("fe80::1%nothing"))
    assert outlet.reports[2:] == [("b.test:53", ConnectReason.SETUP_SOCKET_FAILED)]


def test_what_the_rules_forbid_is_not_even_looked_up(outlet: Outlet) -> None:
    targets = make(outlet)
    assert found(targets, "a.test", 25).remote is None
    assert found(targets, HERE, 25).remote is None
    assert outlet.lookups == []
    assert outlet.reports == []


@pytest.mark.parametrize(
    "raw", [b"", b"\0\0\0\1", b"\0\0\1" + pack_header(HERE, 53)[3:], b"\0\0\0\3\3a b\0\x35", b"\0\0\0\3\1.\0\x35"]
)
def test_garbage_has_no_target(raw: bytes, outlet: Outlet) -> None:
    assert make(outlet).find(raw) is None
    assert upstream_in(raw) is None


def test_lookups_are_limited(outlet: Outlet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOKUPS_MAX", 2)
    targets = make(outlet)
    first = pack_header("a.test", 53)
    assert targets.find(first) is not None
    assert targets.find(pack_header("b.test", 53)) is not None
    assert targets.find(pack_header("c.test", 53)) is None
    assert targets.find(pack_header(HERE, 53)) is not None
    assert targets.find(first) is not None
    outlet.lookups[0].receive(HERE)
    assert targets.find(pack_header("c.test", 53)) is not None


def test_addresses_whose_way_is_looked_up_are_limited_too(outlet: Outlet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOKUPS_MAX", 2)
    lookups: list[Lookup] = []

    def find(upstream: Upstream, receive: Callable[[UdpWay], None]) -> Query:
        lookups.append(Lookup(upstream, receive))
        return lookups[-1]

    monkeypatch.setattr(outlet, "find", find)
    targets = make(outlet)
    assert [targets.find(pack_header(HERE, port)) is not None for port in (1, 2, 3, 4)] == [True, True, False, False]
    assert [lookup.cancelled for lookup in lookups] == [False, False, True, True]


def test_what_waits_is_limited(outlet: Outlet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", 3)
    monkeypatch.setattr(module, "WAITING_BYTES_MAX", 10)
    targets = make(outlet)
    a, b = found(targets, "a.test", 53), found(targets, "b.test", 53)
    for payload in (b"1", b"2", b"3", b"4"):
        targets.wait(a, payload)
    assert a.waiting == [b"1", b"2", b"3"]
    targets.wait(b, b"12345678")
    assert b.waiting == []
    targets.wait(b, b"1234567")
    targets.wait(b, b"x")
    assert b.waiting == [b"1234567"]
    outlet.lookups[0].receive(TcpConnectError(ConnectReason.RESOLVE_FAILED))
    targets.wait(b, b"xyz")
    assert b.waiting == [b"1234567", b"xyz"]
    targets.wait(a, b"too late")
    assert a.waiting is None


def test_the_oldest_target_is_forgotten(outlet: Outlet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TARGETS_MAX", 2)
    targets = make(outlet)
    name = found(targets, "a.test", 53)
    targets.wait(name, b"lost")
    found(targets, HERE, 1)
    found(targets, HERE, 2)
    assert outlet.lookups[0].cancelled
    assert name.waiting is None
    assert found(targets, "a.test", 53) is not name
    assert len(outlet.lookups) == 2


def test_the_end_cancels_what_is_looked_up(outlet: Outlet) -> None:
    targets = make(outlet)
    found(targets, "a.test", 53)
    found(targets, HERE, 53)
    targets.close()
    assert outlet.lookups[0].cancelled
    targets.close()


def test_one_target_in_any_clothes(outlet: Outlet) -> None:
    others: list[Upstream] = []
    remote = outlet.remote(Upstream("a.test", 53), 4)
    targets = OneTarget(pack_header("a.test", 53), Upstream("a.test", 53), remote, others.append)
    target = found(targets, "a.test", 53)
    assert (target.remote, target.address, target.sockaddr) == (remote, 0, None)
    assert found(targets, "A.Test.", 53) is target
    assert targets.find(b"\0\0\1\1") is None
    assert others == []
    for host, port in (("a.test", 54), ("b.test", 53)):
        assert targets.find(pack_header(host, port)) is None
    assert others == [Upstream("a.test", 54), Upstream("b.test", 53)]
    targets.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_socket_addresses_are_those_of_the_kernel(host: str) -> None:
    """The C library builds the same from the same parts."""
    with bound(host) as sock, bound(host) as peer:
        target = Target(Upstream(ip_address(host), 1))
        remote = Remote(sock)
        target.aim(remote, peer.getsockname())
        target.send(b"x")
        assert peer.recv(9) == b"x"
    assert len(packed(("127.0.0.1", 80))) == 16
    assert packed(("127.0.0.1", 80))[2:8] == b"\0\x50\x7f\0\0\1"
    link = packed(("fe80::1", 80, 0, 7))
    assert len(link) == 28
    assert link[2:24] == b"\0\x50" + bytes(4) + IPv6Address("fe80::1").packed
    assert 7 in (int.from_bytes(link[24:], "little"), int.from_bytes(link[24:], "big"))


class HopOutlet(Outlet):
    """One hop for all; the test says when."""

    single_way = True

    def __init__(self, proxy: socket.socket) -> None:
        super().__init__()
        sock = bound()
        sock.connect(proxy.getsockname())
        self.hop = UdpHop(sock, cast(Stream, sock))

    def find(self, upstream: Upstream, receive: Callable[[UdpWay], None]) -> UdpWay | Query:
        self.lookups.append(Lookup(upstream, receive))
        return self.lookups[-1]

    def remote(self, upstream: Upstream, version: int | UdpHop) -> Remote:
        assert version is self.hop
        if not self.opened:
            self.opened.append(HopRemote(self.hop))
        return self.opened[0]


CLOTHES = [
    (pack_header(HERE, 53), pack_header(HERE, 53)),
    (b"\0\0\0\4" + IPv6Address("::ffff:127.0.0.1").packed + b"\0\x35", pack_header(HERE, 53)),
    (b"\0\0\0\3\x09127.0.0.1\0\x35", pack_header(HERE, 53)),
    (b"\0\0\0\3\x07A.Test.\0\x35", pack_header("a.test", 53)),
    (pack_header(IPv6Address("::1"), 53), pack_header(IPv6Address("::1"), 53)),
]


@pytest.mark.parametrize(("said", "told"), CLOTHES)
def test_a_proxy_is_told_what_the_rules_have_seen(said: bytes, told: bytes) -> None:
    with bound() as proxy:
        outlet = HopOutlet(proxy)
        targets = make(outlet)
        target = targets.find(said)
        assert target is not None
        for payload in (b"a", b"b"):
            targets.wait(target, payload)
        outlet.lookups[0].receive(outlet.hop)
        target.send(b"c")
        assert [proxy.recv(99) for _ in range(3)] == [told + b"a", told + b"b", told + b"c"]
        assert ctypes.string_at(target.header, target.header_size) == told
        assert (target.sockaddr, target.address) == (None, 0)
        outlet.hop.close()


def test_targets_of_one_hop_share_its_socket_and_its_failure() -> None:
    with bound() as proxy:
        outlet = HopOutlet(proxy)
        targets = make(outlet)
        one, other, third = (found(targets, "a.test", port) for port in (1, 2, 3))
        for lookup in outlet.lookups[:2]:
            lookup.receive(outlet.hop)
        assert one.remote is other.remote is outlet.opened[0]
        assert one.head != other.head
        error = TcpConnectError(ConnectReason.TIMEOUT_BY_RULE)
        outlet.lookups[2].receive(error)
        assert third.remote is None
        assert (outlet.lost, outlet.reports) == ([error], [])
        outlet.hop.close()


def test_the_one_target_of_a_hop() -> None:
    with bound() as proxy:
        outlet = HopOutlet(proxy)
        header = pack_header("A.TEST", 53)
        remote = HopRemote(outlet.hop, header)
        target = OneTarget(header, Upstream("a.test", 53), remote, lambda upstream: None).find(header)
        assert target is not None
        target.send(b"x")
        assert proxy.recv(99) == pack_header("a.test", 53) + b"x"
        remote.close()
