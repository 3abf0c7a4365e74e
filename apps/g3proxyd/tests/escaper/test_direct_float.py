"""Local addresses that come and go, and which of them a connection begins at."""

import json
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from escaper.conftest import AFTER_NOON, NOON
from escaper.network import FakeResolver, Records, Task, host, network, run_virtually
from g3_escape import EgressPath
from g3proxyd.config.escaper import DirectFloatConfig
from g3proxyd.config.escaper.floating import Publication
from g3proxyd.escaper import Surroundings
from g3proxyd.escaper.base import ConnectNotes, Egress
from g3proxyd.escaper.direct_float import DirectFloatEscaper
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.escaper.make import make_escaper
from g3proxyd.log.logger import Logger
from g3proxyd.upstream import Upstream

pytestmark = pytest.mark.usefixtures("clock")


class Scene:
    """An escaper in front of 127.0.0.1 and ::1."""

    def __init__(self, port: int, keys: dict[str, Any], published: Publication | None) -> None:
        self.port = port
        self.records = Records()
        loopback = ["127.0.0.0/8", "::1/128"]
        self.config = DirectFloatConfig.model_validate(
            {"name": "out", "resolver": "fake", "egress_network_filter": loopback, **keys}
        )
        resolver = FakeResolver(v4=(None, "127.0.0.1"), v6=(None, "::1"))
        known = {} if published is None else {"out": published}
        relays: Any = None
        around = Surroundings(relays, {"fake": resolver}, Logger("Escape", self.records), published=known)
        escaper = make_escaper(self.config, around)
        assert isinstance(escaper, DirectFloatEscaper)
        self.escaper = escaper
        self.notes = ConnectNotes()

    def publish(self, **said: Any) -> Publication:
        published = self.config.take(json.dumps(said), None).publication
        self.escaper.publish(published)
        return published

    async def begin(self, to: str = "127.0.0.1", **path: Any) -> str:
        """Connect, and tell from where."""
        self.notes = ConnectNotes()
        task = Task(egress_path=EgressPath(**path) if path else None)
        target = to if to.endswith(".test") else host(to)
        with await self.escaper.tcp_connect(Upstream(target, self.port), self.notes, task) as sock:
            own: str = sock.getsockname()[0]
            assert str(self.notes.next_bind_ip) == own
            return own

    async def fail(self, to: str = "127.0.0.1", **path: Any) -> str:
        with pytest.raises(TcpConnectError) as caught:
            await self.begin(to, **path)
        assert caught.value.reason is ConnectReason.ESCAPER_NOT_USABLE
        return str(caught.value)


def escape(
    test: Callable[[Scene], Coroutine[Any, Any, None]], published: Publication | None = None, **keys: Any
) -> None:
    async def main() -> None:
        with network() as net:
            net.listen("127.0.0.1")
            net.listen("::1")
            await test(Scene(net.port, keys, published))

    run_virtually(main)


def test_nothing_leaves_before_something_is_published() -> None:
    async def test(scene: Scene) -> None:
        assert "none is published" in await scene.fail()
        assert "none is published" in await scene.fail("a.test")
        with pytest.raises(TcpConnectError):
            scene.escaper.udp_associate(scene.notes, Task())
        assert scene.notes.escaper == "out"

    escape(test)


def test_a_connection_begins_at_a_published_address() -> None:
    async def test(scene: Scene) -> None:
        scene.publish(ipv4=["127.0.0.2", "127.0.0.3"])
        assert {await scene.begin() for _ in range(40)} == {"127.0.0.2", "127.0.0.3"}
        assert scene.escaper.ways == 2

    escape(test)


def test_a_family_without_addresses_is_not_usable() -> None:
    async def test(scene: Scene) -> None:
        scene.publish(ipv4="127.0.0.2")
        assert "IPv6" in await scene.fail("::1")
        assert await scene.begin("a.test") == "127.0.0.2"

    escape(test)


def test_a_family_that_is_not_named_stays() -> None:
    async def test(scene: Scene) -> None:
        scene.publish(v6="::1", v4="127.0.0.2")
        scene.publish(ipv4="127.0.0.3")
        assert (await scene.begin(), await scene.begin("::1")) == ("127.0.0.3", "::1")
        scene.publish(ipv4=None)
        assert "IPv4" in await scene.fail()
        assert await scene.begin("::1") == "::1"

    escape(test)


def test_expired_addresses_are_not_used(clock: list[float]) -> None:
    async def test(scene: Scene) -> None:
        scene.publish(ipv4=["127.0.0.2", {"ip": "127.0.0.3", "expire": AFTER_NOON, "id": "a"}])
        assert {await scene.begin() for _ in range(40)} == {"127.0.0.2", "127.0.0.3"}
        clock[0] += 9.9
        assert await scene.begin(ids={"out": "a"}) == "127.0.0.3"
        clock[0] += 0.1
        assert {await scene.begin() for _ in range(40)} == {"127.0.0.2"}
        assert "'a'" in await scene.fail(ids={"out": "a"})
        scene.publish(ipv4={"ip": "127.0.0.3", "expire": AFTER_NOON})
        assert "expired" in await scene.fail()
        assert scene.escaper.ways == 0

    escape(test)


def test_the_last_address_expires(clock: list[float]) -> None:
    async def test(scene: Scene) -> None:
        scene.publish(ipv4={"ip": "127.0.0.3", "expire": AFTER_NOON})
        assert await scene.begin() == "127.0.0.3"
        clock[0] += 10
        assert "expired" in await scene.fail()

    escape(test)


def test_a_request_chooses_by_id() -> None:
    async def test(scene: Scene) -> None:
        scene.publish(
            ipv4=[{"ip": f"127.0.0.{n}", "id": name} for n, name in ((2, "a"), (3, "b"), (4, "c"))],
            ipv6={"ip": "::1", "id": "c"},
        )
        assert {await scene.begin(ids={"out": "b"}) for _ in range(9)} == {"127.0.0.3"}
        assert await scene.begin("::1", ids={"out": "c"}) == "::1"
        assert "IPv6" in await scene.fail("::1", ids={"out": "b"})
        assert "'d'" in await scene.fail(ids={"out": "d"})
        assert len({await scene.begin(ids={"other": "d"}) for _ in range(60)}) == 3

    escape(test)


def test_a_request_brings_an_address() -> None:
    async def test(scene: Scene) -> None:
        assert await scene.begin(values={"out": {"IP": "127.0.0.5", "isp": "x"}}) == "127.0.0.5"
        assert scene.notes.egress == Egress(isp="x")
        assert await scene.begin("::1", values={"out": {"ip": "::1", "expire": AFTER_NOON}}) == "::1"
        past = {"ip": "127.0.0.5", "expire": "2001-01-01T00:00:00Z"}
        assert "time left" in await scene.fail(values={"out": past})
        assert "unknown key" in await scene.fail(values={"out": {"ip": "127.0.0.5", "pi": 3}})
        assert "'ip' is missing" in await scene.fail(values={"out": {}})

    escape(test)


def test_what_is_known_of_the_way(clock: list[float]) -> None:
    async def test(scene: Scene) -> None:
        facts = {"isp": "Example", "eip": "203.0.113.9", "area": "cn/beijing", "expire": AFTER_NOON}
        scene.publish(ipv4={"ip": "127.0.0.2", **facts})
        await scene.begin()
        assert scene.notes.egress == Egress("Example", host("203.0.113.9"), "cn/beijing", NOON + 10)
        with pytest.raises(TcpConnectError):
            await scene.escaper.tcp_connect(Upstream(host("127.0.0.9"), scene.port), ConnectNotes(), Task())
        (record,) = scene.records.written
        assert (record["next_bind_ip"], record["next_expire"]) == ("127.0.0.2", "2030-03-17T17:46:50.000000Z")
        assert record["escaper_type"] == "DirectFloat"

    escape(test)


def test_datagrams_begin_there_too() -> None:
    async def test(scene: Scene) -> None:
        scene.publish(ipv4=[{"ip": "127.0.0.2"}, {"ip": "127.0.0.3", "id": "b", "area": "x"}])
        task = Task(egress_path=EgressPath(ids={"out": "b"}))
        with await scene.escaper.udp_connect(Upstream(host("127.0.0.1"), 53), scene.notes, task) as sock:
            assert sock.getsockname()[0] == "127.0.0.3"
        assert scene.notes.egress == Egress(area="x")

    escape(test)


def test_the_second_connection_of_ftp_begins_where_the_first_does(clock: list[float]) -> None:
    async def test(scene: Scene) -> None:
        scene.publish(ipv4=[{"ip": "127.0.0.2", "expire": AFTER_NOON, "isp": "x"}])
        await scene.begin()
        clock[0] += 10
        scene.publish(ipv4=["127.0.0.3", "127.0.0.4"])
        notes = ConnectNotes()
        upstream = Upstream("a.test", scene.port)
        with await scene.escaper.tcp_connect_beside(upstream, scene.notes, notes, Task()) as sock:
            assert sock.getsockname()[0] == "127.0.0.2"
        assert notes.egress == scene.notes.egress

    escape(test)


def test_what_was_published_before_it_was_made() -> None:
    published: list[Publication] = []

    async def first(scene: Scene) -> None:
        published.append(scene.publish(ipv4="127.0.0.2"))

    async def second(scene: Scene) -> None:
        assert await scene.begin() == "127.0.0.2"

    async def another_type(scene: Scene) -> None:
        assert "none is published" in await scene.fail()

    escape(first)
    escape(second, published[0])
    escape(another_type, Publication("proxy_float", ()))


class TestCacheFiles:
    def test_they_are_read_at_the_start(self, tmp_path: Path) -> None:
        (tmp_path / "four").write_text('[{"ip": "127.0.0.2"}]')
        (tmp_path / "six").write_text('"::1"')

        async def test(scene: Scene) -> None:
            assert (await scene.begin(), await scene.begin("::1")) == ("127.0.0.2", "::1")

        escape(test, cache_ipv4=tmp_path / "four", cache_ipv6=tmp_path / "six")

    @pytest.mark.parametrize("content", ["", " \n", "null\n", "[]"])
    def test_they_may_say_nothing(self, tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture) -> None:
        (tmp_path / "four").write_text(content)

        async def test(scene: Scene) -> None:
            await scene.fail()

        escape(test, cache_ipv4=tmp_path / "four", cache_ipv6=tmp_path / "none")
        assert caplog.records == []

    @pytest.mark.parametrize("content", [b'[{"ip": "127.', b'"::1"', b"\xff", b"{}", b'["127.0.0.2", "x"]'])
    def test_what_cannot_be_read_is_left_alone(
        self, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "four").write_bytes(content)

        async def test(scene: Scene) -> None:
            await scene.fail()
            scene.publish(ipv4="127.0.0.2")
            assert await scene.begin() == "127.0.0.2"

        with caplog.at_level(logging.WARNING):
            escape(test, cache_ipv4=tmp_path / "four")
        assert [str(tmp_path / "four") in record.message for record in caplog.records] == [True]
