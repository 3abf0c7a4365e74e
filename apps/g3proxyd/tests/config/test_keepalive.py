"""Keep-alive of TCP and HTTP connections."""

from collections.abc import Callable

import pytest
from g3proxyd.config.values.keepalive import HttpKeepalive, TcpKeepalive

SERVER = """\
server:
  - name: a
    type: http_proxy
    escaper: d
    listen: {{address: 127.0.0.1:80, keepalive: {tcp}}}
    http_forward_upstream_keepalive: {http}
escaper: [{{name: d, type: dummy_deny}}]
"""


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (True, TcpKeepalive(enable=True)),
        (False, TcpKeepalive(enable=False)),
        ("on", TcpKeepalive(enable=True)),
        ("No", TcpKeepalive(enable=False)),
        (30, TcpKeepalive(enable=True, idle_time=30.0)),
        ("2min", TcpKeepalive(enable=True, idle_time=120.0)),
        ({"enable": True, "idle_time": 5}, TcpKeepalive(enable=True, idle_time=5.0)),
        (
            {"enable": "on", "probe_interval": "1s", "probe_count": "3"},
            TcpKeepalive(enable=True, probe_interval=1.0, probe_count=3),
        ),
        ({}, TcpKeepalive()),
    ],
)
def test_tcp(data: object, value: TcpKeepalive) -> None:
    assert TcpKeepalive.model_validate(data) == value


def test_tcp_defaults() -> None:
    keepalive = TcpKeepalive()
    assert (keepalive.enable, keepalive.idle_time) == (False, 60.0)
    assert (keepalive.probe_interval, keepalive.probe_count) == (None, None)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (False, HttpKeepalive(enable=False)),
        ("off", HttpKeepalive(enable=False)),
        ("100ms", HttpKeepalive(enable=True, idle_expire=0.1)),
        ({"idle_expire": 5}, HttpKeepalive(enable=True, idle_expire=5.0)),
    ],
)
def test_http(data: object, value: HttpKeepalive) -> None:
    assert HttpKeepalive.model_validate(data) == value


def test_neither_switch_nor_time(problems: Callable[..., list[str]]) -> None:
    assert problems(SERVER.format(tcp="[1]", http="never")) == [
        (
            "main.yml:5:48: server a.listen.keepalive: a list is not a switch or a duration; "
            "expected true, false or a duration (switches on with that idle_time), or a map"
        ),
        (
            "main.yml:6:38: server a.http_forward_upstream_keepalive: 'never' is not a switch or a duration; "
            "expected true, false or a duration (the idle_expire), or a map"
        ),
    ]


def test_a_map_that_does_not_switch_on(warnings: Callable[..., list[str]]) -> None:
    assert warnings(SERVER.format(tcp="{idle_time: 5}", http="{enable: false, idle_expire: 5}")) == [
        "main.yml:5:48: server a.listen.keepalive: keep-alive stays off: the map does not say 'enable: true'"
    ]
