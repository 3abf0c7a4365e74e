"""Places: codes, networks, rules, databases and the service."""

from collections.abc import Callable
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from typing import Any

import pytest
from escaper.geo_files import write_database
from g3proxyd.config import Config
from g3proxyd.config.escaper import RouteGeoipConfig
from g3proxyd.config.values.address import SocketAddress
from g3proxyd.config.values.geo_code import country_code, parse_continent, parse_country
from g3proxyd.config.values.network import parse_network

Lines = Callable[..., list[str]]
Read = Callable[..., Config]
Refused = Callable[[Callable[[Any], object], object], list[str]]

START = """\
escaper:
  - {name: a, type: dummy_deny}
  - {name: b, type: dummy_deny}
resolver: [{name: d, type: deny_all}]
"""


def with_route(keys: str = "") -> str:
    """Two escapers and a route ``r`` to them."""
    route = f"{{name: r, type: route_geo_ip, resolver: d, default_next: a{keys and ', '}{keys}}}"
    return START.replace("resolver: [", f"  - {route}\nresolver: [")


def read(config: Read, keys: str = "") -> RouteGeoipConfig:
    route = config(with_route(keys)).escapers["r"]
    assert isinstance(route, RouteGeoipConfig)
    return route


def test_countries(refused: Refused) -> None:
    assert [parse_country(text) for text in ("de", "DEU", "Gb", "gbr", "XK")] == ["DE", "DE", "GB", "GB", "XK"]
    assert (country_code("usa"), country_code("U"), country_code("ZZ")) == ("US", None, None)
    expected = "expected a code of two or three letters (ISO 3166-1) such as DE or DEU"
    assert refused(parse_country, "GERM")[0].startswith(f"'GERM' is not a country; {expected}")
    assert refused(parse_country, 49) == [f"49 is not a country; {expected}"]


def test_continents(refused: Refused) -> None:
    assert [parse_continent(text) for text in ("eu", "AN")] == ["EU", "AN"]
    assert refused(parse_continent, "XX") == ["'XX' is not a continent; expected one of AF, AN, AS, EU, NA, OC, SA"]


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.0.2.1", "192.0.2.1/32"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
    ],
)
def test_networks(text: str, network: str) -> None:
    assert parse_network(text) == ip_network(network)


@pytest.mark.parametrize("data", ["", "x", 7, None, "10.0.0.0/33", "10.0.0.0/", "::%1", "10.0.0.0/0.0.0.255"])
def test_what_is_no_network(data: object, refused: Refused) -> None:
    (line,) = refused(parse_network, data)
    assert "is not a network; expected a network such as" in line


def test_rules(config: Read) -> None:
    rules = "[{next: a, net: 10.0.0.0/8, asn: 64496, country: DEU, continent: eu}, {escaper: b, countries: [fr, GB]}]"
    one, other = read(config, f"geo_rules: {rules}").geo_rules
    assert (one.next, one.networks, one.as_numbers) == ("a", (ip_network("10.0.0.0/8"),), (64496,))
    assert (one.countries, one.continents, other.next, other.countries) == (("DE",), ("EU",), "b", ("FR", "GB"))


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("geo_rules: x", "r.geo_rules: 'x' is not a map"),
        ("geo_rules: [{country: DE}]", "r.geo_rules[0]: the key 'next' is missing"),
        ("geo_rules: [{next: c}]", "r.geo_rules[0].next: there is no escaper called 'c'"),
        ("geo_rules: [{next: a, country: DE}, {next: b, country: DEU}]", "DE leads to 'a' and to 'b'"),
        ("ip_locate_service: x", "r.ip_locate_service: 'x' is not a socket address"),
        ("ip_locate_service: {cache_request_timeout: 0}", "0 would leave no time for anything"),
        ("databases: [gone.mmdb]", "r.databases[0]: cannot read 'gone.mmdb'"),
        ("databases: main.yml", "r.databases: cannot read 'main.yml'"),
        ("databases: 3", "r.databases: 3 is not a path"),
    ],
)
def test_what_is_wrong(keys: str, problem: str, problems: Lines) -> None:
    (found,) = problems(with_route(keys))
    assert problem in found


def test_the_service_is_asked_unless_there_are_databases(config: Read, tmp_path: Path) -> None:
    service = read(config).service
    assert service is not None
    assert service.query_peer_addr == SocketAddress(IPv4Address("127.0.0.1"), 2888)
    assert (service.cache_request_timeout, service.query_wait_timeout) == (2.0, 1.0)
    assert (service.default_expire_ttl, service.maximum_expire_ttl) == (10, 300)
    write_database(tmp_path / "places.mmdb", {"192.0.2.0/24": {"country": {"iso_code": "DE"}}})
    assert read(config, "databases: places.mmdb").service is None
    both = read(config, "databases: [places.mmdb], ip_locate_service: 127.0.0.1:9").service
    assert both is not None
    assert both.query_peer_addr.port == 9


def test_a_newer_file_is_another_database(config: Read, tmp_path: Path) -> None:
    path = tmp_path / "places.mmdb"
    write_database(path, {"192.0.2.0/24": {"country": {"iso_code": "DE"}}})
    before = read(config, "databases: places.mmdb")
    assert before == read(config, "databases: places.mmdb")
    path.unlink()
    write_database(path, {"192.0.2.0/24": {"country": {"iso_code": "FR"}}, "10.0.0.0/8": {}})
    assert before != read(config, "databases: places.mmdb")
