"""One association at the next proxy for all targets, without any proxy."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, cast

import pytest
from g3_machine import RemoteProtocolError
from g3_socks import AuthenticationError, Granted, MethodError, RefusedError, Reply
from g3proxyd.escaper.base import UdpHop, UdpWay
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.escaper.hop_udp import HopUdp
from g3proxyd.escaper.socks5 import reason_of, relay_address
from g3proxyd.io.stream import Stream
from g3proxyd.resolver.base import Query
from g3proxyd.upstream import Upstream
from loopback import run

A, B = Upstream("a.test", 1), Upstream("b.test", 2)


class Scene:
    """An outlet whose attempt the test ends."""

    def __init__(self) -> None:
        self.asked: list[Upstream] = []
        self.outcome: asyncio.Future[UdpHop] = asyncio.get_running_loop().create_future()
        self.reports: list[TcpConnectError] = []
        self.outlet = HopUdp(self.connect, lambda upstream, error: self.reports.append(error))
        self.found: list[UdpWay] = []

    async def connect(self, upstream: Upstream) -> UdpHop:
        self.asked.append(upstream)
        return await self.outcome

    def find(self, upstream: Upstream, receive: Callable[[UdpWay], None] | None = None) -> UdpWay | Query:
        return self.outlet.find(upstream, receive or self.found.append)

    async def settle(self) -> None:
        """Until the attempt is over."""
        while self.outlet._asking is not None:
            await asyncio.sleep(0)


def hop() -> UdpHop:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    return UdpHop(sock, cast(Stream, sock))


def play(main: Callable[[Scene], Awaitable[None]]) -> None:
    async def scene() -> None:
        await main(Scene())

    run(scene())


def test_one_attempt_for_all_targets() -> None:
    async def main(scene: Scene) -> None:
        assert isinstance(scene.find(A), Query)
        assert isinstance(scene.find(B), Query)
        await asyncio.sleep(0)
        assert scene.asked == [A]
        way = hop()
        scene.outcome.set_result(way)
        await scene.settle()
        assert scene.found == [way, way]
        assert scene.find(B) is way
        assert scene.outlet.single_way
        scene.outlet.close()
        assert way.sock.fileno() == -1
        scene.outlet.close()

    play(main)


def test_a_failure_holds_for_all_targets() -> None:
    async def main(scene: Scene) -> None:
        error = TcpConnectError(ConnectReason.NEGOTIATION_REJECTED)
        scene.find(A)
        scene.outcome.set_exception(error)
        await scene.settle()
        assert scene.found == [error]
        assert scene.find(B) is error
        assert scene.asked == [A]
        scene.outlet.report(A, error)
        assert scene.reports == [error]
        scene.outlet.close()

    play(main)


def test_a_fault_of_ours_is_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def main(scene: Scene) -> None:
        scene.find(A)
        scene.outcome.set_exception(ValueError("a mistake"))
        await scene.settle()
        (error,) = scene.found
        assert isinstance(error, TcpConnectError)
        assert error.reason is ConnectReason.INTERNAL_SERVER_ERROR

    with caplog.at_level(logging.ERROR):
        play(main)
    assert "no UDP association" in caplog.text


def test_the_end_cancels_the_attempt() -> None:
    async def main(scene: Scene) -> None:
        scene.find(A)
        await asyncio.sleep(0)
        scene.outlet.close()
        await asyncio.sleep(0)
        assert scene.outcome.cancelled()
        assert scene.found == []

    play(main)


def test_one_that_is_told_may_end_it_all() -> None:
    async def main(scene: Scene) -> None:
        queries: list[Query] = []

        def receive(way: UdpWay) -> None:
            scene.found.append(way)
            for query in queries:
                query.cancel()
            scene.outlet.close()

        for upstream in (A, B):
            query = scene.find(upstream, receive)
            assert isinstance(query, Query)
            queries.append(query)
        way = hop()
        scene.outcome.set_result(way)
        await scene.settle()
        assert scene.found == [way]
        assert way.sock.fileno() == -1

    play(main)


def test_nothing_is_sent_straight() -> None:
    async def main(scene: Scene) -> None:
        with pytest.raises(TcpConnectError):
            scene.outlet.open(4)

    play(main)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (RefusedError(Reply.CONNECTION_TIMED_OUT), ConnectReason.NEGOTIATION_PEER_TIMEOUT),
        (RefusedError(Reply.HOST_UNREACHABLE), ConnectReason.NEGOTIATION_REJECTED),
        (RefusedError(77), ConnectReason.NEGOTIATION_REJECTED),
        (MethodError("none"), ConnectReason.NEGOTIATION_REJECTED),
        (AuthenticationError(1), ConnectReason.NEGOTIATION_REJECTED),
        (RemoteProtocolError("odd"), ConnectReason.NEGOTIATION_PROTOCOL_ERROR),
    ],
)
def test_reasons(fault: RemoteProtocolError, reason: ConnectReason) -> None:
    assert reason_of(fault) is reason


@pytest.mark.parametrize(
    ("told", "own", "transmute", "found"),
    [
        ("192.0.2.1", "192.0.2.9", None, "192.0.2.1"),
        ("0.0.0.0", "192.0.2.9", None, "192.0.2.9"),
        ("::", "192.0.2.9", None, "192.0.2.9"),
        ("0.0.0.0", "2001:db8::9", None, "2001:db8::9"),
        ("::ffff:192.0.2.1", "192.0.2.9", None, "192.0.2.1"),
        ("::ffff:0.0.0.0", "192.0.2.9", None, "192.0.2.9"),
        ("192.0.2.1", "192.0.2.9", {}, "192.0.2.9"),
        ("192.0.2.1", "192.0.2.9", {"192.0.2.1": "192.0.2.2"}, "192.0.2.2"),
        ("192.0.2.3", "192.0.2.9", {"192.0.2.1": "192.0.2.2"}, "192.0.2.3"),
        ("0.0.0.0", "192.0.2.9", {"0.0.0.0": "192.0.2.2"}, "192.0.2.2"),
        ("192.0.2.1", "192.0.2.9", {"192.0.2.1": "0.0.0.0"}, "192.0.2.9"),
        ("fe80::1", "fe80::1%7", None, "fe80::1%7"),
        ("fe80::2", "fe80::1%7", None, "fe80::2"),
    ],
)
def test_where_datagrams_go(told: str, own: str, transmute: dict[str, str] | None, found: str) -> None:
    table: Any = transmute if transmute is None else {ip_address(a): ip_address(b) for a, b in transmute.items()}
    assert relay_address(Granted(ip_address(told), 9), ip_address(own), table) == ip_address(found)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("a.test", 9),
        (IPv4Address("192.0.2.1"), 0),
        (IPv4Address("239.1.1.1"), 9),
        (IPv6Address("ff05::1"), 9),
        (IPv4Address("255.255.255.255"), 9),
    ],
)
@pytest.mark.parametrize("transmute", [None, {IPv4Address(1): IPv4Address(2)}])
def test_where_no_datagrams_go(host: Any, port: int, transmute: Any) -> None:
    with pytest.raises(TcpConnectError) as caught:
        relay_address(Granted(host, port), IPv4Address("192.0.2.9"), transmute)
    assert caught.value.reason is ConnectReason.NEGOTIATION_PROTOCOL_ERROR
