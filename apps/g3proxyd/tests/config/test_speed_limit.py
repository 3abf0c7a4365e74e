"""Speed limits of single sockets."""

from collections.abc import Callable

import pytest
from g3proxyd.config import Config
from g3proxyd.config.values.speed_limit import SocketSpeedLimit, TcpSockSpeedLimit
from pydantic import TypeAdapter

SERVER = """\
server:
  - {{name: a, type: socks_proxy, escaper: d, listen: 127.0.0.1:80, tcp_sock_speed_limit: {limit}}}
escaper: [{{name: d, type: dummy_deny}}]
"""
AT = "main.yml:2:90: server a.tcp_sock_speed_limit"
READ = TypeAdapter[TcpSockSpeedLimit | None](SocketSpeedLimit)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (1000, TcpSockSpeedLimit(shift_millis=10, upload=1000, download=1000)),
        ("10M", TcpSockSpeedLimit(shift_millis=10, upload=10_000_000, download=10_000_000)),
        ("10M/s", TcpSockSpeedLimit(shift_millis=10, upload=10_000_000, download=10_000_000)),
        (
            {"shift_millis": 12, "upload": "1KiB", "download": 5},
            TcpSockSpeedLimit(shift_millis=12, upload=1024, download=5),
        ),
        ({"shift_millis": 0, "upload": 5, "download": 5}, None),
        ({}, None),
        (None, None),
    ],
)
def test_limit(data: object, value: TcpSockSpeedLimit | None) -> None:
    assert READ.validate_python(data) == value


@pytest.mark.parametrize(
    "spelling", ["upload: 1, download: 2", "north: 1, south: 2", "North-Bytes: 1, download_bytes: 2"]
)
def test_both_directions_have_other_names(spelling: str, config: Callable[..., Config]) -> None:
    limit = config(SERVER.format(limit=f"{{shift: 1, {spelling}}}")).servers["a"].model_dump()["tcp_sock_speed_limit"]
    assert limit == {"shift_millis": 1, "upload": 1, "download": 2}


@pytest.mark.parametrize(
    ("limit", "messages"),
    [
        ("0", [f"{AT}: a limit of 0 would stop all traffic; expected bytes per second such as 10M, or a map"]),
        ("true", [f"{AT}: true is not a speed limit; expected bytes per second such as 10M, or a map"]),
        ("fast", [(f"{AT}: 'fast' is not a size; expected a number of bytes, or a whole number with a unit "
                  "such as 64KiB (1024) or 64KB (1000; K means KB)")]),
        ("{shift: 13}", [f"{AT.replace('90', '98')}.shift: 13 is out of range; expected a whole number from 0 to 12"]),
        (
            "{shift: 10, upload: 0}",
            [
                f"{AT}: a limit of 0 would stop all traffic: 'download' is missing or 0",
                f"{AT.replace('90', '102')}.upload: a limit of 0 would stop all traffic: 'upload' is missing or 0",
            ],
        ),
    ],
)  # fmt: skip
def test_wrong(limit: str, messages: list[str], problems: Callable[..., list[str]]) -> None:
    assert problems(SERVER.format(limit=limit)) == messages


def test_a_map_that_limits_nothing(warnings: Callable[..., list[str]]) -> None:
    assert warnings(SERVER.format(limit="{upload: 1}")) == [f"{AT}: no limit applies: 'shift_millis' is not set"]
