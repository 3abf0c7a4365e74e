"""Listening sockets that get in each other's way, and next hops that are listening sockets of ours."""

from collections.abc import Callable
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


BACK = """
resolver: [{name: dns, type: deny_all}]
escaper:
  - {name: direct, type: direct_fixed, resolver: dns}
  - {name: out, type: proxy_http, proxy_addr: ["192.0.2.1:3128", "HOP"]}
  - {name: socks, type: proxy_socks5, proxy_addr: "127.0.0.1:8080"}
  - {name: chosen, type: route_client, default_next: direct, exact_match: [{next: out, ips: 192.0.2.7}]}
server:
  - {name: http, type: http_proxy, escaper: ESCAPER, listen: "LISTEN"}
  - {name: other, type: socks_proxy, escaper: socks, listen: "127.0.0.1:1080"}
  - {name: behind, type: http_proxy, escaper: direct}
  - {name: front, type: plain_tcp_port, server: behind, listen: "127.0.0.1:81"}
"""
ITSELF = "server http -> escaper out -> server http"


@pytest.mark.parametrize(
    ("escaper", "listen", "hop", "way"),
    [
        ("out", "127.0.0.1:8080", "127.0.0.1:8080", ITSELF),
        ("out", "[::]:8080", "127.0.0.1:8080", ITSELF),
        ("out", "0.0.0.0:8080", "127.0.0.1:8080", ITSELF),
        ("chosen", "127.0.0.1:8080", "127.0.0.1:8080", "server http -> escaper chosen -> escaper out -> server http"),
        (
            "out",
            "127.0.0.1:8080",
            "127.0.0.1:1080",
            "server http -> escaper out -> server other -> escaper socks -> server http",
        ),
        ("out", "127.0.0.1:8080", "127.0.0.1:81", None),
        ("out", "127.0.0.1:8080", "127.0.0.1:8081", None),
        ("out", "0.0.0.0:8080", "192.0.2.1:8080", None),
        ("out", "0.0.0.0:8080", "[::1]:8080", None),
        ("direct", "127.0.0.1:8080", "127.0.0.1:8080", None),
    ],
)
def test_next_hops_that_lead_back(
    escaper: str, listen: str, hop: str, way: str | None, warnings: Callable[[str], list[str]]
) -> None:
    told = warnings(BACK.replace("ESCAPER", escaper).replace("LISTEN", listen).replace("HOP", hop))
    ways = [line.partition("may come back without end: ")[2] for line in told]
    # A circle has no beginning: which of its objects comes first does not matter.
    assert [set(each.split(" -> ")) for each in ways] == ([] if way is None else [set(way.split(" -> "))])
