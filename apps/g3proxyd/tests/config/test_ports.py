"""Ports and what they lead to: names between servers, PROXY headers, servers without a socket of their own."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from g3proxyd.config import Config, HttpProxyConfig, IntelliProxyConfig, PlainTcpPortConfig, TcpTproxyConfig
from g3proxyd.config.graph import bottom_up, draw
from g3proxyd.control.operations import Change, OperationError
from g3proxyd.supervisor.reload import changes, check
from g3proxyd.supervisor.sockets import identity_of

Lines = Callable[..., list[str]]
Read = Callable[..., Config]

CHAIN = """\
server:
  - {name: front, type: plain_tcp_port, listen: 127.0.0.1:80, server: http}
  - {name: http, type: http_proxy, escaper: d}
escaper: [{name: d, type: dummy_deny}]
"""


def test_a_port(config: Read) -> None:
    found = config(CHAIN)
    assert found.warnings == ()
    front = found.servers["front"]
    assert isinstance(front, PlainTcpPortConfig)
    assert (front.server, front.proxy_protocol, front.proxy_protocol_read_timeout) == ("http", None, 5.0)


@pytest.mark.parametrize("name", ["plain_tcp_port", "PlainTcpPort", "plain-tcp", "plaintcp"])
def test_names_of_the_type(config: Read, name: str) -> None:
    assert config(CHAIN.replace("plain_tcp_port", name)).servers["front"].type == "plain_tcp_port"


def test_the_version_of_the_header(config: Read, problems: Lines) -> None:
    for text, version in (("1", 1), ("2", 2), ("'2'", 2)):
        front = config(CHAIN.replace("server: http", f"server: http, proxy_protocol: {text}")).servers["front"]
        assert isinstance(front, PlainTcpPortConfig)
        assert front.proxy_protocol == version
    (problem,) = problems(CHAIN.replace("server: http", "server: http, proxy_protocol: 3"))
    assert "front.proxy_protocol: 3 is out of range; expected a whole number from 1 to 2" in problem


def test_a_header_needs_time(problems: Lines, config: Read) -> None:
    keys = "server: http, proxy_protocol: 1, proxy_protocol_read_timeout: 0"
    (problem,) = problems(CHAIN.replace("server: http", keys))
    assert "front.proxy_protocol_read_timeout: 0 would leave no time for the header" in problem
    config(CHAIN.replace("server: http", "server: http, proxy_protocol_read_timeout: 0"))


def test_a_port_listens_and_leads_somewhere(problems: Lines) -> None:
    text = "server: [{name: a, type: plain_tcp_port}, {name: b, type: plain_tcp_port, listen: 80, server: c}]"
    assert [line.partition(": ")[2] for line in problems(text)] == [
        "server a: the key 'listen' is missing",
        "server a: the key 'server' is missing",
        "server b.server: there is no server called 'c'; expected one of a, b",
    ]


def test_two_ports_on_one_address(problems: Lines) -> None:
    (problem,) = problems(CHAIN.replace("escaper: d}", "escaper: d, listen: 127.0.0.1:80}"))
    assert "server http.listen: 127.0.0.1:80 is taken by the server front" in problem


def test_a_missing_name_and_the_nearest_one(problems: Lines) -> None:
    (problem,) = problems(CHAIN.replace("server: http", "server: htp"))
    assert problem.startswith("main.yml:2:71: server front.server: there is no server called 'htp'")
    assert problem.endswith("did you mean 'http'?")


def test_a_circle_of_ports(problems: Lines) -> None:
    text = """\
    server:
      - {name: a, type: plain_tcp_port, listen: 80, server: b}
      - {name: b, type: plain_tcp_port, listen: 81, server: a}
    """
    (problem,) = problems(text)
    assert problem.endswith("the names lead in a circle: server a -> server b -> server a")


def test_a_server_that_nobody_reaches(warnings: Lines) -> None:
    (warning,) = warnings(CHAIN.replace("server: http", "server: other") + ALONE)
    assert warning.endswith(
        "server http: no client can reach this server: 'listen' is not set, and no other server leads to it"
    )


ALONE = "---\nserver: [{name: other, type: dummy_close}]\n"


def test_the_graph(config: Read) -> None:
    assert "  server_0 --> server_1\n" in draw(config(CHAIN), "mermaid")


def objects(config: Config, **servers: Mapping[str, object]) -> Config:
    """The configuration with these keys of its servers changed."""
    changed = {name: model.model_copy(update=servers.get(name, {})) for name, model in config.servers.items()}
    return replace(config, servers=changed)


def test_a_reload_rebuilds_what_stands_in_front(config: Read) -> None:
    old = config(CHAIN)
    for new, expected in (
        (objects(old, http={"log_uri_max_chars": 5}), {"front": Change.REBUILT, "http": Change.REBUILT}),
        (objects(old, front={"proxy_protocol": 1}), {"front": Change.REBUILT, "http": Change.KEPT}),
        (old, {"front": Change.KEPT, "http": Change.KEPT}),
    ):
        found = {change.name: change.change for change in changes(old, new) if change.name != "d"}
        assert found == expected


def test_single_reloads_that_make_a_circle_are_refused(config: Read) -> None:
    old = config(
        """\
        server:
          - {name: a, type: plain_tcp_port, listen: 80, server: b}
          - {name: b, type: plain_tcp_port, listen: 81, server: c}
          - {name: c, type: dummy_close}
        """
    )
    check(old)
    with pytest.raises(OperationError) as refused:
        check(objects(old, b={"server": "a"}))
    assert refused.value.details == ("server a leads back to itself", "server b leads back to itself")


def test_what_is_led_to_is_built_first(config: Read) -> None:
    found = config(CHAIN)
    assert bottom_up(found.servers, "server") == ["http", "front"]
    assert isinstance(found.servers["http"], HttpProxyConfig)
    assert bottom_up({}, "server") == []


def test_a_transparent_server(config: Read, problems: Lines) -> None:
    text = "server: [{name: t, type: TcpTproxy, escaper: d, listen: 80}]\nescaper: [{name: d, type: dummy_deny}]\n"
    server = config(text).servers["t"]
    assert isinstance(server, TcpTproxyConfig)
    assert server.transparent()
    assert identity_of(server) != identity_of(HttpProxyConfig(name="h", escaper="d", listen=server.listen))
    assert [line.partition(": ")[2] for line in problems(text.replace("listen: 80", "auth_by_server_ip: yes"))] == [
        "server t: the key 'listen' is missing",
        "server t.auth_by_server_ip: not supported yet: users and their authentication arrive with the user groups",
    ]


INTELLI = """\
server:
  - {name: both, type: intelli_proxy, listen: 80, http_server: http, socks_server: socks, KEYS}
  - {name: http, type: http_proxy, escaper: d}
  - {name: socks, type: socks_proxy, escaper: d}
escaper: [{name: d, type: dummy_deny}]
"""


def test_a_port_for_both(config: Read, problems: Lines, warnings: Lines) -> None:
    found = config(INTELLI.replace("KEYS", "proxy_protocol: 2"))
    both = found.servers["both"]
    assert isinstance(both, IntelliProxyConfig)
    assert (both.http_server, both.socks_server, both.protocol_detection_timeout) == ("http", "socks", 4.0)
    assert both.proxy_protocol == 2
    assert found.warnings == ()
    assert bottom_up(found.servers, "server") == ["socks", "http", "both"]
    assert config(INTELLI.replace("KEYS", "").replace("intelli_proxy", "PpdpTcp")).servers["both"].type == both.type
    (problem,) = problems(INTELLI.replace("KEYS", "protocol_detection_timeout: 0"))
    assert "server both.protocol_detection_timeout: 0 would leave no time for a byte" in problem
    ignored = "protocol_detection_channel_size: 5, protocol_detection_max_jobs: x"
    assert len(warnings(INTELLI.replace("KEYS", ignored))) == 2
