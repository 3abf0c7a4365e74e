"""The reverse proxy's keys: its hosts in both spellings, its certificates, what has no effect."""

from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest
from certificates import DAY, authority
from g3proxyd.config import Config, HttpRproxyConfig, HttpRproxyHost
from g3proxyd.config.values.forwarded import ForwardedFor, parse_forwarded_for
from g3proxyd.config.values.host_match import match_hosts
from g3proxyd.config.values.mistake import MistakeError
from g3proxyd.config.values.tls_client import TlsClient
from g3proxyd.upstream import Upstream
from pydantic import ValidationError

Lines = Callable[..., list[str]]
Read = Callable[..., Config]

SERVER = """\
server:
  - {{name: s, type: http_rproxy, escaper: d, listen: 80, hosts: {hosts}, {keys}}}
escaper: [{{name: d, type: dummy_deny}}]
"""
PAIR = "{certificate: leaf.crt, private_key: leaf.key}"


@pytest.fixture(autouse=True)
def pair(tmp_path: Path) -> None:
    """`leaf.crt` and `leaf.key` beside the configuration."""
    authority().issue("a.test", valid=(-DAY, 30 * DAY)).write(tmp_path)


def text(hosts: str = "{upstream: a.test}", keys: str = "") -> str:
    return SERVER.format(hosts=hosts, keys=keys)


def after(lines: list[str]) -> list[str]:
    """The messages without their places."""
    return [line.partition(": ")[2] for line in lines]


def server(found: Config) -> HttpRproxyConfig:
    (this,) = found.servers.values()
    assert isinstance(this, HttpRproxyConfig)
    return this


@pytest.mark.parametrize("name", ["http_rproxy", "HttpRProxy", "http-reverse-proxy", "HttpGateway", "http_gateway"])
def test_names_of_the_type(name: str, config: Read) -> None:
    assert server(config(text().replace("http_rproxy", name))).type == "http_rproxy"


def test_defaults(config: Read) -> None:
    found = config(text())
    assert found.warnings == ()
    this = server(found)
    assert (this.append_forwarded_for, this.enable_tls_server) == (ForwardedFor.CLASSIC, False)
    assert (this.client_hello_recv_timeout, this.global_tls_server, this.tls_ticketer) == (1.0, None, None)
    assert (this.req_header_max_size, this.pipeline_read_idle_timeout, this.server_id) == (65536, 300.0, None)
    assert this.auth_realm == "g3proxy"
    (host,) = this.hosts
    assert (host.upstream, host.is_default) == (Upstream("a.test", 80), True)
    assert (host.tls_server, host.tls_client, host.tls_name, host.services) == (None, None, None, None)


def test_hosts_in_both_spellings_are_the_same(config: Read) -> None:
    flat = """[
        {exact_match: [A.test, 192.0.2.1], upstream: "b.test:81", tls_client: {}, tls_name: c.test},
        {child_match: d.test, set_default: true, upstream: "[::1]:82"}]"""
    nested = """[
        {exact-match: [a.test, 192.0.2.1], services: {upstream: "b.test:81", tls_client: {}, tls_name: c.test}},
        {child_match: [d.test], set_default: yes, Services: {Upstream: "[::1]:82"}}]"""
    one, other = server(config(text(flat))).sites, server(config(text(nested))).sites
    for sites in (one, other):
        found = sites.find("a.test")
        assert found is not None
        assert found is sites.find(ip_address("192.0.2.1"))
        assert (found.upstream, found.tls_name) == (Upstream("b.test", 81), "c.test")
        assert isinstance(found.tls_client, TlsClient)
        other_found = sites.find("x.d.test")
        assert other_found is not None
        assert other_found is sites.find("d.test") is sites.find("anything") is sites.default
        assert other_found.upstream == Upstream(ip_address("::1"), 82)
        assert other_found.tls_client is None


@pytest.mark.parametrize(
    ("hosts", "messages"),
    [
        ("[]", ["server s.hosts: the list is empty; expected a map, or a list of maps"]),
        ("5", ["server s.hosts: 5 is not a map; expected a map"]),
        ("{}", ["server s.hosts: the key 'upstream' is missing"]),
        ("[{upstream: a}, {exact_match: b}]", ["server s.hosts[1]: the key 'upstream' is missing"]),
        ("[{exact_match: b, services: {}}]", ["server s.hosts[0].services: the key 'upstream' is missing"]),
        (
            "{services: {upstream: a}, upstream: b}",
            ["server s.hosts.upstream: given beside 'services'; expected in there, or without 'services'"],
        ),
        ("{upstrem: a}", ["server s.hosts: the key 'upstream' is missing", "server s.hosts.upstrem: unknown key; did"]),
        ("{upstream: 'a:0'}", ["server s.hosts.upstream: the port of 'a:0' is out of range; expected a port from 1"]),
        ("{upstream: 'a:b:c'}", ["server s.hosts.upstream: 'a:b:c' is no IPv6 address; exp"]),
        ("[{upstream: a}, {upstream: b}]", ["server s.hosts: there is a default already"]),
        ("[{upstream: a, exact_match: [a, A.]}]", ["server s.hosts: a is matched twice"]),
        (
            "[{upstream: a, child_match: .a}, {upstream: b, child_match: a, exact_match: a}]",
            ["server s.hosts: a is matched twice"],
        ),
        ("{upstream: a, child_match: 192.0.2.1}", ["server s.hosts.child_match: '192.0.2.1' is an address; expected"]),
        ("{upstream: a, tls_server: {}}", ["server s.hosts.tls_server: there is no certificate; expected"]),
    ],
)
def test_hosts_that_are_wrong(hosts: str, messages: list[str], problems: Lines) -> None:
    found = after(problems(text(hosts)))
    assert len(found) == len(messages), found
    for line, message in zip(sorted(found), sorted(messages), strict=True):
        assert line.startswith(message)


@pytest.mark.parametrize(
    ("hosts", "keys", "message"),
    [
        ("{upstream: a}", "enable_tls_server: yes", "enable_tls_server: there is no certificate; expected global_tls"),
        ("{upstream: a}", "client_hello_recv_timeout: 0", "client_hello_recv_timeout: 0 would leave no time for any"),
        ("{upstream: a}", "append_forwarded_for: clasic", "append_forwarded_for: 'clasic' is no kind of header; exp"),
        ("{upstream: a}", "req_header_max_size: 1", "req_header_max_size: 1 is too small for any message; expected"),
        ("{upstream: a}", "user_group: x", "user_group: not supported yet: users"),
        ("{upstream: a}", "auditor: x", "auditor: not supported yet: inspection"),
    ],
)
def test_keys_that_are_wrong(hosts: str, keys: str, message: str, problems: Lines) -> None:
    (problem,) = after(problems(text(hosts, keys)))
    assert problem.startswith(f"server s.{message}")


@pytest.mark.parametrize(
    ("hosts", "keys", "notes"),
    [
        ("{upstream: a, tls_name: b}", "", ["hosts.tls_name: has no effect without 'tls_client'"]),
        ("{upstream: a, tls_client: {}}", "", ["hosts.upstream: TLS is going to be spoken to port 80"]),
        ("{services: {upstream: a, tls_client: on}}", "", ["hosts.services.upstream: TLS is going to be spoken to"]),
        ("{upstream: a}", "server_id: a b", ["server_id: is not added to Via, where it would be read differently"]),
        (
            f"{{upstream: a, tls_server: {{cert_pairs: {PAIR}}}}}",
            f"global_tls_server: {{cert_pairs: {PAIR}}}, tls_ticketer: {{}}",
            [
                "hosts: 'tls_server' has no effect: 'enable_tls_server' is not set",
                "global_tls_server: has no effect: 'enable_tls_server' is not set",
                "tls_ticketer: has no effect: 'enable_tls_server' is not set",
            ],
        ),
        (
            f"[{{upstream: a, tls_server: {{cert_pairs: {PAIR}}}}}, {{upstream: b, exact_match: b}}]",
            "enable_tls_server: yes",
            ["hosts: no client reaches b:80: there is neither tls_server nor global_tls_server"],
        ),
        ("{upstream: a}", f"enable_tls_server: yes, global_tls_server: {{cert_pairs: {PAIR}}}", []),
        ("{upstream: a}", "pipeline_size: 5", ["pipeline_size: has no effect here: requests are answered one by one"]),
    ],
)
def test_what_operators_are_told(hosts: str, keys: str, notes: list[str], warnings: Lines) -> None:
    found = after(warnings(text(hosts, keys)))
    assert len(found) == len(notes), found
    for line, note in zip(found, notes, strict=True):
        assert line.startswith(f"server s.{note}")


def test_tls_inside_tls(problems: Lines, config: Read) -> None:
    front = f"""\
  - {{name: front, type: plain_tls_port, listen: 81, server: s, tls_server: {{cert_pairs: {PAIR}}}}}
escaper:"""
    secured = text(keys=f"enable_tls_server: 1, global_tls_server: {{cert_pairs: {PAIR}}}").replace("escaper:\n", front)
    (problem,) = problems(secured.replace("\nescaper:", f"\n{front}"))
    assert "TLS ends here, and the server s behind it would ask for TLS again" in problem
    assert len(config(text().replace("\nescaper:", f"\n{front}")).servers) == 2


def test_words_for_the_header() -> None:
    words: dict[str, list[object]] = {
        "none": ["none", "Disable", False, "off", 0],
        "classic": ["classic", "ENABLE", True, "on"],
        "standard": ["standard", "RFC7239"],
    }
    for value, spellings in words.items():
        assert [parse_forwarded_for(word).value for word in spellings] == [value] * len(spellings)
    strange: tuple[object, ...] = (None, 1.5, [], "forwarded")
    for wrong in strange:
        with pytest.raises(MistakeError, match="is no kind of header"):
            parse_forwarded_for(wrong)


def test_by_hand() -> None:
    host = HttpRproxyHost.model_validate({"upstream": "a.test:1", "exact_match": "a.test"})
    assert HttpRproxyConfig(name="s", escaper="d", hosts=(host,)).sites.find("a.test") is host
    with pytest.raises(ValidationError, match="the key 'upstream' is missing"):
        HttpRproxyConfig.model_validate({"name": "s", "escaper": "d", "hosts": [{}]})


def test_what_is_made_of_each_thing_once() -> None:
    one, other = ["one"], ["other"]
    table = match_hosts([(["a.test"], ["b.test"], False, one), (["c.test"], [], True, other)])
    made: list[str] = []

    def make(thing: list[str]) -> str:
        made.append(thing[0])
        return thing[0].upper()

    mapped = table.map(make)
    assert made == ["one", "other"]
    names = ("a.test", "x.b.test", "c.test", "d.test")
    assert [mapped.find(name) for name in names] == ["ONE", "ONE", "OTHER", "OTHER"]
    assert match_hosts([(["a.test"], [], False, one)]).map(make).find("b.test") is None
