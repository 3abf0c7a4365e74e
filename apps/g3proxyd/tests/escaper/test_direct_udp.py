"""UDP of the direct escaper by its configuration."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine
from ipaddress import IPv4Address
from typing import Any

import pytest
from escaper.network import FakeResolver, Records, Task, elapsed, host, run_virtually
from g3_escape import EgressPath, Family
from g3proxyd.config.escaper import DirectFixedConfig
from g3proxyd.escaper.base import ConnectNotes
from g3proxyd.escaper.direct_fixed import DirectFixedEscaper
from g3proxyd.escaper.dummy_deny import DummyDenyEscaper
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.log.logger import Logger
from g3proxyd.resolver.base import Query
from g3proxyd.resolver.errors import server_error
from g3proxyd.upstream import Upstream

V4, V6 = Family.IPV4, Family.IPV6
LOOPBACK = ["127.0.0.0/8", "::1/128"]


class Scene:
    """An escaper, its resolver, and what it writes."""

    def __init__(self, resolver: FakeResolver, config: dict[str, Any]) -> None:
        self.resolver = resolver
        self.notes = ConnectNotes()
        self.sink = Records()
        keys = {"name": "out", "resolver": "fake", "egress_network_filter": LOOPBACK, **config}
        config_ = DirectFixedConfig.model_validate(keys)
        self.escaper = DirectFixedEscaper(config_, resolver, Logger("Escape", self.sink))

    async def find(self, name: str) -> str | ConnectReason:
        """The address that a target is sent to, or the reason why there is none."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        outlet = self.escaper.udp_associate(self.notes, Task())
        found = outlet.find(upstream(name), future.set_result)
        if isinstance(found, Query):
            found = await future
        assert not future.done() or future.result() is found
        return found.reason if isinstance(found, TcpConnectError) else str(found)

    async def fail(self, name: str) -> ConnectReason:
        with pytest.raises(TcpConnectError) as caught:
            await self.escaper.udp_connect(upstream(name), self.notes, Task())
        return caught.value.reason


def upstream(name: str) -> Upstream:
    with contextlib.suppress(ValueError):
        return Upstream(host(name), 53)
    return Upstream(name, 53)


def escape(
    test: Callable[[Scene], Coroutine[Any, Any, None]], resolver: FakeResolver | None = None, **config: Any
) -> None:
    async def main() -> None:
        await test(Scene(resolver or FakeResolver(), config))

    run_virtually(main)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("::ffff:127.0.0.9", "127.0.0.9"),
        ("192.0.2.1", ConnectReason.FORBIDDEN_REMOTE_ADDRESS),
        ("::ffff:192.0.2.1", ConnectReason.FORBIDDEN_REMOTE_ADDRESS),
    ],
)
def test_an_address(name: str, found: str | ConnectReason) -> None:
    async def test(scene: Scene) -> None:
        assert await scene.find(name) == found
        assert scene.resolver.asked == []
        assert scene.escaper.stats.task_total == 1
        assert scene.notes.escaper == "out"

    escape(test)


@pytest.mark.parametrize("delay", [None, 0.5])
@pytest.mark.parametrize(
    ("v4", "v6", "found", "asked"),
    [
        ("127.0.0.1", "::1", "127.0.0.1", [V4]),
        ("", "::1", "::1", [V4, V6]),
        ("192.0.2.1", "::1", "::1", [V4, V6]),
        ("192.0.2.1 127.0.0.2", "::1", "127.0.0.2", [V4]),
        (server_error("NOTFOUND", "no such name"), "::1", "::1", [V4, V6]),
        ("", "", ConnectReason.NO_ADDRESS_CONNECTED, [V4, V6]),
        ("192.0.2.1", "", ConnectReason.FORBIDDEN_REMOTE_ADDRESS, [V4, V6]),
        (server_error("NOTFOUND", "no"), "2001:db8::1", ConnectReason.FORBIDDEN_REMOTE_ADDRESS, [V4, V6]),
        ("192.0.2.1", server_error("NOTFOUND", "no"), ConnectReason.FORBIDDEN_REMOTE_ADDRESS, [V4, V6]),
        (server_error("NOTFOUND", "no"), "", ConnectReason.RESOLVE_FAILED, [V4, V6]),
    ],
)
def test_a_name(delay: float | None, v4: Any, v6: Any, found: str | ConnectReason, asked: list[Family]) -> None:
    async def test(scene: Scene) -> None:
        assert await scene.find("a.test") == found
        assert [family for _, family in scene.resolver.asked] == ([V4, V6] if delay else asked)
        assert elapsed() == (delay or 0.0)

    escape(test, FakeResolver(v4=(delay, v4), v6=(delay, v6)), resolve_strategy="ipv4_first")


@pytest.mark.parametrize(
    ("v4", "v6", "found", "after"),
    [
        ((0.5, "127.0.0.1"), (0.2, "::1"), "::1", 0.25),
        ((0.24, "127.0.0.1"), (0.2, "::1"), "127.0.0.1", 0.24),
        ((0.2, "127.0.0.1"), (9, "::1"), "127.0.0.1", 0.2),
        ((9, "127.0.0.1"), (None, "::1"), "::1", 0.05),
        ((0.5, "127.0.0.1"), (0.2, ""), "127.0.0.1", 0.5),
        ((0.5, "127.0.0.1"), (0.2, "2001:db8::1"), "127.0.0.1", 0.5),
        ((0.22, ""), (0.2, "::1"), "::1", 0.22),
        ((None, ""), (0.2, "::1"), "::1", 0.2),
    ],
)
def test_the_preferred_family_has_a_head_start(v4: Any, v6: Any, found: str, after: float) -> None:
    async def test(scene: Scene) -> None:
        assert await scene.find("a.test") == found
        assert elapsed() == after
        await asyncio.sleep(20)  # nothing comes a second time

    escape(test, FakeResolver(v4=v4, v6=v6), resolve_strategy="ipv4_first")


def test_the_strategy_and_the_switches_choose_the_families() -> None:
    async def both(scene: Scene) -> None:
        assert await scene.find("a.test") == "::1"
        assert scene.resolver.asked == [("a.test", V6)]

    answers = {"v4": (None, "127.0.0.1"), "v6": (None, "::1")}
    escape(both, FakeResolver(**answers), resolve_strategy="ipv6_first")

    async def only(scene: Scene) -> None:
        assert await scene.find("a.test") == "::1"
        assert await scene.find("127.0.0.1") == ConnectReason.FORBIDDEN_ADDRESS_FAMILY

    escape(only, FakeResolver(**answers), no_ipv4=True)


def test_a_redirected_name() -> None:
    async def test(scene: Scene) -> None:
        assert await scene.find("a.test") == "127.0.0.7"
        assert await scene.find("b.test") == "127.0.0.1"
        assert [name for name, _ in scene.resolver.asked] == ["c.test"]

    redirection = {"a.test": "127.0.0.7", "b.test": "c.test"}
    escape(test, FakeResolver(v4=(None, "127.0.0.1")), resolve_redirection=redirection)


def test_a_lookup_that_is_cancelled_answers_nobody() -> None:
    async def test(scene: Scene) -> None:
        answers: list[Any] = []
        query = scene.escaper.udp_associate(scene.notes, Task()).find(upstream("a.test"), answers.append)
        assert isinstance(query, Query)
        query.cancel()
        query.cancel()
        await asyncio.sleep(5)
        assert answers == []
        assert [q.cancelled for q in scene.resolver.queries] == [True, True]
        assert scene.resolver.asked == [("a.test", V4), ("a.test", V6)]

    escape(test, FakeResolver(v4=(1.0, ""), v6=(1.0, "::1")))


def test_sockets_are_bound_and_have_their_options() -> None:
    async def test(scene: Scene) -> None:
        outlet = scene.escaper.udp_associate(scene.notes, Task())
        with outlet.open(4) as sock:
            assert sock.getsockname()[0] == "127.0.0.8"
            assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_TTL) == 9
            assert sock.type == socket.SOCK_DGRAM
            assert scene.notes.next_bind_ip == IPv4Address("127.0.0.8")
        with pytest.raises(TcpConnectError) as caught:
            outlet.open(6)
        assert caught.value.reason is ConnectReason.ESCAPER_NOT_USABLE
        assert scene.notes.udp_speed_limit is not None
        assert scene.notes.udp_speed_limit.upload_bytes == 5000

    escape(test, bind_ip="127.0.0.8", udp_misc_opts={"time_to_live": 9}, udp_sock_speed_limit=5000)


def test_without_an_address_the_interface_is_the_one() -> None:
    async def test(scene: Scene) -> None:
        for version, any_address in ((4, "0.0.0.0"), (6, "::")):
            with scene.escaper.udp_associate(scene.notes, Task()).open(version) as sock:
                assert sock.getsockname()[0] == any_address
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"lo"

    escape(test, bind_interface="lo")


def test_an_address_that_is_not_ours_is_no_way_out() -> None:
    async def test(scene: Scene) -> None:
        assert await scene.fail("127.0.0.1") is ConnectReason.SETUP_SOCKET_FAILED
        (record,) = scene.sink.written
        assert record["escape_type"] == "UdpSendto"
        assert record["upstream"] == "127.0.0.1:53"
        assert record["reason"] == "SetupSocketFailed"
        assert record["task_id"] == Task().task_id

    escape(test, bind_ip="192.0.2.77")


@pytest.mark.parametrize("name", ["127.0.0.1", "::1", "a.test", "b.test"])
def test_a_connected_socket(name: str) -> None:
    async def test(scene: Scene) -> None:
        with await scene.escaper.udp_connect(upstream(name), scene.notes, Task()) as sock:
            there = {"::1": "::1", "b.test": "::1"}.get(name, "127.0.0.1")
            assert sock.getpeername()[:2] == (there, 53)
            assert not sock.getblocking()
            assert scene.notes.next_bound_addr == sock.getsockname()
            assert scene.notes.next_peer_addr is not None
            assert scene.notes.next_peer_addr[:2] == (there, 53)
            assert scene.sink.written == []

    resolver = FakeResolver(v4=(0.5, "127.0.0.1" if name == "a.test" else ""), v6=(0.5, "::1"))
    escape(test, resolver)


def test_failures_to_connect_are_logged() -> None:
    async def test(scene: Scene) -> None:
        assert await scene.fail("192.0.2.1") is ConnectReason.FORBIDDEN_REMOTE_ADDRESS
        assert await scene.fail("a.test") is ConnectReason.RESOLVE_FAILED
        assert [record["reason"] for record in scene.sink.written] == ["ForbiddenRemoteAddress", "ResolveFailed"]

    error = server_error("SERVFAIL", "broken")
    escape(test, FakeResolver(v4=(0.1, error), v6=(0.1, error)))


def test_an_address_that_nothing_leads_to() -> None:
    async def test(scene: Scene) -> None:
        # IPv6 on a loopback-only device has no way to elsewhere: the kernel says so at once.
        reason = await scene.fail("ff02::1%nothing")
        assert reason is ConnectReason.CONNECT_FAILED

    escape(test, egress_network_filter={"default": "permit", "permit": "ff00::/8"})


def test_a_cancelled_connect_leaves_nothing() -> None:
    async def test(scene: Scene) -> None:
        connecting = asyncio.create_task(scene.escaper.udp_connect(upstream("a.test"), scene.notes, Task()))
        await asyncio.sleep(0.5)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        assert [query.cancelled for query in scene.resolver.queries] == [True, True]

    escape(test, FakeResolver(v4=(1.0, "127.0.0.1")))


@pytest.mark.parametrize(("allowed", "number", "found"), [(True, 2, {8}), (True, 0, {9}), (False, 2, {7, 8, 9})])
def test_a_request_that_chooses_the_address(allowed: bool, number: int, found: set[int]) -> None:
    async def test(scene: Scene) -> None:
        task = Task(egress_path=EgressPath(numbers={"out": number}))
        seen = set()
        for _ in range(1 if allowed else 100):
            with await scene.escaper.udp_connect(upstream("127.0.0.1"), scene.notes, task):
                seen.add(int(str(scene.notes.next_bind_ip)[-1]))
        assert seen == found

    escape(test, bind_ip=[f"127.0.0.{number}" for number in (7, 8, 9)], enable_path_selection=allowed)


def test_an_escaper_without_udp_refuses() -> None:
    async def main() -> None:
        escaper, notes = DummyDenyEscaper("no"), ConnectNotes()
        with pytest.raises(TcpConnectError) as caught:
            await escaper.udp_connect(upstream("127.0.0.1"), notes, Task())
        assert caught.value.reason is ConnectReason.METHOD_UNAVAILABLE
        with pytest.raises(TcpConnectError):
            escaper.udp_associate(notes, Task())
        assert (notes.escaper, escaper.stats.task_total) == ("no", 2)

    run_virtually(main)
