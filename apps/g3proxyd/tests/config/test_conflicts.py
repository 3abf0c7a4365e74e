"""Listening sockets that get in each other's way."""

from pathlib import Path

import pytest
from g3proxyd.config.conflicts import check_listeners
from g3proxyd.config.nodes import Place, Source
from g3proxyd.config.values.address import parse_socket_address
from g3proxyd.config.values.listen import TcpListen

SOURCE = Source(Path("f"), "")
A_NAME = "expected an address of its own for each server"


def listen(address: str, *, interface: str | None = None, ipv6_only: bool = False) -> TcpListen:
    return TcpListen(address=parse_socket_address(address), ipv6_only=ipv6_only).model_copy(
        update={"interface": interface}
    )


def found(*listeners: TcpListen) -> list[str]:
    places = [(f"s{line}", each, Place(SOURCE, line, 5)) for line, each in enumerate(listeners, start=1)]
    return [str(problem) for problem in check_listeners(places)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("[::]:80", "[::]:80"),
        ("[::]:80", "0.0.0.0:80"),
        ("0.0.0.0:80", "[::]:80"),
    ],
)
def test_taken(first: str, second: str) -> None:
    assert found(listen(first), listen(second)) == [
        f"f:2:5: server s2.listen: {second} is taken by the server s1 at f:1:5; {A_NAME}"
    ]


def test_not_taken() -> None:
    assert found(listen("127.0.0.1:80"), listen("127.0.0.1:81"), listen("127.0.0.2:80"), listen("[::1]:80")) == []
    assert found(listen("[::]:80", ipv6_only=True), listen("0.0.0.0:80")) == []
    assert found(listen("0.0.0.0:80", interface="a"), listen("0.0.0.0:80", interface="b")) == []


def test_port_zero() -> None:
    assert found(listen("127.0.0.1:0"), listen("127.0.0.1:0")) == [
        f"f:{line}:5: server s{line}.listen: port 0 would be a different port at each start; "
        "expected a port from 1 to 65535"
        for line in (1, 2)
    ]
