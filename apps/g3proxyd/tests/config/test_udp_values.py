"""Values that only UDP has."""

from collections.abc import Callable
from ipaddress import ip_address

import pytest
from g3proxyd.config import Config, SocksProxyConfig
from g3proxyd.config.values.ip_map import parse_ip_transmutation
from g3proxyd.config.values.port_range import PortRange
from g3proxyd.config.values.socket_buffer import SocketBuffer
from g3proxyd.config.values.speed_limit import UdpSocketSpeedLimit, UdpSockSpeedLimit
from pydantic import TypeAdapter, ValidationError

LIMIT = TypeAdapter[UdpSockSpeedLimit | None](UdpSocketSpeedLimit)
SERVER = """\
server:
  - {{name: a, type: socks_proxy, escaper: d, listen: 127.0.0.1:80, {keys}}}
escaper: [{{name: d, type: dummy_deny}}]
"""
AT = "main.yml:2:68: server a"


def socks(found: Config) -> SocksProxyConfig:
    server = found.servers["a"]
    assert isinstance(server, SocksProxyConfig)
    return server


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("10M", UdpSockSpeedLimit(shift_millis=10, upload_bytes=10_000_000, download_bytes=10_000_000)),
        (5, UdpSockSpeedLimit(shift_millis=10, upload_bytes=5, download_bytes=5)),
        ({"shift_millis": 3, "upload_packets": 7}, UdpSockSpeedLimit(shift_millis=3, upload_packets=7)),
        (
            {"shift": 12, "north_bytes": "1KiB", "south_bytes": 2, "north_packets": 3, "south_packets": 4},
            UdpSockSpeedLimit(
                shift_millis=12, upload_bytes=1024, download_bytes=2, upload_packets=3, download_packets=4
            ),
        ),
        ({}, None),
        (None, None),
    ],
)
def test_speed_limit(data: object, value: UdpSockSpeedLimit | None, config: Callable[..., Config]) -> None:
    names = {"shift": "shift_millis", "north_bytes": "upload_bytes", "south_bytes": "download_bytes"}
    names |= {"north_packets": "upload_packets", "south_packets": "download_packets"}
    if isinstance(data, dict):
        written = ", ".join(f"{key}: {number}" for key, number in data.items())
        assert socks(config(SERVER.format(keys=f"udp_sock_speed_limit: {{{written}}}"))).udp_sock_speed_limit == value
        data = {names.get(key, key): number for key, number in data.items()}
    assert LIMIT.validate_python(data) == value


@pytest.mark.parametrize("data", [0, "0", True, "fast", {"shift_millis": 13}, {"upload": 5}])
def test_wrong_speed_limits(data: object) -> None:
    with pytest.raises(ValidationError):
        LIMIT.validate_python(data)


def test_a_speed_limit_that_limits_nothing(warnings: Callable[..., list[str]]) -> None:
    (said,) = warnings(SERVER.format(keys="udp_sock_speed_limit: {upload_packets: 1}"))
    assert said == f"{AT.replace('68', '90')}.udp_sock_speed_limit: no limit applies: 'shift_millis' is not set"


@pytest.mark.parametrize("data", ["8000-9000", " 8000 - 9000 ", {"start": 8000, "end": 9000}])
def test_port_range(data: object) -> None:
    assert PortRange.model_validate(data).ports() == range(8000, 9001)


def test_other_names_of_the_ports(config: Callable[..., Config]) -> None:
    found = socks(config(SERVER.format(keys="udp_bind_port_range: {from: 80, to: '90'}"))).udp_bind_port_range
    assert found == PortRange(start=80, end=90)


@pytest.mark.parametrize("data", ["8000", "9000-8000", "80-80", "0-5", "1-65536", "-5", 8000, ["1-2"], {"start": 5}])
def test_wrong_port_ranges(data: object) -> None:
    with pytest.raises(ValidationError):
        PortRange.model_validate(data)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("1MiB", SocketBuffer(recv=2**20, send=2**20)),
        (512, SocketBuffer(recv=512, send=512)),
        ({"recv": "64KiB"}, SocketBuffer(recv=65536, send=None)),
        ({"send": 5}, SocketBuffer(recv=None, send=5)),
        ({}, SocketBuffer()),
    ],
)
def test_socket_buffer(data: object, value: SocketBuffer) -> None:
    assert SocketBuffer.model_validate(data) == value


def test_other_names_of_the_buffers(config: Callable[..., Config]) -> None:
    for receive in ("receive", "read"):
        found = socks(config(SERVER.format(keys=f"udp_socket_buffer: {{{receive}: 5, write: 6}}")))
        assert found.udp_socket_buffer == SocketBuffer(recv=5, send=6)


@pytest.mark.parametrize("data", ["2GiB", "x", -1, [], {"recv": "2GiB"}, {"send": "2GiB"}])
def test_wrong_socket_buffers(data: object) -> None:
    with pytest.raises(ValidationError):
        SocketBuffer.model_validate(data)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (True, {}),
        ("on", {}),
        (False, None),
        ("no", None),
        ({}, {}),
        (
            {"10.0.0.1": "192.0.2.1", "fd00::1": "2001:db8::1"},
            {
                ip_address("10.0.0.1"): ip_address("192.0.2.1"),
                ip_address("fd00::1"): ip_address("2001:db8::1"),
            },
        ),
    ],
)
def test_addresses_for_addresses(data: object, value: object) -> None:
    assert parse_ip_transmutation(data) == value


def test_wrong_addresses_for_addresses(refused: Callable[..., list[str]]) -> None:
    assert refused(parse_ip_transmutation, "x") == [
        "'x' is not a map; expected true, false, or a map from address to address"
    ]
    assert refused(parse_ip_transmutation, {"a": "10.0.0.1", "10.0.0.1": 5, "10.0.0.2": "10.0.0.3"}) == [
        "['a']; 'a' is not an IP address; expected an address such as 192.0.2.1 or 2001:db8::1",
        "['10.0.0.1']; 5 is not an IP address; expected an address such as 192.0.2.1 or 2001:db8::1",
    ]
    assert refused(parse_ip_transmutation, {str(n): "" for n in range(4097)}) == [
        "4097 entries are too many; expected at most 4096"
    ]


@pytest.mark.parametrize(
    ("key", "given", "used"),
    [
        ("udp_relay_packet_size", "511", 512),
        ("udp_relay_packet_size", "65KiB", 65536),
        ("udp_relay_yield_size", "1", 262_144),
        ("udp_relay_batch_size", "0", 1),
        ("udp_relay_batch_size", "65", 64),
    ],
)
def test_numbers_are_brought_into_range(key: str, given: str, used: int, config: Callable[..., Config]) -> None:
    found = config(SERVER.format(keys=f"{key}: {given}"))
    assert getattr(socks(found), key) == used
    (warning,) = found.warnings
    assert str(warning).startswith(f"{AT}.{key}: ")
    assert "is out of range" in str(warning)


@pytest.mark.parametrize(
    ("key", "given", "used"),
    [
        ("udp_relay_packet_size", "64KiB", 65536),
        ("udp_relay_packet_size", "512", 512),
        ("udp_relay_yield_size", "1GiB", 2**30),
        ("udp_relay_batch_size", "64", 64),
        ("udp_relay_batch_size", "1", 1),
    ],
)
def test_numbers_in_range(key: str, given: str, used: int, config: Callable[..., Config]) -> None:
    found = config(SERVER.format(keys=f"{key}: {given}"))
    assert getattr(socks(found), key) == used
    assert found.warnings == ()


def test_addresses_of_the_wrong_family(problems: Callable[..., list[str]]) -> None:
    assert problems(SERVER.format(keys="udp_bind_ipv4: [127.0.0.1, '::1']")) == [
        f"{AT}.udp_bind_ipv4: ::1 is not an IPv4 address; expected IPv4 addresses"
    ]
    assert problems(SERVER.format(keys="udp_bind_ipv6: 127.0.0.1")) == [
        f"{AT}.udp_bind_ipv6: 127.0.0.1 is not an IPv6 address; expected IPv6 addresses"
    ]
