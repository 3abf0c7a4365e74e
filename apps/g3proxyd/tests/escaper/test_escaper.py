"""Escapers by their configuration, the one that denies, and the upstream that tasks hand them."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from escaper.network import FakeResolver, Task, run_virtually
from g3proxyd.config.escaper import DirectFixedConfig, DummyDenyConfig, EscaperConfig
from g3proxyd.escaper import ConnectNotes, ConnectReason, TcpConnectError, make_escaper
from g3proxyd.escaper.direct_fixed import DirectFixedEscaper
from g3proxyd.escaper.dummy_deny import DummyDenyEscaper
from g3proxyd.log.discard import DiscardSink
from g3proxyd.log.logger import Logger
from g3proxyd.resolver.deny_all import DenyAllResolver
from g3proxyd.upstream import Upstream

LOGGER = Logger("Escape", DiscardSink())


def test_each_type_has_its_class() -> None:
    resolver = FakeResolver()
    direct = make_escaper(DirectFixedConfig(name="out", resolver="dns"), {"dns": resolver}, LOGGER)
    assert isinstance(direct, DirectFixedEscaper)
    assert (direct.name, direct.type_name, direct._resolver) == ("out", "DirectFixed", resolver)
    deny = make_escaper(DummyDenyConfig(name="no"), {}, LOGGER)
    assert isinstance(deny, DummyDenyEscaper)
    assert (deny.name, deny.type_name) == ("no", "DummyDeny")


def test_a_missing_resolver_denies() -> None:
    direct = make_escaper(DirectFixedConfig(name="out", resolver="gone"), {}, LOGGER)
    assert isinstance(direct, DirectFixedEscaper)
    assert isinstance(direct._resolver, DenyAllResolver)
    assert direct._resolver.name == "gone"


def test_a_type_without_a_class() -> None:
    with pytest.raises(TypeError, match="no escaper for EscaperConfig"):
        make_escaper(EscaperConfig(name="e", type="other"), {}, LOGGER)


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
