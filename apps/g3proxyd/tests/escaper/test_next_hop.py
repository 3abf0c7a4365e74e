"""Which next hop a task gets, how it is connected to, and the talk with it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from escaper.network import FakeResolver, Network, Records, Task, elapsed, host, network, run_virtually
from g3_escape import EgressPath, Pace
from g3_escape import Upstream as Chosen
from g3_http import ConnectClient
from g3_machine import Machine
from g3proxyd.config.escaper import ProxyHttpConfig, ProxySocks5Config
from g3proxyd.escaper import Surroundings
from g3proxyd.escaper.base import ConnectNotes
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.escaper.make import make_escaper
from g3proxyd.escaper.negotiation import Negotiation
from g3proxyd.escaper.next_hop import NextHop, sticky_course
from g3proxyd.escaper.outgoing import tcp_sockets, udp_sockets
from g3proxyd.escaper.proxy_http import ProxyHttpEscaper
from g3proxyd.escaper.race import Course
from g3proxyd.io.poller import Poller
from g3proxyd.io.relay import RelayHost
from g3proxyd.io.stream import Stream
from g3proxyd.io.timers import Wheel
from g3proxyd.log.logger import Logger
from g3proxyd.resolver.errors import server_error
from g3proxyd.upstream import Upstream
from loopback import tcp_pair

TARGET = Upstream("target.test", 443)


class Scene:
    """The next hops of one escaper on a network."""

    def __init__(self, net: Network, resolver: FakeResolver | None = None, **keys: Any) -> None:
        self.net = net
        self.records = Records()
        loop = asyncio.get_running_loop()
        self.poller = Poller(loop)
        resolvers = {} if resolver is None else {"fake": resolver}
        around = Surroundings(RelayHost(self.poller, Wheel(loop)), resolvers, Logger("Escape", self.records), {})
        given = {"name": "out", "resolver": "fake", "proxy_addr": f"127.0.0.1:{net.port}", **keys}
        config = ProxyHttpConfig.model_validate(given)
        escaper = make_escaper(config, around)
        assert isinstance(escaper, ProxyHttpEscaper)
        self.escaper = escaper
        self.hop = NextHop(escaper, config, around)
        self.notes = ConnectNotes()

    async def connect(self, upstream: Upstream = TARGET, **task: Any) -> str:
        """Connect, close, and tell to which address."""
        self.notes = ConnectNotes()
        stream = await self.hop.connect(upstream, self.notes, Task(**task))
        peer: str = stream.sock.getpeername()[0]
        stream.close()
        return peer

    async def fail(self, **task: Any) -> TcpConnectError:
        with pytest.raises(TcpConnectError) as caught:
            await self.connect(**task)
        return caught.value


@contextlib.asynccontextmanager
async def scene(*hosts: str, resolver: FakeResolver | None = None, **keys: Any) -> AsyncIterator[Scene]:
    """The network has these hosts, all with one port; ``{}`` in a next hop stands for it."""
    with network() as net:
        for each in hosts:
            net.listen(each)
        addresses = keys.pop("proxy_addr", None)
        if addresses is not None:
            keys["proxy_addr"] = [each.format(net.port) for each in addresses]
        made = Scene(net, resolver, **keys)
        try:
            yield made
        finally:
            made.poller.close()


def play(main: Coroutine[Any, Any, None]) -> None:
    async def played() -> None:
        await main

    run_virtually(played)


def test_an_address_needs_no_resolver_and_no_permission() -> None:
    async def main() -> None:
        async with scene("127.0.0.1") as s:
            assert await s.connect() == "127.0.0.1"
            assert (s.notes.escaper, s.notes.tcp_connect_tries) == ("out", 1)
            assert s.notes.next_peer_addr == ("127.0.0.1", s.net.port)
            assert s.notes.override_peer is None
            assert s.escaper.stats.task_total == 1
            assert s.escaper.stats.tcp_connect_establish == 1
            assert s.records.written == []

    play(main())


def test_what_the_task_is_told() -> None:
    async def main() -> None:
        limit = {"shift_millis": 6, "upload": "1MB", "download": "2MB"}
        async with scene("127.0.0.1", tcp_sock_speed_limit=limit) as s:
            await s.connect()
            assert s.notes.speed_limit is not None
            assert (s.notes.next_bound_addr or ("", 0))[0] == "127.0.0.1"

    play(main())


def test_there_are_no_datagrams() -> None:
    async def main() -> None:
        async with scene("127.0.0.1") as s:
            with pytest.raises(TcpConnectError) as caught:
                s.escaper.udp_associate(s.notes, Task())
            assert caught.value.reason is ConnectReason.METHOD_UNAVAILABLE

    play(main())


def test_the_addresses_of_a_name_race() -> None:
    resolver = FakeResolver(v4=(None, "127.0.0.3 127.0.0.2"))

    async def main() -> None:
        keys = {"resolve_strategy": {"query": "ipv4_only", "pick": "first"}}
        async with scene("127.0.0.2", resolver=resolver, proxy_addr=["next.test:{}"], **keys) as s:
            s.net.hang("127.0.0.3")
            assert await s.connect() == "127.0.0.2"
            assert elapsed() == 0.25
            assert [name for name, _ in resolver.asked] == ["next.test"]

    play(main())


def test_a_name_that_does_not_resolve() -> None:
    async def main() -> None:
        failed = server_error("NXDOMAIN", "no such name")
        async with scene(resolver=FakeResolver(v4=(None, failed), v6=(None, failed)), proxy_addr=["next.test:1"]) as s:
            assert (await s.fail()).reason is ConnectReason.RESOLVE_FAILED

    play(main())


def test_failures_towards_the_next_hop_are_logged_with_the_target() -> None:
    async def main() -> None:
        async with scene("127.0.0.2", no_ipv6=True, bind_ipv4="127.0.0.8") as s:
            assert (await s.fail()).reason is ConnectReason.CONNECT_FAILED
            (record,) = s.records.written
            assert (record["escaper_type"], record["escaper_name"]) == ("ProxyHttp", "out")
            assert (record["upstream"], record["next_bind_ip"]) == ("target.test:443", "127.0.0.8")
            assert record["next_peer_addr"] == f"127.0.0.1:{s.net.port}"
            assert record["override_peer"] is None

    play(main())


def test_time_for_tcp() -> None:
    async def main() -> None:
        async with scene("127.0.0.9", proxy_addr=["127.0.0.3:{}"], tcp_connect={"each_timeout": "4s"}) as s:
            s.net.hang("127.0.0.3")
            assert (await s.fail()).reason is ConnectReason.TIMEOUT_BY_RULE
            assert elapsed() == 4.0

    play(main())


def test_consistent_policies_look_at_client_and_target() -> None:
    hosts = [f"127.0.0.{number}" for number in range(2, 8)]

    async def main() -> None:
        addresses = [f"{each}:{{}}" for each in hosts]
        async with scene(*hosts, proxy_addr=addresses, proxy_addr_pick_policy="rendezvous") as s:
            assert not s.hop.any_upstream
            found = [
                {
                    await s.connect(Upstream(f"{name}.test", port), client_addr=(spelling + client, port))
                    for port, spelling in ((1, ""), (2, ""), (3, "::ffff:"))  # ports and spellings do not count
                }
                for name in "abcdef"
                for client in ("192.0.2.1", "192.0.2.2")
            ]
            assert {len(each) for each in found} == {1}
            assert len(set.union(*found)) > 2
            users = [{await s.connect(user=f"joe{number}") for _ in range(3)} for number in range(12)]
            assert {len(each) for each in users} == {1}
            assert len(set.union(*users)) > 2

    play(main())


@pytest.mark.parametrize(
    ("addresses", "policy", "any_upstream"),
    [
        (["127.0.0.1:1", "127.0.0.2:1"], "random", True),
        (["127.0.0.1:1", "127.0.0.2:1"], "serial", True),
        (["127.0.0.1:1", "127.0.0.2:1"], "rr", True),
        (["127.0.0.1:1", "127.0.0.2:1"], "ketama", False),
        (["127.0.0.1:1", "127.0.0.2:1"], "jump", False),
        (["127.0.0.1:1"], "ketama", True),
    ],
)
def test_who_may_share_a_connection(addresses: list[str], policy: str, any_upstream: bool) -> None:
    async def main() -> None:
        async with scene(proxy_addr=addresses, proxy_addr_pick_policy=policy) as s:
            assert s.hop.any_upstream is any_upstream

    play(main())


def path(name: str = "out", **chosen: Any) -> EgressPath:
    return EgressPath(upstreams={name: Chosen(**chosen)})


def test_a_request_that_chooses_its_next_hop() -> None:
    async def main() -> None:
        async with scene("127.0.0.1", "127.0.0.5") as s:
            chosen: dict[str, Any] = {"host": host("127.0.0.5"), "port": s.net.port}
            assert await s.connect(egress_path=path("other", **chosen)) == "127.0.0.1"
            assert await s.connect(egress_path=path(**chosen)) == "127.0.0.5"
            assert s.notes.override_peer == Upstream(host("127.0.0.5"), s.net.port)
            await s.fail(egress_path=path(host=host("127.0.0.6"), port=s.net.port))
            assert s.records.written[0]["override_peer"] == f"127.0.0.6:{s.net.port}"

    play(main())


def test_a_key_keeps_a_name_at_one_address() -> None:
    hosts = [f"127.0.0.{number}" for number in range(2, 10)]
    resolver = FakeResolver(v4=(None, " ".join(hosts)))

    async def main() -> None:
        async with scene(*hosts, resolver=resolver, resolve_strategy="ipv4_only") as s:
            found = [
                {await s.connect(egress_path=path(host="next.test", port=s.net.port, sticky=key)) for _ in range(5)}
                for key in ("a", "b", "c", "d", "e")
            ]
            assert {len(each) for each in found} == {1}
            assert len(set.union(*found)) > 2

    play(main())


def test_the_order_behind_the_sticky_address() -> None:
    course = sticky_course(Course((), Pace()), "key")
    assert course.shuffle is not None
    orders = []
    for start in (["127.0.0.3", "127.0.0.1", "127.0.0.2"], ["127.0.0.1", "127.0.0.2", "127.0.0.3"]):
        hosts = [host(each) for each in start]
        course.shuffle(hosts)
        orders.append(hosts)
    assert orders[0] == orders[1]
    assert sorted(map(int, orders[0])) == [int(host(f"127.0.0.{number}")) for number in (1, 2, 3)]
    course.shuffle([])


@contextlib.contextmanager
def talking(seconds: float = 5.0) -> Any:
    loop = asyncio.get_running_loop()
    ours, theirs = tcp_pair()
    poller = Poller(loop)
    stream = Stream(poller, ours, Wheel(loop))
    with theirs:
        yield Negotiation(stream, seconds), theirs
    stream.close()
    poller.close()


def client() -> Machine[Any]:
    return ConnectClient(b"a.test:1")


def test_one_time_limit_for_the_whole_talk() -> None:
    async def main() -> None:
        with talking() as (talk, theirs):
            loop = asyncio.get_running_loop()
            for seconds, piece in ((2, b"HTTP/1.1 100 Go"), (4, b" on\r\n")):
                loop.call_later(seconds, theirs.send, piece)
            with pytest.raises(TcpConnectError) as caught:
                await talk.next_event(client())
            assert caught.value.reason is ConnectReason.NEGOTIATION_PEER_TIMEOUT
            assert 5.0 <= elapsed() <= 5.5
            with pytest.raises(TcpConnectError) as caught:
                await talk.send(bytes(1 << 24))
            assert caught.value.reason is ConnectReason.NEGOTIATION_PEER_TIMEOUT

    play(main())


def test_a_peer_that_is_gone() -> None:
    async def main() -> None:
        with talking() as (talk, theirs):
            theirs.close()
            with pytest.raises(TcpConnectError) as caught:
                await talk.receive()
            assert caught.value.reason is ConnectReason.NEGOTIATION_READ_FAILED
            with pytest.raises(TcpConnectError) as caught:
                while True:
                    await talk.send(b"x")
            assert caught.value.reason is ConnectReason.NEGOTIATION_WRITE_FAILED
            assert caught.value.os_error is not None

    play(main())


KEYS: dict[str, Any] = {
    "bind_interface": "lo",
    "tcp_keepalive": {"enable": True, "idle_time": "90s", "probe_interval": "7s", "probe_count": 3},
    "tcp_misc_opts": {"time_to_live": 9, "type_of_service": 16, "no_delay": False},
}
MADE = {
    (socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16): b"lo",
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE): 1,
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE): 90,
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL): 7,
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT): 3,
    (socket.IPPROTO_IP, socket.IP_TTL): 9,
    (socket.IPPROTO_IP, socket.IP_TOS): 16,
    (socket.IPPROTO_TCP, socket.TCP_NODELAY): 0,
}


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        ({}, {(socket.SOL_SOCKET, socket.SO_KEEPALIVE): 0, (socket.IPPROTO_TCP, socket.TCP_NODELAY): 1}),
        (KEYS, MADE),
    ],
)
def test_options_of_sockets(keys: dict[str, Any], options: dict[tuple[int, ...], int | bytes]) -> None:
    async def main() -> None:
        async with scene("127.0.0.1", **keys) as s:
            stream = await s.hop.connect(TARGET, s.notes, Task())
            found = {option: stream.sock.getsockopt(*option) for option in options}
            stream.close()
            assert {option: _text(value) for option, value in found.items()} == options

    play(main())


def _text(value: int | bytes) -> int | bytes:
    return value.rstrip(b"\0") if isinstance(value, bytes) else value


def test_options_of_socks5() -> None:
    """Its connections are kept alive unless said otherwise: they hold associations."""

    async def main() -> None:
        async with scene("127.0.0.1") as s:
            keys = {"name": "out", "proxy_addr": "127.0.0.1", "udp_misc_opts": {"type_of_service": 8}}
            config = ProxySocks5Config.model_validate(keys)
            with udp_sockets(config, [], s.escaper.stats).open_udp(4)[0] as datagrams:
                assert datagrams.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 8
            with tcp_sockets(config, [], s.escaper.stats).open(host("127.0.0.1"), 1)[0] as sock:
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60

    play(main())


def test_addresses_of_a_next_hop_race() -> None:
    async def main() -> None:
        resolver = FakeResolver(v4=(None, "127.0.0.3 127.0.0.1"), v6=(None, ""))
        eyeballs = {"connection_attempt_delay": "700ms"}
        keys = {"resolve_strategy": {"query": "ipv4_only", "pick": "serial"}, "happy_eyeballs": eyeballs}
        async with scene("127.0.0.1", resolver=resolver, proxy_addr=["next.test:{}"], **keys) as s:
            s.net.hang("127.0.0.3")
            assert await s.connect() == "127.0.0.1"
            assert elapsed() == 0.7
            assert s.notes.tcp_connect_tries == 2

    play(main())
