"""IP addresses, socket addresses and network interfaces."""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from g3proxyd.config.values.address import (
    SocketAddress,
    parse_interface,
    parse_ip,
    parse_ipv4,
    parse_ipv6,
    parse_listed_address,
    parse_socket_address,
)

ADDRESS = "expected an address and a port such as 127.0.0.1:8080 or [::1]:8080"
LISTED = f"{ADDRESS}, @name:port or $NAME of the environment"


def found(*addresses: str) -> Callable[..., list[tuple[object, ...]]]:
    """What socket.getaddrinfo would say."""
    return lambda host, port, **_: [(0, 0, 0, "", (address, port)) for address in addresses]


def test_ip() -> None:
    assert parse_ip("192.0.2.1") == IPv4Address("192.0.2.1")
    assert parse_ip("2001:db8::1") == IPv6Address("2001:db8::1")
    assert parse_ipv4("192.0.2.1") == IPv4Address("192.0.2.1")
    assert parse_ipv6("::1") == IPv6Address("::1")


@pytest.mark.parametrize("data", ["", "192.0.2", "192.0.2.256", "010.0.0.1", "[::1]", "a.test", 1, None, 3221225985])
def test_not_an_ip(data: object, refused: Callable[..., list[str]]) -> None:
    (message,) = refused(parse_ip, data)
    assert message.endswith("is not an IP address; expected an address such as 192.0.2.1 or 2001:db8::1")


def test_the_other_family(refused: Callable[..., list[str]]) -> None:
    assert refused(parse_ipv4, "::1") == ["::1 is not an IPv4 address; expected an address such as 192.0.2.1"]
    assert refused(parse_ipv6, "192.0.2.1") == [
        "192.0.2.1 is not an IPv6 address; expected an address such as 2001:db8::1"
    ]
    (message,) = refused(parse_ipv6, "::ffff:192.0.2.1")
    assert message.endswith("maps an IPv4 address; expected an IPv6 address of its own")


@pytest.mark.parametrize(
    ("data", "host", "port", "text"),
    [
        ("127.0.0.1:53", "127.0.0.1", 53, "127.0.0.1:53"),
        ("[::1]:53", "::1", 53, "[::1]:53"),
        ("[127.0.0.1]:1234", "127.0.0.1", 1234, "127.0.0.1:1234"),
        ("0.0.0.0:0", "0.0.0.0", 0, "0.0.0.0:0"),
        ("[fe80::1%lo]:65535", "fe80::1%lo", 65535, "[fe80::1%lo]:65535"),
    ],
)
def test_socket_address(data: str, host: str, port: int, text: str) -> None:
    address = parse_socket_address(data)
    assert address == SocketAddress(ip_address(host), port)
    assert str(address) == text


@pytest.mark.parametrize(
    "data", ["", "127.0.0.1", "::1:80", "127.0.0.1:65536", "127.0.0.1:", "127.0.0.1:-1", ":80", 80]
)
def test_not_a_socket_address(data: object, refused: Callable[..., list[str]]) -> None:
    (message,) = refused(parse_socket_address, data)
    assert message.endswith(f"is not a socket address; {ADDRESS}")


def test_socket_address_of_a_name(refused: Callable[..., list[str]]) -> None:
    assert refused(parse_socket_address, "a.test:80") == [f"'a.test' is not an IP address; {ADDRESS}"]
    assert refused(parse_listed_address, "a.test:80") == [f"'a.test' is not an IP address; {LISTED}"]


def test_port_in_quotes(refused: Callable[..., list[str]]) -> None:
    assert refused(parse_listed_address, "8080") == [f"'8080' is not a socket address; {LISTED}; suggested [::]:8080"]


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch, refused: Callable[..., list[str]]) -> None:
    monkeypatch.setenv("LISTEN", "[::1]:8080")
    assert parse_listed_address("$LISTEN") == SocketAddress(IPv6Address("::1"), 8080)
    monkeypatch.setenv("LISTEN", "8080")
    assert refused(parse_listed_address, "$LISTEN") == [
        f"in the environment variable 'LISTEN': '8080' is not a socket address; {ADDRESS}"
    ]
    monkeypatch.delenv("LISTEN")
    assert refused(parse_listed_address, "$LISTEN") == [
        f"the environment variable 'LISTEN' is not set; {ADDRESS} in it"
    ]


def test_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", found("192.0.2.1", "192.0.2.1"))
    assert parse_listed_address("@a.test:80") == SocketAddress(IPv4Address("192.0.2.1"), 80)


@pytest.mark.parametrize("data", ["@192.0.2.1:80", "@[2001:db8::1]:80"])
def test_an_address_is_not_looked_up(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "getaddrinfo")
    assert parse_listed_address(data).port == 80


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("@a.test", "'@a.test' is not a name and a port; expected @name:port"),
        ("@a.test:x", "'@a.test:x' is not a name and a port; expected @name:port"),
        ("@a.test:99999", "'@a.test:99999' is not a name and a port; expected @name:port"),
        (
            "@a.test:80",
            "'a.test' has 2 addresses (192.0.2.1, 2001:db8::1); expected a name with one address",
        ),
    ],
)
def test_not_looked_up(
    data: str, message: str, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., list[str]]
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", found("2001:db8::1", "192.0.2.1"))
    assert refused(parse_listed_address, data) == [message]


@pytest.mark.parametrize("error", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_lookup_that_fails(
    error: Exception, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., list[str]]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert refused(parse_listed_address, "@a.test:80") == [
        f"cannot look up 'a.test': {error}; expected a name that can be looked up now"
    ]


@pytest.fixture
def interfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "if_nameindex", lambda: [(1, "lo"), (2, "eth0")])


@pytest.mark.parametrize(("data", "name"), [("eth0", "eth0"), (1, "lo"), ("2", "eth0")])
def test_interface(data: object, name: str, interfaces: None) -> None:
    assert parse_interface(data) == name


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (3, "no network interface has the index 3; expected one of eth0, lo"),
        ("eth1", "no network interface is called 'eth1'; expected one of eth0, lo; suggested eth0"),
        ("", "'' is not the name of a network interface; expected one of eth0, lo"),
        (
            "a-name-that-is-too-long",
            "'a-name-that-is-too-long' is not the name of a network interface; expected one of eth0, lo",
        ),
        (True, "true is not the name of a network interface; expected one of eth0, lo"),
    ],
)
def test_not_an_interface(data: object, message: str, interfaces: None, refused: Callable[..., list[str]]) -> None:
    assert refused(parse_interface, data) == [message]
