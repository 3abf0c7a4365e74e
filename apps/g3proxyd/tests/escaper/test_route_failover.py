"""Two escapers, of which one steps in for the other: in virtual time, with nothing left open."""

import asyncio
from collections.abc import Callable, Coroutine
from ipaddress import ip_address
from typing import Any

import pytest
from escaper.network import Task, elapsed, run_virtually
from escaper.paths import End, make_route
from g3proxyd.escaper.base import ConnectNotes, HttpHop
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.io.stream import Stream
from g3proxyd.upstream import Upstream

KEYS = {"type": "route_failover", "primary_next": "a", "standby_next": "b", "fallback_delay": "1s"}
FAILED = ConnectReason.TIMEOUT_BY_RULE
REFUSED = ConnectReason.FORBIDDEN_REMOTE_ADDRESS
UPSTREAM = Upstream("x.test", 80)

Test = Callable[[Any, ConnectNotes], Coroutine[Any, Any, None]]


def failover(a: End, b: End, test: Test) -> Any:
    """Run a test with a route to both; all sockets have to be closed but the other ends."""
    route = make_route(KEYS, a, b)

    async def main() -> None:
        await test(route, ConnectNotes())
        for peer in a.peers + b.peers:
            peer.close()

    run_virtually(main)
    return route


@pytest.mark.parametrize(
    ("a", "b", "winner", "when"),
    [
        (End("a"), End("b"), "a", 0.0),
        (End("a", delay=0.9), End("b"), "a", 0.9),
        (End("a", delay=3), End("b", delay=0.5), "b", 1.5),
        (End("a", delay=1.2), End("b", delay=0.5), "a", 1.2),
        (End("a", delay=3), End("b", error=FAILED), "a", 3.0),
        (End("a", error=FAILED), End("b", delay=0.5), "b", 0.5),
        (End("a", delay=0.2, error=REFUSED), End("b", delay=0.5), "b", 0.7),
        (End("a", delay=1.2, error=FAILED), End("b", delay=0.5), "b", 1.5),
        (End("a", delay=1.5), End("b", delay=0.5), "a", 1.5),
        (End("a", delay=1.5), End("b", delay=0.5, error=FAILED), "a", 1.5),
        (End("a", delay=1.5, error=FAILED), End("b", delay=0.5), "b", 1.5),
    ],
)
def test_who_connects(a: End, b: End, winner: str, when: float) -> None:
    async def test(route: Any, notes: ConnectNotes) -> None:
        (await route.tcp_connect(UPSTREAM, notes, Task())).close()
        assert (notes.escaper, elapsed()) == (winner, when)

    route = failover(a, b, test)
    assert (route.route_stats.request_passed, route.route_stats.request_failed) == (1, 0)
    assert bool(b.asked) is (winner == "b" or when >= 1)


@pytest.mark.parametrize(
    ("a", "b", "reason", "when"),
    [
        (End("a", error=FAILED), End("b", error=REFUSED), REFUSED, 0.0),
        (End("a", delay=2, error=FAILED), End("b", error=REFUSED), FAILED, 2.0),
        (End("a", delay=0.5, error=FAILED), End("b", delay=5, error=REFUSED), REFUSED, 5.5),
    ],
)
def test_nobody_connects(a: End, b: End, reason: ConnectReason, when: float) -> None:
    async def test(route: Any, notes: ConnectNotes) -> None:
        with pytest.raises(TcpConnectError) as caught:
            await route.tcp_connect(UPSTREAM, notes, Task())
        assert (caught.value.reason, elapsed()) == (reason, when)
        assert notes.escaper == ("a" if reason is FAILED else "b")

    route = failover(a, b, test)
    assert (route.route_stats.request_passed, route.route_stats.request_failed) == (0, 1)


@pytest.mark.parametrize("after", [0.0, 0.5, 1.0, 1.5, 2.0, 2.1])
def test_a_cancelled_request_leaves_nothing_open(after: float) -> None:
    a, b = End("a", delay=2), End("b", delay=1)

    async def test(route: Any, notes: ConnectNotes) -> None:
        request = asyncio.create_task(route.tcp_connect(UPSTREAM, notes, Task()))
        await asyncio.sleep(after)
        request.cancel()
        await asyncio.wait([request])
        if not request.cancelled():
            request.result().close()
        assert len(asyncio.all_tasks()) == 1

    failover(a, b, test)


def test_a_fault_of_ours_is_no_failure_of_the_network() -> None:
    a = End("a")
    a.asked = None  # type: ignore[assignment]  # this is the fault

    async def test(route: Any, notes: ConnectNotes) -> None:
        with pytest.raises(AttributeError):
            await route.tcp_connect(UPSTREAM, notes, Task())

    failover(a, End("b"), test)


def test_other_kinds_of_connections() -> None:
    a, b = End("a", delay=5), End("b", delay=0)
    a.forwards_ftp = b.forwards_ftp = True

    async def test(route: Any, notes: ConnectNotes) -> None:
        hops: list[HttpHop] = [
            await route.http_connect(UPSTREAM, notes, Task()),
            await route.ftp_connect(UPSTREAM, b"GET", notes, Task()),
        ]
        for hop in hops:
            assert hop.proxy
            assert not isinstance(hop.connection, Stream)
            hop.connection.close()
        (await route.udp_connect(UPSTREAM, notes, Task())).close()
        (await route.tcp_connect_beside(UPSTREAM, notes, ConnectNotes(), Task())).close()

    route = failover(a, b, test)
    assert b.asked == [f"{call} x.test:80" for call in ("http", "ftp", "udp", "beside")]
    assert route.forwards_ftp


def test_proxies_that_leave_a_method_to_the_caller() -> None:
    a, b = End("a", delay=1.5), End("b", delay=0.5)
    a.forwards_ftp = b.forwards_ftp = True

    async def test(route: Any, notes: ConnectNotes) -> None:
        assert await route.ftp_connect(UPSTREAM, b"PUT", notes, Task()) is None

    failover(a, b, test)


def test_ftp_is_left_to_the_caller_unless_both_have_proxies_for_it() -> None:
    a, b = End("a"), End("b")
    a.forwards_ftp = True

    async def test(route: Any, notes: ConnectNotes) -> None:
        assert await route.ftp_connect(UPSTREAM, b"GET", notes, Task()) is None

    assert not failover(a, b, test).forwards_ftp
    assert a.asked == []


@pytest.mark.parametrize(("first", "second"), [(None, None), (FAILED, None), (FAILED, REFUSED)])
def test_associations(first: ConnectReason | None, second: ConnectReason | None) -> None:
    a, b = End("a", error=first), End("b", error=second)

    async def test(route: Any, notes: ConnectNotes) -> None:
        if second is not None:
            with pytest.raises(TcpConnectError):
                route.udp_associate(notes, Task())
            return
        outlet = route.udp_associate(notes, Task())
        assert outlet.find(Upstream(ip_address("192.0.2.1"), 53), lambda way: None) == ip_address("192.0.2.1")
        assert notes.escaper == ("a" if first is None else "b")

    route = failover(a, b, test)
    assert (route.route_stats.request_passed, route.route_stats.request_failed) == ((0, 1) if second else (1, 0))
