"""The direct escaper by its configuration."""

import os
import socket
from collections.abc import Callable, Coroutine
from ipaddress import IPv4Address
from typing import Any

import pytest
from escaper.network import FakeResolver, Network, Records, Task, elapsed, host, network, run_virtually
from g3_escape import Family, Pace
from g3proxyd.config.escaper import DirectFixedConfig
from g3proxyd.escaper.base import ConnectNotes
from g3proxyd.escaper.direct_fixed import DirectFixedEscaper
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.log.discard import DiscardSink
from g3proxyd.log.logger import Logger, Sink
from g3proxyd.resolver.errors import server_error
from g3proxyd.upstream import Upstream

V4, V6 = Family.IPV4, Family.IPV6
LOOPBACK = ["127.0.0.0/8", "::1/128"]


class Scene:
    """An escaper on a network, with everything it writes."""

    def __init__(self, net: Network, resolver: FakeResolver, sink: Sink, config: dict[str, Any]) -> None:
        self.net = net
        self.resolver = resolver
        self.notes = ConnectNotes()
        keys = {"name": "out", "resolver": "fake", "egress_network_filter": LOOPBACK, **config}
        if config.get("egress_network_filter") == "default":
            del keys["egress_network_filter"]
        self.escaper = DirectFixedEscaper(DirectFixedConfig.model_validate(keys), resolver, Logger("Escape", sink))

    async def connect(self, to: str, port: int | None = None) -> str:
        """Connect, close, and tell to which address."""
        try:
            target: Any = host(to)
        except ValueError:
            target = to
        upstream = Upstream(target, self.net.port if port is None else port)
        with await self.escaper.tcp_connect(upstream, self.notes, Task()) as sock:
            self.options = {
                "nodelay": sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
                "keepalive": sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                "device": sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0"),
            }
            peer: str = sock.getpeername()[0]
            return peer

    async def fail(self, to: str, port: int | None = None) -> TcpConnectError:
        with pytest.raises(TcpConnectError) as caught:
            await self.connect(to, port)
        return caught.value


def escape(
    test: Callable[[Scene], Coroutine[Any, Any, None]],
    resolver: FakeResolver | None = None,
    sink: Sink | None = None,
    **config: Any,
) -> None:
    async def main() -> None:
        with network() as net:
            net.listen("127.0.0.1")
            net.listen("::1")
            await test(Scene(net, resolver or FakeResolver(), sink or DiscardSink(), config))

    run_virtually(main)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_address(address: str) -> None:
    async def test(scene: Scene) -> None:
        assert await scene.connect(address) == address
        assert scene.options == {"nodelay": 1, "keepalive": 0, "device": b""}
        notes = scene.notes
        assert (notes.escaper, notes.tcp_connect_tries, notes.speed_limit) == ("out", 1, None)
        assert scene.resolver.asked == []
        assert scene.escaper.stats.task_total == 1
        assert scene.escaper.stats.tcp_connect_establish == 1

    escape(test)


def test_a_mapped_address_is_the_ipv4_address() -> None:
    async def test(scene: Scene) -> None:
        assert await scene.connect("::ffff:127.0.0.1") == "127.0.0.1"
        assert scene.notes.next_peer_addr == ("127.0.0.1", scene.net.port)

    escape(test, no_ipv6=True)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "169.254.9.9", "100::9"])
def test_the_default_filter(address: str) -> None:
    async def test(scene: Scene) -> None:
        error = await scene.fail(address)
        assert error.reason is ConnectReason.FORBIDDEN_REMOTE_ADDRESS
        assert scene.escaper.stats.ip_blocked == 1

    escape(test, egress_network_filter="default")


@pytest.mark.parametrize(("key", "address"), [("no_ipv4", "127.0.0.1"), ("no_ipv6", "::1")])
def test_families_that_are_off(key: str, address: str) -> None:
    async def test(scene: Scene) -> None:
        assert (await scene.fail(address)).reason is ConnectReason.FORBIDDEN_ADDRESS_FAMILY

    options: dict[str, Any] = {key: True}
    escape(test, **options)


class TestNames:
    @pytest.mark.parametrize(
        ("config", "asked", "peer"),
        [
            ({}, [V4, V6], "127.0.0.1"),
            ({"resolve_strategy": "ipv6_first"}, [V6, V4], "::1"),
            ({"resolve_strategy": "ipv4_only"}, [V4], "127.0.0.1"),
            ({"resolve_strategy": "ipv6_only"}, [V6], "::1"),
            ({"no_ipv4": True}, [V6], "::1"),
            ({"no_ipv6": True}, [V4], "127.0.0.1"),
        ],
    )
    def test_strategies(self, config: dict[str, Any], asked: list[Family], peer: str) -> None:
        async def test(scene: Scene) -> None:
            assert await scene.connect("a.test") == peer
            assert scene.resolver.asked == [("a.test", family) for family in asked]

        escape(test, FakeResolver(v4=(None, "127.0.0.1"), v6=(None, "::1")), **config)

    def test_the_order_of_the_answer(self) -> None:
        async def test(scene: Scene) -> None:
            await scene.connect("a.test")
            assert scene.notes.tcp_connect_tries == 3

        answer = "127.0.0.2 127.0.0.3 127.0.0.1"
        strategy = {"query": "ipv4_only", "pick": "first"}
        escape(test, FakeResolver(v4=(None, answer)), resolve_strategy=strategy)

    def test_a_random_order(self) -> None:
        tries = set()

        async def test(scene: Scene) -> None:
            for _ in range(60):
                scene.notes = ConnectNotes()
                await scene.connect("a.test")
                tries.add(scene.notes.tcp_connect_tries)

        escape(test, FakeResolver(v4=(None, "127.0.0.2 127.0.0.3 127.0.0.1")), resolve_strategy="ipv4_only")
        assert tries == {1, 2, 3}

    def test_a_name_that_points_inside(self) -> None:
        async def test(scene: Scene) -> None:
            assert (await scene.fail("a.test")).reason is ConnectReason.FORBIDDEN_REMOTE_ADDRESS
            assert scene.escaper.stats.tcp_connect_attempt == 0

        escape(test, FakeResolver(v4=(None, "127.0.0.1"), v6=(None, "::1")), egress_network_filter="default")
        escape(test, FakeResolver(v4=(None, "127.0.0.1"), v6=(0.1, "")), egress_network_filter="default")
        escape(test, FakeResolver(v4=(None, ""), v6=(0.1, "::ffff:127.0.0.1")), egress_network_filter="default")

    def test_a_name_that_is_not_there(self) -> None:
        async def test(scene: Scene) -> None:
            error = await scene.fail("a.test")
            assert error.reason is ConnectReason.RESOLVE_FAILED

        missing = server_error("NOTFOUND", "no such name")
        escape(test, FakeResolver(v4=(0.1, missing), v6=(0.2, missing)))


RULES = {
    "a.test": "127.0.0.1",
    "both.test": ["::1", "127.0.0.1"],
    "b.test": "c.test",
    "map.test": "::ffff:127.0.0.1",
}


class TestRedirection:
    @pytest.mark.parametrize(
        ("name", "strategy", "peer"),
        [
            ("a.test", "ipv4_first", "127.0.0.1"),
            ("a.test", "ipv6_first", "127.0.0.1"),
            ("both.test", "ipv4_first", "127.0.0.1"),
            ("both.test", "ipv6_first", "::1"),
            ("both.test", "ipv6_only", "::1"),
            ("map.test", "ipv4_only", "127.0.0.1"),
        ],
    )
    def test_to_addresses(self, name: str, strategy: str, peer: str) -> None:
        async def test(scene: Scene) -> None:
            assert await scene.connect(name) == peer
            assert scene.resolver.asked == []

        escape(test, resolve_redirection=RULES, resolve_strategy=strategy)

    def test_to_addresses_of_another_family(self) -> None:
        async def test(scene: Scene) -> None:
            assert (await scene.fail("a.test")).reason is ConnectReason.NO_ADDRESS_CONNECTED

        escape(test, resolve_redirection=RULES, resolve_strategy="ipv6_only")

    @pytest.mark.parametrize(("name", "asked"), [("b.test", "c.test"), ("d.test", "d.test")])
    def test_to_a_name(self, name: str, asked: str) -> None:
        async def test(scene: Scene) -> None:
            assert await scene.connect(name) == "127.0.0.1"
            assert scene.resolver.asked == [(asked, V4)]

        resolver = FakeResolver(v4=(None, "127.0.0.1"))
        escape(test, resolver, resolve_redirection=RULES, resolve_strategy="ipv4_only")

    def test_what_it_leads_to_is_checked(self) -> None:
        async def test(scene: Scene) -> None:
            assert (await scene.fail("a.test")).reason is ConnectReason.FORBIDDEN_REMOTE_ADDRESS

        escape(test, resolve_redirection=RULES, egress_network_filter="default")


class TestOptions:
    def test_sockets(self) -> None:
        async def test(scene: Scene) -> None:
            await scene.connect("127.0.0.1")
            assert scene.options == {"nodelay": 0, "keepalive": 1, "device": b"lo"}

        escape(test, tcp_misc_opts={"no_delay": False}, tcp_keepalive=True, bind_interface="lo")

    def test_local_addresses(self) -> None:
        async def test(scene: Scene) -> None:
            await scene.connect("127.0.0.1")
            assert scene.notes.next_bind_ip == IPv4Address("127.0.0.6")
            assert scene.notes.next_bound_addr is not None
            assert scene.notes.next_bound_addr[0] == "127.0.0.6"
            assert (await scene.fail("::1")).reason is ConnectReason.ESCAPER_NOT_USABLE

        escape(test, bind_ip="127.0.0.6")

    def test_the_speed_limit_is_noted(self) -> None:
        async def test(scene: Scene) -> None:
            await scene.fail("127.0.0.2")
            limit = scene.notes.speed_limit
            assert limit is not None
            assert (limit.upload, limit.download) == (1000000, 1000000)

        escape(test, tcp_sock_speed_limit=1000000)

    def test_the_pace(self) -> None:
        async def test(scene: Scene) -> None:
            assert scene.escaper._course.pace == Pace(0.07, 3.0, 2, 0.4, 6, 9.0)

        escape(
            test,
            happy_eyeballs={
                "resolution_delay": "70ms",
                "second_resolution_timeout": "3s",
                "first_address_family_count": 2,
                "connection_attempt_delay": "400ms",
            },
            tcp_connect={"max_retry": 5, "each_timeout": "9s"},
        )

    def test_the_timeout_of_an_address(self) -> None:
        async def test(scene: Scene) -> None:
            scene.net.hang("127.0.0.3")
            assert (await scene.fail("127.0.0.3")).reason is ConnectReason.TIMEOUT_BY_RULE
            assert elapsed() == 4.0

        escape(test, tcp_connect={"each_timeout": "4s"})


class TestLog:
    def test_each_failure_towards_the_remote_side(self) -> None:
        sink = Records()

        async def test(scene: Scene) -> None:
            port = scene.net.port
            await scene.fail("a.test")
            shared = {
                "log_type": "Escape",
                "escaper_type": "DirectFixed",
                "escaper_name": "out",
                "escape_type": "TcpConnect",
                "task_id": "0123456789abcdef0123456789abcdef",
                "upstream": f"a.test:{port}",
                "next_bind_ip": "127.0.0.9",
                "next_bound_addr": None,
                "next_expire": None,
                "reason": "ConnectFailed",
                "override_peer": None,
                "msg": "connecting failed: Connection refused",
            }
            for number, record in enumerate(sink.written, 1):
                assert record.pop("tcp_connect_spend").endswith("s")
                assert record == {
                    **shared,
                    "next_peer_addr": f"127.0.0.{number + 1}:{port}",
                    "tcp_connect_tries": number,
                }
            assert len(sink.written) == 2

        strategy = {"query": "ipv4_only", "pick": "first"}
        resolver = FakeResolver(v4=(None, "127.0.0.2 127.0.0.3"))
        escape(test, resolver, sink, resolve_strategy=strategy, bind_ip="127.0.0.9")

    def test_an_ipv6_address_has_brackets(self) -> None:
        sink = Records()

        async def test(scene: Scene) -> None:
            with socket.socket(socket.AF_INET6) as closed:
                closed.bind(("::1", 0))
                port = closed.getsockname()[1]
            await scene.fail("::1", port)
            (record,) = sink.written
            assert (record["upstream"], record["next_peer_addr"]) == (f"[::1]:{port}", f"[::1]:{port}")

        escape(test, None, sink)

    def test_what_never_went_out_is_not_logged(self) -> None:
        sink = Records()

        async def test(scene: Scene) -> None:
            await scene.fail("169.254.1.1")
            await scene.fail("a.test")

        escape(test, FakeResolver(v4=(None, "169.254.1.1"), v6=(None, "")), sink)
        assert sink.written == []


@pytest.mark.skipif(os.geteuid() != 0, reason="clients' addresses need root")
class TestForeignAddresses:
    """Beside these, `tests/server/test_bind_foreign.py` has machines that are really others."""

    def test_both_connections_of_ftp_come_from_the_client(self) -> None:
        async def test(scene: Scene) -> None:
            upstream = Upstream(IPv4Address("127.0.0.1"), scene.net.port)
            client = Task(client_addr=("127.0.0.77", 7))
            data = ConnectNotes()
            with await scene.escaper.tcp_connect(upstream, scene.notes, client) as control:
                with await scene.escaper.tcp_connect_beside(upstream, scene.notes, data, client) as sock:
                    assert control.getsockname()[0] == sock.getsockname()[0] == "127.0.0.77"
                assert data.next_bind_ip == host("127.0.0.77")

        escape(test, bind_foreign=True, bind_ip=["127.0.0.5"])

    def test_the_port_of_two_connections(self) -> None:
        async def test(scene: Scene) -> None:
            upstream = Upstream(IPv4Address("127.0.0.1"), scene.net.port)
            scene.net.listen("127.0.0.3")
            other = Upstream(IPv4Address("127.0.0.3"), scene.net.port)
            client = Task(client_addr=("127.0.0.77", 41000))
            with await scene.escaper.tcp_connect(upstream, scene.notes, client) as first:
                with await scene.escaper.tcp_connect(other, scene.notes, client) as second:
                    assert first.getsockname() == second.getsockname() == ("127.0.0.77", 41000)
                with pytest.raises(TcpConnectError) as caught:
                    await scene.escaper.tcp_connect(upstream, scene.notes, client)
                assert caught.value.reason in (ConnectReason.CONNECT_FAILED, ConnectReason.SETUP_SOCKET_FAILED)

        escape(test, bind_foreign=True, bind_foreign_port=True)

    def test_the_other_family_is_tried(self) -> None:
        async def test(scene: Scene) -> None:
            upstream = Upstream("both.test", scene.net.port)
            client = Task(client_addr=("::ffff:127.0.0.77", 7))
            with await scene.escaper.tcp_connect(upstream, scene.notes, client) as sock:
                assert sock.getpeername()[0] == "127.0.0.1"
            assert scene.notes.next_bind_ip == host("127.0.0.77")
            with pytest.raises(TcpConnectError) as caught:
                await scene.escaper.tcp_connect(Upstream(host("::1"), 1), scene.notes, client)
            assert caught.value.reason is ConnectReason.ESCAPER_NOT_USABLE

        resolver = FakeResolver(v4=(None, "127.0.0.1"), v6=(None, "::1"))
        escape(test, resolver, bind_foreign=True, resolve_strategy="ipv6_first")
