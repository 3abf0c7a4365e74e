"""Listening sockets."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import pytest
from g3proxyd.config import Config, SocksProxyConfig
from g3proxyd.config.values.address import SocketAddress
from g3proxyd.config.values.keepalive import TcpKeepalive
from g3proxyd.config.values.listen import TcpListen, parse_scale
from pydantic import ValidationError

SERVER = """\
server:
  - name: a
    type: socks_proxy
    escaper: d
    listen: {listen}
escaper: [{{name: d, type: dummy_deny}}]
"""
LOOPBACK = SocketAddress(IPv4Address("127.0.0.1"), 80)


@pytest.fixture
def listen(config: Callable[..., Config]) -> Callable[[str], TcpListen]:
    """Write and read a listen key."""

    def read(text: str) -> TcpListen:
        server = config(SERVER.format(listen=text)).servers["a"]
        assert isinstance(server, SocksProxyConfig)
        assert server.listen is not None
        return server.listen

    return read


def test_a_port_is_taken_on_all_addresses(listen: Callable[[str], TcpListen]) -> None:
    assert listen("8080") == TcpListen(address=SocketAddress(IPv6Address("::"), 8080))


@pytest.mark.parametrize("text", ["127.0.0.1:80", '"127.0.0.1:80"', "{address: 127.0.0.1:80}", "{Addr: 127.0.0.1:80}"])
def test_an_address(text: str, listen: Callable[[str], TcpListen]) -> None:
    assert listen(text) == TcpListen(address=LOOPBACK)


def test_all_keys(listen: Callable[[str], TcpListen]) -> None:
    text = (
        "{address: 127.0.0.1:80, interface: lo, keepalive: 5s, mss: 1400, backlog: 8, mark: 1, ipv6only: yes, "
        "instance_count: 2, scale: 1/2, follow_cpu_affinity: on}"
    )
    assert listen(text) == TcpListen(
        address=LOOPBACK,
        interface="lo",
        keepalive=TcpKeepalive(enable=True, idle_time=5.0),
        max_segment_size=1400,
        backlog=8,
        netfilter_mark=1,
        ipv6_only=True,
        instance=2,
        scale=0.5,
        follow_cpu_affinity=True,
    )


def test_defaults() -> None:
    listen = TcpListen(address=LOOPBACK)
    assert (listen.backlog, listen.instance, listen.scale) == (4096, 1, 0.0)
    assert (listen.interface, listen.keepalive, listen.max_segment_size, listen.netfilter_mark) == (None,) * 4
    assert (listen.ipv6_only, listen.follow_cpu_affinity) == (False, False)


def test_a_small_backlog_is_taken_for_a_mistake(warnings: Callable[..., list[str]]) -> None:
    assert warnings(SERVER.format(listen="{address: 127.0.0.1:80, backlog: 7}")) == [
        "main.yml:5:37: server a.listen.backlog: 7 is too small: 4096 is used"
    ]
    assert TcpListen(address=LOOPBACK, backlog=7).backlog == 4096


def test_there_is_always_a_socket() -> None:
    assert TcpListen(address=LOOPBACK, instance=0).instance == 1


@pytest.mark.parametrize(
    ("instance", "scale", "parallelism", "sockets"), [(1, 0.0, 8, 1), (3, 0.25, 8, 3), (1, 0.5, 8, 4), (1, 2.0, 8, 16)]
)
def test_sockets(instance: int, scale: float, parallelism: int, sockets: int) -> None:
    assert TcpListen(address=LOOPBACK, instance=instance, scale=scale).sockets(parallelism) == sockets


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("65536", "65536 is out of range; expected a port from 1 to 65535"),
        ("-1", "-1 is out of range; expected a port from 1 to 65535"),
        ("true", "true is not an address to listen on; expected a map, a port (on all addresses) or a socket address"),
        ("", "nothing is not an address to listen on; expected a map, a port (on all addresses) or a socket address"),
        ("22:22", ("'22' is not an IP address; expected an address and a port such as 127.0.0.1:8080 or [::1]:8080, "
                  "@name:port or $NAME of the environment")),
        ("0", "port 0 would be a different port at each start; expected a port from 1 to 65535"),
        ("{backlog: 9}", "the key 'address' is missing"),
    ],
)  # fmt: skip
def test_wrong(text: str, message: str, problems: Callable[..., list[str]]) -> None:
    (problem,) = problems(SERVER.format(listen=text))
    assert problem.startswith("main.yml:5:")
    assert problem.endswith(f"server a.listen: {message}")


@pytest.mark.parametrize(
    ("data", "scale"),
    [(0, 0.0), (2, 2.0), (0.5, 0.5), ("0.5", 0.5), ("50%", 0.5), ("12.5 %", 0.125), ("1/2", 0.5), ("3 / 4", 0.75)],
)
def test_scale(data: object, scale: float) -> None:
    assert parse_scale(data) == scale


@pytest.mark.parametrize("data", ["", "%", "x", "1/0", "1/2/3", "/", True, None, "nan%"])
def test_not_a_scale(data: object, refused: Callable[..., list[str]]) -> None:
    (message,) = refused(parse_scale, data)
    assert message.endswith("is not a share; expected a share such as 0.5, 50% or 1/2")


@pytest.mark.parametrize("data", [-1, "-50%", "-1/2"])
def test_negative_scale(data: object, refused: Callable[..., list[str]]) -> None:
    (message,) = refused(parse_scale, data)
    assert message.endswith("is negative; expected a share such as 0.5, 50% or 1/2")


def test_built_by_hand_with_a_mistake() -> None:
    with pytest.raises(ValidationError, match="not a socket address"):
        TcpListen.model_validate({"address": "x"})
