"""Which peer a task gets, and what becomes of those that a source has."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from escaper.conftest import AFTER_NOON, NOON
from escaper.network import Network, Records, Task, elapsed, host, network, run_virtually
from g3_escape import EgressPath
from g3proxyd.config.escaper import ProxyFloatConfig
from g3proxyd.escaper import Surroundings
from g3proxyd.escaper.base import ConnectNotes
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.escaper.make import make_escaper
from g3proxyd.escaper.peer_members import MAX_LOGGED, PeerMembers, cached_peers
from g3proxyd.escaper.proxy_float import ProxyFloatEscaper
from g3proxyd.escaper.sources import MAX_PEER_SIZE, SourceError, watch
from g3proxyd.io.poller import Poller
from g3proxyd.io.relay import RelayHost
from g3proxyd.io.timers import Wheel
from g3proxyd.log.logger import Logger
from g3proxyd.upstream import Upstream

pytestmark = pytest.mark.usefixtures("clock")
TARGET = Upstream("a.test", 80)


class Scene:
    """An escaper, and peers that take connections at the addresses of a network."""

    def __init__(self, net: Network, keys: dict[str, Any]) -> None:
        self.net = net
        self.config = ProxyFloatConfig.model_validate({"name": "out", **keys})
        loop = asyncio.get_running_loop()
        self.poller = Poller(loop)
        around = Surroundings(RelayHost(self.poller, Wheel(loop)), {}, Logger("Escape", Records()))
        escaper = make_escaper(self.config, around)
        assert isinstance(escaper, ProxyFloatEscaper)
        self.escaper = escaper
        self.notes = ConnectNotes()

    def publish(self, *peers: dict[str, Any]) -> None:
        for peer in peers:
            peer.setdefault("type", "http")
            peer["addr"] = f"127.0.0.{peer['addr']}:{self.net.port}"
        self.escaper.publish(self.config.take(json.dumps(peers), None).publication)

    async def to(self, **path: Any) -> str:
        """Connect for a request, and tell to which peer."""
        self.notes = ConnectNotes()
        hop = await self.escaper.http_connect(TARGET, self.notes, Task(egress_path=EgressPath(**path)))
        hop.connection.close()
        assert self.notes.next_peer_addr is not None
        return self.notes.next_peer_addr[0][len("127.0.0.") :]

    async def fail(self, **path: Any) -> str:
        with pytest.raises(TcpConnectError) as caught:
            await self.to(**path)
        assert caught.value.reason is ConnectReason.ESCAPER_NOT_USABLE
        assert self.notes.escaper == "out"
        return str(caught.value)


def escape(test: Callable[[Scene], Coroutine[Any, Any, None]], **keys: Any) -> None:
    async def main() -> None:
        with network() as net:
            for number in (2, 3, 4):
                net.listen(f"127.0.0.{number}")
            scene = Scene(net, keys)
            try:
                await test(scene)
            finally:
                await scene.escaper.close()
                scene.poller.close()

    run_virtually(main)


def test_without_peers() -> None:
    async def test(scene: Scene) -> None:
        assert "there is no peer" in await scene.fail()
        assert scene.escaper.stats.task_total == 1
        for call in (scene.escaper.tcp_connect, scene.escaper.udp_connect):
            with pytest.raises(TcpConnectError):
                await call(TARGET, scene.notes, Task())
        with pytest.raises(TcpConnectError):
            scene.escaper.udp_associate(scene.notes, Task())
        assert (scene.escaper.ways, scene.escaper.stats.task_total) == (0, 4)

    escape(test)


def test_any_peer_with_and_without_a_name() -> None:
    async def test(scene: Scene) -> None:
        scene.publish({"addr": 2}, {"addr": 3, "id": "a"})
        assert {await scene.to() for _ in range(40)} == {"2", "3"}
        scene.publish({"addr": 4, "isp": "x"})
        assert {await scene.to() for _ in range(9)} == {"4"}
        assert scene.notes.egress is not None
        assert scene.notes.egress.isp == "x"
        scene.publish()
        assert "none is known" in await scene.fail()

    escape(test)


def test_a_request_chooses() -> None:
    async def test(scene: Scene) -> None:
        scene.publish({"addr": 2}, {"addr": 3, "id": "a"}, {"addr": 4, "id": "a"})
        assert {await scene.to(ids={"out": "a"}) for _ in range(40)} == {"3", "4"}
        assert {await scene.to(ids={"other": "a"}) for _ in range(60)} == {"2", "3", "4"}
        assert "the id 'b'" in await scene.fail(ids={"out": "b"})
        value = {"type": "http", "addr": f"127.0.0.3:{scene.net.port}", "colour": "red"}
        assert {await scene.to(values={"out": value}) for _ in range(9)} == {"3"}
        assert "time left" in await scene.fail(values={"out": {**value, "expire": "2001-01-01T00:00:00Z"}})
        assert "the peer of the request.addr" in await scene.fail(values={"out": {**value, "addr": "a.test:80"}})

    escape(test)


def test_peers_that_are_about_to_expire(clock: list[float]) -> None:
    async def test(scene: Scene) -> None:
        scene.publish({"addr": 2, "expire": AFTER_NOON, "id": "a"}, {"addr": 3})
        assert {await scene.to() for _ in range(40)} == {"2", "3"}
        clock[0] += 6.9
        assert await scene.to(ids={"out": "a"}) == "2"
        assert scene.notes.expire == NOON + 10
        clock[0] += 0.1
        assert {await scene.to() for _ in range(40)} == {"3"}
        await scene.fail(ids={"out": "a"})
        assert scene.escaper.ways == 1

    escape(test, expire_guard_duration="3s")


def test_datagrams_are_for_socks_peers() -> None:
    async def test(scene: Scene) -> None:
        scene.publish({"addr": 2, "id": "http"})
        with pytest.raises(TcpConnectError) as caught:
            scene.escaper.udp_associate(scene.notes, Task())
        assert caught.value.reason is ConnectReason.ESCAPER_NOT_USABLE
        for path in ({"ids": {"out": "http"}}, {"values": {"out": {"type": "http", "addr": "127.0.0.2:1"}}}):
            with pytest.raises(TcpConnectError):
                await scene.escaper.udp_connect(TARGET, scene.notes, Task(egress_path=EgressPath(**path)))

    escape(test)


def test_a_peer_is_connected_to_from_the_address_of_its_family() -> None:
    async def test(scene: Scene) -> None:
        scene.publish({"addr": 2})
        await scene.to()
        assert scene.notes.next_bind_ip == host("127.0.0.9")
        assert scene.notes.speed_limit is not None

    escape(test, bind_ipv4="127.0.0.9", tcp_sock_speed_limit="1M")


def test_the_cache_file_at_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "peers"
    path.write_text('[{"type": "http", "addr": "127.0.0.2:80"}, {"type": "ftp", "addr": "127.0.0.2:80"}]')
    assert [str(peer.addr) for peer in cached_peers(path)] == ["127.0.0.2:80"]
    (record,) = caplog.records
    assert f"the cache file {path}: peers[1].type: 'ftp' is not a type of peer" in record.message

    async def test(scene: Scene) -> None:
        assert scene.escaper.ways == 1

    escape(test, cache=path)
    for content, known in (("{", 1), ("", 0), ("5", 1)):
        caplog.clear()
        path.write_text(content)
        assert (cached_peers(path), len(caplog.records)) == ([], known)


class TestMembers:
    def test_they_are_read_one_by_one(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        path = tmp_path / "peers"
        members = PeerMembers("out", path)
        good = b'{"type": "http", "addr": "127.0.0.2:80", "colour": 1}'
        bad = [b"\xff", b"{", b"5", b"[]", b'{"type": "http", "addr": "x\\n"}', b" " * (MAX_PEER_SIZE + 1)]
        found = members.read(frozenset([good, *bad]))
        assert [str(peer.addr) for peer in found] == ["127.0.0.2:80"]
        assert json.loads(path.read_text()) == [json.loads(good)]
        assert len(caplog.records) == 7
        assert all(record.message.startswith("escaper out: ") for record in caplog.records)
        assert all(record.message.isprintable() for record in caplog.records)
        caplog.clear()
        more = b'{"type": "socks5", "addr": "127.0.0.3:80"}'
        assert len(members.read(frozenset([good, more, *bad]))) == 2
        assert members.read(frozenset()) == []
        assert (json.loads(path.read_text()), caplog.records) == ([], [])

    def test_many_mistakes_are_counted(self, caplog: pytest.LogCaptureFixture) -> None:
        assert PeerMembers("out", None).read(frozenset(b"%d" % number for number in range(100))) == []
        assert len(caplog.records) == MAX_LOGGED + 1
        assert "80 more" in caplog.records[-1].message

    def test_the_cache_file_is_written_when_something_has_changed(self, tmp_path: Path) -> None:
        path = tmp_path / "peers"
        one = frozenset([b'{"type": "http", "addr": "127.0.0.2:80"}'])
        PeerMembers("out", path).read(one)
        written = path.stat()
        PeerMembers("out", path).read(one)
        assert path.stat().st_ino == written.st_ino
        PeerMembers("out", path).read(frozenset())
        assert path.stat().st_ino != written.st_ino

    def test_a_cache_file_that_cannot_be_written(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        members = PeerMembers("out", tmp_path / "none" / "peers")
        assert len(members.read(frozenset([b'{"type": "http", "addr": "127.0.0.2:80"}']))) == 1
        assert "cannot be written: No such file or directory" in caplog.text


class Scripted:
    """A source that has this, one thing after the other; the last is what it has from then on."""

    def __init__(self, *script: frozenset[bytes] | Exception) -> None:
        self.script = list(script)
        self.asked: list[float] = []
        self.closed = False

    async def fetch(self) -> frozenset[bytes]:
        self.asked.append(elapsed())
        found = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(found, Exception):
            raise found
        return found

    async def close(self) -> None:
        self.closed = True


def test_a_source_is_looked_at_from_time_to_time(caplog: pytest.LogCaptureFixture) -> None:
    one, two = frozenset([b"1"]), frozenset([b"2"])
    away = SourceError("away")
    source = Scripted(away, SourceError("away"), one, one, away, one, two)
    taken: list[tuple[float, frozenset[bytes]]] = []

    async def take(found: frozenset[bytes]) -> None:
        taken.append((elapsed(), found))

    async def main() -> None:
        watching = asyncio.create_task(watch("out", source, 2.0, take))
        await asyncio.sleep(15)
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching

    with caplog.at_level(logging.INFO):
        run_virtually(main)
    assert taken == [(4.0, one), (12.0, two)]
    assert source.asked == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0]
    assert source.closed
    assert [record.message.partition(": ")[2] for record in caplog.records] == [
        "the peers stay as they are: away",
        "the source of peers can be read again",
        "the peers stay as they are: away",
        "the source of peers can be read again",
    ]


def test_a_fault_of_ours_does_not_end_the_looking(caplog: pytest.LogCaptureFixture) -> None:
    one, two = frozenset([b"1"]), frozenset([b"2"])
    taken: list[frozenset[bytes]] = []

    async def take(found: frozenset[bytes]) -> None:
        if found == one and not taken:
            taken.append(frozenset())
            raise ZeroDivisionError("oops")
        taken.append(found)

    async def main() -> None:
        watching = asyncio.create_task(watch("out", Scripted(RecursionError("deep"), one, one, two), 1.0, take))
        await asyncio.sleep(5)
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching

    run_virtually(main)
    assert taken == [frozenset(), one, two]
    assert [record.exc_info is not None for record in caplog.records] == [True, True]
