"""A second connection beside a first one: the same two addresses, another port."""

import asyncio
from ipaddress import IPv4Address
from typing import Any

import pytest
from escaper.network import FakeResolver, Records, Task, network, run_virtually
from g3proxyd.config.escaper import DirectFixedConfig
from g3proxyd.escaper.base import ConnectNotes
from g3proxyd.escaper.direct_fixed import DirectFixedEscaper
from g3proxyd.escaper.dummy_deny import DummyDenyEscaper
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.escaper.sockets import peer_host
from g3proxyd.log.discard import DiscardSink
from g3proxyd.log.logger import Logger, Sink
from g3proxyd.upstream import Upstream


def escaper(sink: Sink | None = None, **config: Any) -> DirectFixedEscaper:
    keys = {"name": "out", "resolver": "fake", "egress_network_filter": ["127.0.0.0/8"], **config}
    resolver = FakeResolver(v4=(None, "127.0.0.9"))
    return DirectFixedEscaper(DirectFixedConfig.model_validate(keys), resolver, Logger("Escape", sink or DiscardSink()))


def test_the_peer_is_the_one_that_answered_and_the_source_is_the_one_that_was_chosen() -> None:
    async def main() -> None:
        with network() as first, network() as second:
            first.listen("127.0.0.9")
            second.listen("127.0.0.9")
            out = escaper(bind_ip=[f"127.0.1.{number}" for number in range(1, 100)])
            for _ in range(5):
                notes, beside = ConnectNotes(), ConnectNotes()
                with await out.tcp_connect(Upstream("a.test", first.port), notes, Task()) as one:
                    # The name may mean another address by now: it is not asked for again.
                    target = Upstream("a.test", second.port)
                    with await out.tcp_connect_beside(target, notes, beside, Task()) as two:
                        assert two.getpeername() == ("127.0.0.9", second.port)
                        assert two.getsockname()[0] == one.getsockname()[0]
                assert beside.next_bind_ip == notes.next_bind_ip
                assert beside.next_bind_ip is not None
                assert (beside.escaper, beside.tcp_connect_tries) == ("out", 1)
            assert out.stats.task_total == 10

    run_virtually(main)


def test_failures_are_reported_with_the_target_that_was_asked_for() -> None:
    async def main() -> None:
        records = Records()
        out = escaper(records)
        first = ConnectNotes(next_peer_addr=("127.0.0.9", 21))
        with pytest.raises(TcpConnectError) as caught:
            await out.tcp_connect_beside(Upstream("a.test", 1), first, ConnectNotes(), Task())
        assert caught.value.reason is ConnectReason.CONNECT_FAILED
        assert records.written[0]["upstream"] == "a.test:1"
        assert records.written[0]["next_peer_addr"] == "127.0.0.9:1"

    run_virtually(main)


def test_the_rules_are_asked_again() -> None:
    async def main() -> None:
        first = ConnectNotes(next_peer_addr=("192.0.2.1", 21))
        with pytest.raises(TcpConnectError) as caught:
            await escaper().tcp_connect_beside(Upstream("a.test", 1), first, ConnectNotes(), Task())
        assert caught.value.reason is ConnectReason.FORBIDDEN_REMOTE_ADDRESS

    run_virtually(main)


def test_the_zone_of_a_peer() -> None:
    assert peer_host(ConnectNotes(next_peer_addr=("192.0.2.1", 21))) == IPv4Address("192.0.2.1")
    assert str(peer_host(ConnectNotes(next_peer_addr=("fe80::1", 21, 0, 7)))) == "fe80::1%7"
    assert str(peer_host(ConnectNotes(next_peer_addr=("2001:db8::1", 21, 0, 0)))) == "2001:db8::1"


def test_an_escaper_that_does_not_choose_addresses_is_asked_for_the_host() -> None:
    asked: list[Upstream] = []

    class Asked(DummyDenyEscaper):
        async def tcp_connect(self, upstream: Upstream, notes: ConnectNotes, task: Any) -> Any:
            asked.append(upstream)
            return await super().tcp_connect(upstream, notes, task)

    async def main() -> None:
        target = Upstream("a.test", 4660)
        with pytest.raises(TcpConnectError):
            await Asked("no").tcp_connect_beside(target, ConnectNotes(), ConnectNotes(), Task())
        assert asked == [target]

    asyncio.run(main())
