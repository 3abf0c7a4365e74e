"""What hosts get by their names, and the hosts that an sni_proxy allows."""

import pickle
from collections.abc import Callable
from ipaddress import ip_address

import pytest
from g3proxyd.config import Config, SniProxyConfig
from g3proxyd.config.server.sni_proxy import SniProxyHost, parse_allowed_host
from g3proxyd.config.values.host_match import HostMatch, parse_host_match

Refused = Callable[[Callable[[object], object], object], list[str]]
BOOLEAN = "true or false (also on/off, yes/no, 1/0)"

Lines = Callable[..., list[str]]

parse = parse_host_match(parse_allowed_host)

SERVER = """\
server: [{{name: s, type: sni_proxy, escaper: d, listen: 443, {keys}}}]
escaper: [{{name: d, type: dummy_deny}}]
"""


def test_exact_then_the_longest_parent_then_the_default() -> None:
    found = parse(
        [
            {"exact_match": ["A.Example.", "192.0.2.1"], "redirect_port": 1},
            {"child_match": "example", "redirect_port": 2},
            {"Child-Match": [".b.example", "c.test"], "redirect_port": "3", "redirect_host": "Z.test"},
            {"redirect_port": 4},
        ]
    )

    def port(host: str) -> int | None:
        allowed = found.find(ip_address(host) if host[0].isdigit() else host)
        assert allowed is not None
        return allowed.redirect_port

    assert [port(host) for host in ("a.example", "192.0.2.1")] == [1, 1]
    assert [port(host) for host in ("example", "x.a.example", "bb.example")] == [2, 2, 2]
    assert [port(host) for host in ("b.example", "x.y.b.example", "c.test")] == [3, 3, 3]
    assert [port(host) for host in ("test", "192.0.2.2", "xc.test")] == [4, 4, 4]
    assert found.find("c.test") == SniProxyHost(redirect_host="z.test", redirect_port=3)


def test_one_map_and_no_default() -> None:
    found = parse({"exact_match": "a.test"})
    assert found.find("a.test") == SniProxyHost()
    assert found.find("x.a.test") is None
    assert found.find(ip_address("::1")) is None
    assert found == parse([{"exact_match": ["a.test"]}])
    assert found != parse([{"exact_match": ["b.test"]}])


def test_a_default_beside_names() -> None:
    found = parse([{"child_match": "a.test", "set_default": "yes", "redirect_port": 5}, {"exact_match": "b.test"}])
    assert found.find("x.test") == SniProxyHost(redirect_port=5)
    assert parse({"exact_match": "a.test", "set_default": False}).find("b.test") is None
    assert parse({"set_default": False}).find("b.test") == SniProxyHost()


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        ([], ["no host at all; expected one map or a list of maps"]),
        ("a.test", ["'a.test' is not a map; expected a map with exact_match, child_match or set_default"]),
        ([{"exact_match": "a"}, {"exact_match": "A."}], ["[1]['exact_match']; a is matched twice"]),
        ({"child_match": ["a", "a"]}, ["['child_match']; a is matched twice"]),
        ({"child_match": "192.0.2.1"}, ["['child_match']; '192.0.2.1' is an address; expected a domain name"]),
        ({"child_match": 5}, ["['child_match']; 5 is no host; expected a host name or an address"]),
        ([{"redirect_port": 1}, {"set_default": 1, "exact_match": "a"}], ["[1]; there is a default already"]),
        ({"set_default": "1x"}, [f"['set_default']; '1x' is not a boolean; expected {BOOLEAN}"]),
        ({"redirect_prt": 1}, ["['redirect_prt']; unknown key; suggested redirect_port"]),
        ({"redirect_port": 1, "Redirect-Port": 1}, ["['Redirect-Port']; given twice"]),
        (
            {"redirect_port": 0, "redirect_host": "a b"},
            [
                "['redirect_port']; 0 is out of range; expected a whole number from 1 to 65535",
                "['redirect_host']; 'a b' is no host name: it holds ' '; expected a host name or an address",
            ],
        ),
    ],
)  # fmt: skip
def test_mistakes(data: object, messages: list[str], refused: Refused) -> None:
    assert refused(parse, data) == messages


def test_a_server(config: Callable[..., Config]) -> None:
    server = config(SERVER.format(keys="allowed_sites: {exact_match: a.test}, listen_transparent: yes")).servers["s"]
    assert isinstance(server, SniProxyConfig)
    assert isinstance(server.allowed_hosts, HostMatch)
    assert server.allowed_hosts.find("a.test") == SniProxyHost()
    assert server.transparent()
    plain = SniProxyConfig(name="s", escaper="d")
    assert (plain.allowed_hosts, plain.transparent(), plain.tls_max_client_hello_size) == (None, False, 65536)
    assert (plain.request_wait_timeout, plain.request_recv_timeout) == (60.0, 4.0)
    address = SniProxyHost(redirect_host=ip_address("::1"), redirect_port=1)
    assert pickle.loads(pickle.dumps(address)) == address


def test_values_that_leave_no_room(problems: Lines) -> None:
    (line,) = problems(SERVER.format(keys="tls_max_client_hello_size: 255"))
    assert "server s.tls_max_client_hello_size: 255 is too small for any client; expected at least 256" in line
    lines = problems(SERVER.format(keys="request_wait_timeout: 0, request_recv_timeout: 0s"))
    assert [line.partition(": ")[2] for line in lines] == [
        "server s.request_wait_timeout: 0 would leave no time for anything; expected a duration above zero",
        "server s.request_recv_timeout: 0 would leave no time for anything; expected a duration above zero",
    ]


@pytest.mark.parametrize("key", ["protocol_inspection", "server_tcp_portmap", "client_tcp_portmap"])
def test_keys_of_inspection_come_later(key: str, problems: Lines) -> None:
    (problem,) = problems(SERVER.format(keys=f"{key}: {{}}"))
    assert f"server s.{key}: not supported yet: inspection of traffic arrives with the auditors" in problem
