"""Escapers by their configuration, the one that denies, and the upstream that tasks hand them."""

from ipaddress import IPv4Address, IPv6Address
from types import SimpleNamespace
from typing import cast

import pytest
from escaper.network import FakeResolver, Task, run_virtually
from g3proxyd.config.escaper import ESCAPERS, DirectFixedConfig, DummyDenyConfig
from g3proxyd.escaper import ConnectNotes, ConnectReason, Surroundings, TcpConnectError
from g3proxyd.escaper.direct_fixed import DirectFixedEscaper
from g3proxyd.escaper.dummy_deny import DummyDenyEscaper
from g3proxyd.escaper.make import MAKERS, make_escaper
from g3proxyd.io.poller import Poller
from g3proxyd.io.relay import RelayHost
from g3proxyd.io.timers import Wheel
from g3proxyd.log.discard import DiscardSink
from g3proxyd.log.logger import Logger
from g3proxyd.resolver import Resolver
from g3proxyd.resolver.deny_all import DenyAllResolver
from g3proxyd.upstream import Upstream


def around(**resolvers: Resolver) -> Surroundings:
    relays = RelayHost(cast(Poller, SimpleNamespace(loop=None)), cast(Wheel, None))
    return Surroundings(relays, resolvers, Logger("Escape", DiscardSink()))


def test_each_type_has_its_class() -> None:
    resolver = FakeResolver()
    direct = make_escaper(DirectFixedConfig(name="out", resolver="dns"), around(dns=resolver))
    assert isinstance(direct, DirectFixedEscaper)
    assert (direct.name, direct.type_name, direct._resolver) == ("out", "DirectFixed", resolver)
    deny = make_escaper(DummyDenyConfig(name="no"), around())
    assert isinstance(deny, DummyDenyEscaper)
    assert (deny.name, deny.type_name) == ("no", "DummyDeny")


def test_a_missing_resolver_denies() -> None:
    direct = make_escaper(DirectFixedConfig(name="out", resolver="gone"), around())
    assert isinstance(direct, DirectFixedEscaper)
    assert isinstance(direct._resolver, DenyAllResolver)
    assert direct._resolver.name == "gone"


def test_no_type_is_without_a_class() -> None:
    assert list(MAKERS) == list(ESCAPERS)


def test_dummy_deny() -> None:
    async def main() -> None:
        escaper = DummyDenyEscaper("no")
        notes = ConnectNotes()
        with pytest.raises(TcpConnectError) as caught:
            await escaper.tcp_connect(Upstream("a.test", 80), notes, Task())
        assert caught.value.reason is ConnectReason.METHOD_UNAVAILABLE
        assert (notes.escaper, notes.tcp_connect_tries) == ("no", 0)
        assert escaper.stats.task_total == 1

    run_virtually(main)


@pytest.mark.parametrize(
    ("upstream", "text"),
    [
        (Upstream("a.test", 80), "a.test:80"),
        (Upstream(IPv4Address("192.0.2.1"), 0), "192.0.2.1:0"),
        (Upstream(IPv6Address("2001:db8::1"), 65535), "[2001:db8::1]:65535"),
    ],
)
def test_upstreams_as_text(upstream: Upstream, text: str) -> None:
    assert str(upstream) == text
