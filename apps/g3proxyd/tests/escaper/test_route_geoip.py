"""A route by the place of the target: rules, files, the service."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from escaper.geo_files import write_database
from escaper.network import FakeResolver, Task, elapsed, run_virtually
from escaper.paths import End, make_route
from escaper.services import packed, service
from g3_acl import parse_host
from g3_escape import Location
from g3proxyd.config.values.geo_database import load_databases
from g3proxyd.escaper.errors import ConnectReason, TcpConnectError
from g3proxyd.escaper.geo_database import GeoReader
from g3proxyd.upstream import Upstream

RULES = [
    {"next": "n", "networks": ["10.0.0.0/8", "2001:db8::/32"]},
    {"next": "m", "networks": "10.1.0.0/16"},
    {"next": "s", "as_numbers": 64496},
    {"next": "c", "countries": ["DE", "FR"]},
    {"next": "e", "continents": "EU"},
]
NOBODY = {"ip_locate_service": "127.0.0.1:9"}
PLACES: dict[str, dict[str, Any]] = {
    "192.0.2.0/24": {"country": {"iso_code": "DE"}, "continent": {"code": "EU"}},
    "198.51.100.0/24": {"country": {"iso_code": "US"}, "continent": {"code": "NA"}},
    "203.0.113.0/24": {"country": {"iso_code": "IT"}, "continent": {"code": "EU"}},
    "100.64.0.0/16": {"country": "DE", "continent": {"code": 7}},
}
NETWORKS: dict[str, dict[str, Any]] = {
    "192.0.2.128/25": {"autonomous_system_number": 64496},
    "198.51.100.0/24": {"autonomous_system_number": 64497},
}


async def chosen(route: Any, host: str) -> str:
    """The name of the next escaper."""
    upstream = Upstream(parse_host(host), 80)
    found = route.choose(upstream, Task()) or await route.decide(upstream, Task())
    name: str = found.name
    return name


def make(resolver: FakeResolver | None = None, **keys: Any) -> Any:
    common = {"type": "route_geoip", "resolver": "dns", "default_next": "d", "geo_rules": RULES}
    return make_route({**common, **keys}, *map(End, "dnmsce"), resolver=resolver)


def geo(
    wanted: dict[str, str], reply: Callable[[Any], Any], resolver: FakeResolver | None = None, **keys: Any
) -> list[str]:
    """Check where targets lead to; return what the service was asked."""

    async def main() -> list[str]:
        with service(reply) as served:
            route = make(resolver, ip_locate_service=f"127.0.0.1:{served.port}", **keys)
            assert {host: await chosen(route, host) for host in wanted} == wanted
            await route.close()
            return served.questions

    return run_virtually(main)


def test_own_networks_need_no_service() -> None:
    wanted = {"10.2.0.1": "n", "10.1.0.1": "m", "2001:db8::7": "n", "::ffff:10.1.0.1": "m"}
    assert geo(wanted, lambda question: []) == []


def test_nobody_is_asked_what_makes_no_difference() -> None:
    assert geo({"192.0.2.1": "d"}, lambda question: [], geo_rules=RULES[:2]) == []


def test_what_the_service_knows() -> None:
    places: dict[str, dict[str, Any]] = {
        "192.0.2.1": {"as_number": 64496, "country": "DE", "continent": "EU"},
        "192.0.2.2": {"as_number": 1, "country": "DEU", "continent": "EU"},
        "192.0.2.3": {"country": "IT", "continent": "EU"},
        "192.0.2.4": {"country": "US", "continent": "NA"},
    }
    wanted = dict(zip(places, "sced", strict=True))
    asked = geo(wanted, lambda question: packed(ip=question, network=f"{question}/32", **places[question]))
    assert asked == list(places)


def test_names_are_resolved() -> None:
    resolver = FakeResolver(v4=(0.5, "192.0.2.1"), v6=(0.2, ""))
    answer: Callable[[Any], bytes] = lambda question: packed(ip=question, network="192.0.2.0/24", country="FR")  # noqa: E731
    assert geo({"x.test": "c", "y.test": "c"}, answer, resolver) == ["192.0.2.1"]
    assert resolver.asked[0][0] == "x.test"


def test_a_name_without_an_address() -> None:
    async def main() -> None:
        route = make(FakeResolver(v4=(None, ""), v6=(None, "")), **NOBODY)
        with pytest.raises(TcpConnectError) as caught:
            await chosen(route, "x.test")
        assert caught.value.reason is ConnectReason.NO_ADDRESS_CONNECTED
        await route.close()

    run_virtually(main)


def test_a_silent_service_leads_to_the_default() -> None:
    async def main() -> None:
        with service(lambda question: []) as served:
            route = make(ip_locate_service=f"127.0.0.1:{served.port}")
            assert (await asyncio.gather(*[chosen(route, "192.0.2.1")] * 1), elapsed()) == (["d"], 1.0)
            await route.close()

    run_virtually(main)


@pytest.fixture
def databases(tmp_path: Path) -> list[str]:
    write_database(tmp_path / "places.mmdb", PLACES)
    write_database(tmp_path / "networks.mmdb", NETWORKS, version=4)
    return [str(tmp_path / "places.mmdb"), str(tmp_path / "networks.mmdb")]


def test_files(databases: list[str]) -> None:
    wanted = {
        "192.0.2.1": "c",
        "192.0.2.129": "s",
        "198.51.100.1": "d",
        "203.0.113.1": "e",
        "::ffff:203.0.113.1": "e",
        "100.64.0.1": "d",
        "8.8.8.8": "d",
        "2001:db9::1": "d",
    }

    async def main() -> None:
        route = make(databases=databases)
        assert route.client is None
        assert {host: await chosen(route, host) for host in wanted} == wanted
        assert all(route.choose(Upstream(parse_host(host), 80), Task()) is not None for host in wanted)
        await route.close()

    run_virtually(main)


def test_the_service_is_asked_what_the_files_do_not_know(databases: list[str]) -> None:
    def reply(question: str) -> bytes:
        return packed(ip=question, network=f"{question}/32", as_number=64496, country="US", continent="NA")

    wanted = {"192.0.2.1": "s", "192.0.2.129": "s", "198.51.100.1": "d", "203.0.113.1": "s"}
    assert geo(wanted, reply, databases=databases) == ["192.0.2.1", "203.0.113.1"]
    # What the files know is not overruled.
    assert geo({"192.0.2.1": "c"}, reply, databases=databases, geo_rules=RULES[3:]) == []


def test_a_damaged_file(databases: list[str], caplog: pytest.LogCaptureFixture) -> None:
    path = Path(databases[0])
    whole = path.read_bytes()
    # The records of the search tree lead behind the end of the data.
    path.write_bytes(b"\xff" * 24 + whole[24:])
    reader = GeoReader("r", load_databases(databases, Path()))
    for _ in range(3):
        assert reader.find(parse_host("192.0.2.129")) == Location(as_number=64496)  # type: ignore[arg-type]
    reader.close()
    (record,) = caplog.records
    assert record.getMessage().startswith("escaper r: a database is damaged: ")


def test_a_file_that_is_gone(databases: list[str]) -> None:
    loaded = load_databases(databases, Path())
    Path(databases[1]).unlink()
    with pytest.raises(ValueError, match=r"escaper r: .*networks\.mmdb"):
        GeoReader("r", loaded)
