"""The pick among escapers whose ways out are published."""

import json
from collections import Counter
from typing import Any

import pytest
from escaper.network import FakeResolver, Records, Task
from g3proxyd.config.escaper import DirectFloatConfig, TrickFloatConfig
from g3proxyd.escaper import Surroundings
from g3proxyd.escaper.base import Escaper
from g3proxyd.escaper.direct_float import DirectFloatEscaper
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.escaper.make import make_escaper
from g3proxyd.escaper.trick_float import TrickFloatEscaper
from g3proxyd.log.logger import Logger
from g3proxyd.upstream import Upstream

UPSTREAM = Upstream("a.test", 80)


def test_each_is_picked_as_often_as_it_has_ways() -> None:
    relays: Any = None
    escapers: dict[str, Escaper] = {}
    around = Surroundings(relays, {"r": FakeResolver()}, Logger("Escape", Records()), escapers)
    configs = [DirectFloatConfig.model_validate({"name": name, "resolver": "r"}) for name in "abc"]
    for config in configs:
        escapers[config.name] = make_escaper(config, around)
    route = make_escaper(TrickFloatConfig(name="out", next=("a", "b", "c")), around)
    assert isinstance(route, TrickFloatEscaper)
    with pytest.raises(TcpConnectError) as caught:
        route.choose(UPSTREAM, Task())
    assert caught.value.reason is ConnectReason.ESCAPER_NOT_USABLE
    for config, ways in zip(configs, (30, 0, 10), strict=True):
        escaper = escapers[config.name]
        assert isinstance(escaper, DirectFloatEscaper)
        said = {"ipv4": [f"127.0.0.{number}" for number in range(ways // 2)], "ipv6": ["::1"] * (ways // 2)}
        escaper.publish(config.take(json.dumps(said), None).publication)
    picked = Counter(route.choose(UPSTREAM, Task()).name for _ in range(2000))
    assert picked.keys() == {"a", "c"}
    assert 1350 < picked["a"] < 1650  # ten standard deviations are 194
