"""The JSON Schema agrees with the loader."""

import re
import shutil
from functools import reduce
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from certificates import DAY, authority
from g3proxyd.config import load
from g3proxyd.config.document import read_documents
from g3proxyd.config.escaper.floating import DynamicKeys
from g3proxyd.config.kinds import KINDS
from g3proxyd.config.listing import all_sections
from g3proxyd.config.module import ModuleConfig
from g3proxyd.config.nodes import Real, Source
from g3proxyd.config.schema import main_file_schema
from g3proxyd.config.section import Key, Section, keys_of, value_of
from g3proxyd.config.values.mistake import MistakeError
from g3proxyd.config.values.value import Value
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

ROOT = Path(__file__).parents[4]
EXAMPLES = [ROOT / "apps" / "g3proxyd" / "src" / "g3proxyd" / "example.yml", *sorted(ROOT.glob("examples/*/main.yml"))]
SCHEMA = main_file_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

LEAF = authority().issue("a.test")
PAIR = {"certificate": LEAF.certificate.decode(), "private_key": LEAF.key.decode()}

DATA: list[Any] = [
    None, True, False, 0, 1, 12, 13, 80, 255, 256, 65535, 65536, 2**32, 2**64, -1, Real("0.5"), Real("1.5"),
    Real("-0.5"), "", "x", "on", "OFF", "yes", "2", "0", "+7", "-1", "1.5", "30", "100ms", "1h 30m 71s", "5min", "1 h",
    "5x", "64KiB", "1MB", "10M", "10M/s", "512 k", "1.5M", "50%", "1/2", "127.0.0.1", "::1", "127.0.0.1:80", "[::1]:80",
    "[127.0.0.1]:80", "10.0.0.0/8", "lo", "stdout", "Discard", "syslog", "ipv4only", "IPv6_First", "ipv5", "random",
    "Serial", "192.0.2.1 192.0.2.2", "a.test", "名前", "é", "80,443,8000-8080", "HttpProxy", "SocksProxy",
    "plain-tcp", "IntelliProxy", "SniProxy", "TcpStream", "TcpTproxy", "dummy-close", "DirectFixed", "DUMMY_DENY",
    "ProxySocks5", "proxy-socks5s",
    "PlainTls", "PlainQuic", "native-tls-port",
    "TlsStream", "c-ares", "Hickory-DNS", "FailOver", "DenyAll", "DoT", "[]", [], [1],
    ["127.0.0.1"],
    ["192.0.2.1", "::1"], ["a.test"], [80, "443"], {}, {"a": 1}, {"a.test": "192.0.2.1"}, {"a.test": ["192.0.2.1"]},
    [{"exact": "a.test", "to": "b.test"}], [{"Parent": "a.test", "TO": "b.test"}], [{"to": "b.test"}], {"tag": "value"},
    {"default": "allow", "Forbid-Log": ["127.0.0.1"]}, {"Accept": [80, "1-9"]}, {"Exact": "a.test", "child_match": []},
    {"regex": [{"parent": "a.test", "regex": ["a", "b"]}, "c"]}, {"subnet": {"deny": "10.0.0.0/8"}},
    {"address": "[::]:1", "Backlog": 9}, {"addr": "127.0.0.1:1"}, {"backlog": 9}, {"shift": 1, "north": 5, "South": 6},
    {"query": "ipv4only"}, {"pick": "first"}, {"enable": "on"}, {"idle_time": 5}, {"ttl": 5, "no_delay": 0},
    {"tls_name": "a.test", "Protocol": "h2"},
    {"0": 1, "1": "0-3, 8", "+2": ["0", 1]}, "80-90", {"from": 1, "to": 2}, {"127.0.0.1": "192.0.2.1"},
    {"127.0.0.1": 1}, {"recv": "1M"}, {"north_packets": 5, "shift": 1},
    "a.test:443", {"Address": "a.test:80", "weight": 2}, ["a.test:1", {"addr": "[::1]:2"}], "round-robin", "JumpHash",
    {"exact_match": "a.test", "redirect_port": 80}, [{"child-match": ["a.test"]}, {"set_default": "on"}],
    LEAF.certificate.decode(), [LEAF.certificate.decode()], LEAF.key.decode(), PAIR, [PAIR], {"cert_pairs": PAIR},
    "ProxyHttp", "proxy-https",
    "RouteClient", "route-failover", "RouteGeoIP", "routemapping", "RouteQuery", "Route_Dst_IP", "RouteSelect",
    "RouteUpstream", "route-python", str(ROOT / "g3.py"),
    "DirectFloat", "ProxyFloat", "TrickFloat", "Passive", "Redis", {"type": "passive"}, "redis://a.test?sets_key=b",
    "socks5+tls", {"X-A": "b"}, "DivertTcp", "ComplyAudit", "2030-01-02T03:04:05Z",
    "DEU", "de", "EU", [{"next": "a", "ip": "192.0.2.1"}, {"Escaper": "b", "IPs": ["::1"]}],
    [{"next": "a", "Subnets": ["10.0.0.0/8"]}], [{"escaper": "a", "nets": "10.0.0.0/8"}], {"a": ["x", "z"]},
    [{"next": "a", "hosts": "a.test"}], [{"next": "a", "Domain": ["a.test"]}], [{"next": "a", "suffix": ".test"}],
    [{"next": "a", "rule": ["^a", {"parent": "a.test", "Regex": ["b", "c"]}]}], ["x", {"Name": "y", "weight": 0}],
    [{"next": "a", "country": "DE", "asn": [1, "2"], "net": "::/0"}], {"query_peer_addr": "127.0.0.1:1"},
    {"cert": PAIR["certificate"], "KEY": PAIR["private_key"]}, {"cert_pair": PAIR}, {"ciphers": "a"}, "TLS1.2", "sslv3",
    "tlsv1_3", {"protocol": "TLS1.3"}, {"ca_certificate": PAIR["certificate"]}, {"min_tls_version": Real("1.3")},
    "http-gateway", "Classic", "RFC7239", {"upstream": "a.test"},
    [{"Exact-Match": "a.test", "services": {"upstream": "a.test:1", "tls_client": {}, "tls_name": "b.test"}}],
    {"forward_https": "on", "Forward-FTP": 0},
]  # fmt: skip
"""The forms that values have in configurations, right and wrong ones, as the YAML reader gives them."""

NEEDED: dict[str, Any] = {
    "listen": 80,
    "upstream": "a.test:80",
    "tls_server": {"cert_pairs": PAIR},
    "quic_server": {"cert_pairs": PAIR},
    "server": "192.0.2.1",
    "proxy_addr": "192.0.2.1",
    "hosts": {"upstream": "a.test"},
    "addr": "192.0.2.1",
    "password": "y",
}
"""Values of required keys that are no names."""


def values() -> list[tuple[str, Value]]:
    """Every value type, with the first key that has it."""
    found: dict[str, tuple[str, Value]] = {}
    waiting = list(all_sections().items())
    done: set[type[Section]] = set()
    while waiting:
        path, section = waiting.pop(0)
        if section in done:
            continue
        done.add(section)
        for name, info in section.model_fields.items():
            value = value_of(info)
            if isinstance(value, Value):
                found.setdefault(f"{value.name} {value.schema}", (f"{path}.{name}", value))
            elif value is not None:
                waiting.append((f"{path}.{name}", value))
    return list(found.values())


def supported_keys() -> list[tuple[str, type[Section], Key]]:
    return [
        (name, section, key)
        for name, section in all_sections().items()
        for key in keys_of(section)
        if not key.not_yet and key.field not in ("name", "type") and not issubclass(section, DynamicKeys)
    ]


def document(path: str, section: type[Section], key: str, data: object) -> dict[str, object]:
    """A main file in which one key has this value, and what is required beside it."""
    top, _, part = path.partition(".")
    thing: dict[str, object] = {}
    if issubclass(section, ModuleConfig):
        thing = {"name": "x", "type": part}
        required = [name for name, info in section.model_fields.items() if info.is_required() and name not in thing]
        thing |= {name: NEEDED.get(name, "y") for name in required} | {key: data}
        return {top: [thing]}
    if part == "geo_rule":
        route = {"name": "x", "type": "route_geoip", "resolver": "y", "default_next": "y"}
        return {top: [route | {"geo_rules": {"next": "y", key: data}}]}
    if part == "sni_proxy_host":
        return {top: [{"name": "x", "type": "sni_proxy", "escaper": "y", "allowed_hosts": {key: data}}]}
    if part == "http_rproxy_host":
        return {top: [{"name": "x", "type": "http_rproxy", "escaper": "y", "hosts": {key: data}}]}
    if part == "proxy_float_source_redis":
        source = {"type": "redis", "addr": "192.0.2.1", "sets_key": "y", "password": "y", key: data}
        return {top: [{"name": "x", "type": "proxy_float", "source": source}]}
    inner = {"log_config": "default", "local": "local"}.get(part)
    return {top: {inner: {key: data}} if inner else {key: data}}


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_reference_leads_somewhere() -> None:
    def walk(part: object) -> None:
        if isinstance(part, dict):
            reference = part.get("$ref")
            if isinstance(reference, str):
                reduce(lambda inner, step: inner[step], reference.removeprefix("#/").split("/"), SCHEMA)
        for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            walk(inner)

    walk(SCHEMA)


@pytest.mark.parametrize(("path", "value"), [pytest.param(*found, id=found[0]) for found in values()])
def test_values_that_are_read_fit(path: str, value: Value) -> None:
    validator = jsonschema.Draft202012Validator(dict(value.schema))
    read = []
    for data in DATA:
        try:
            value.parse(data)
        except MistakeError:
            continue
        read.append(data)
    assert read, "nothing among the data is right"
    assert [data for data in read if not validator.is_valid(data)] == []


@given(st.sampled_from(supported_keys()), st.sampled_from(DATA))
def test_keys_that_are_read_fit(found: tuple[str, type[Section], Key], data: object) -> None:
    path, section, key = found
    main = document(path, section, key.name, data)
    thing = main[path.partition(".")[0]]
    known = thing[0] if isinstance(thing, list) and issubclass(section, ModuleConfig) else {}
    try:
        section.model_validate({name: known[name] for name in known if name != key.name} | {key.field: data})
    except ValidationError:
        return
    assert data is None or VALIDATOR.is_valid(main)


@pytest.mark.parametrize("found", supported_keys(), ids=lambda found: f"{found[0]}.{found[2].name}")
def test_each_key_takes_something(found: tuple[str, type[Section], Key]) -> None:
    path, section, key = found
    assert any(VALIDATOR.is_valid(document(path, section, key.name, data)) for data in DATA)
    assert not VALIDATOR.is_valid(document(path, section, f"{key.name}_", 1))


@pytest.mark.parametrize(("name", "section"), all_sections().items())
def test_keys_of_later_parts_do_not_fit(name: str, section: type[Section]) -> None:
    tried: list[object] = [None, True, 1, "x", [], {}]
    refused = [key.name for key in keys_of(section) if key.not_yet and not section.not_yet]
    assert [key for key in refused for data in tried if VALIDATOR.is_valid(document(name, section, key, data))] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "runtime: {Thread-Name: x}\nlog: {default: {stdout: {}}, escape: discard}\nworker:\nstat: {}\nuser: []",
        "worker: {thread-number: 2, sched-affinity: {0: 0, '1': '1-2, 4', 2: [3, '4-5']}}\ncontroller: {local: }",
        "server: server.d\nescaper: [escaper.d, {name: a, type: dummy_deny}]\nresolver: ",
        "server: [{name: a, type: HTTP-PROXY, escaper: b, Listen: 80, tcp-conn-limit: 10M/s}]",
        "server: [{name: a, type: socks_proxy, escaper: b, listen: {addr: '[::]:80', scale: 50%}}]",
    ],
)
def test_forms_that_fit(text: str) -> None:
    assert VALIDATOR.is_valid(plain(text))


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "sever: []",
        "server: {name: a, type: dummy_close}",
        "server: [{name: a}]",
        "server: [{name: a, type: sni_proxy}]",
        "server: [{name: a, type: http_proxy}]",
        "server: [{name: a, type: http_proxy, escaper: b, listen: {backlog: 9}}]",
        "server: [{name: a, type: http_proxy, escaper: b, tls_server: {cert_pairs: []}}]",
        "escaper: [{name: a, type: direct_fixed, resolver: b, udp_sock_speed_limit: fast}]",
        "stat: {prefix: x}",
        "worker: {thread_number: 0}",
        "worker: {sched_affinity: {0: x}}",
        "worker: {sched_affinity: {a: 0}}",
        "worker: {sched_affinity: {0: []}}",
        "controller: {local: 3}",
        "log: syslog",
    ],
)
def test_forms_that_do_not_fit(text: str) -> None:
    assert not VALIDATOR.is_valid(plain(text))


def plain(text: str) -> object:
    return next((document.plain() for document in read_documents(Source(Path("f"), text), [])), None)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_are_read_and_fit(example: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(example.parent, tmp_path / "example")
    leaf = authority().issue("a.test", valid=(-DAY, 30 * DAY))
    for name in re.findall(r"(\w+)\.crt", example.read_text(encoding="utf-8")):
        leaf.write(folder, name)
    assert load(folder / example.name).warnings == ()
    assert VALIDATOR.is_valid(plain(example.read_text(encoding="utf-8")))


def test_every_kind_is_there() -> None:
    assert set(KINDS) <= set(SCHEMA["properties"])
