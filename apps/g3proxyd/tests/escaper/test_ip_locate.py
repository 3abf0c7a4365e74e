"""The service that knows where an address is: what it says, and for how long it counts."""

import asyncio
from collections.abc import Callable, Coroutine
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

import msgspec
import pytest
from escaper.network import elapsed, run_virtually
from escaper.services import Service, packed, service
from g3_escape import Location
from g3proxyd.config.values.address import SocketAddress
from g3proxyd.config.values.ip_locate import IpLocateService
from g3proxyd.escaper import ip_locate
from g3proxyd.escaper.ip_locate import (
    IpLocateClient,
    LocateAnswer,
    NetworkCache,
    parse_locate_answer,
)
from hypothesis import given
from hypothesis import strategies as st

ONE = ip_address("192.0.2.1")
GERMANY = Location(country="DE")


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"ip": "192.0.2.1"}, LocateAnswer(ONE, None, Location(), None)),
        ({1: "::ffff:192.0.2.1", 2: 0}, LocateAnswer(ONE, None, Location(), 0)),
        (
            {3: "192.0.2.0/24", 4: "DEU", 5: "eu", 6: 64496, 7: "isp", 8: "isp.test", 99: {}},
            LocateAnswer(None, ip_network("192.0.2.0/24"), Location(64496, "DE", "EU"), None),
        ),
        (
            {"IP": "192.0.2.1", "Network": "::ffff:192.0.2.0/120", "as-number": 1, "TTL": 7, "isp_name": None},
            LocateAnswer(ONE, ip_network("192.0.2.0/24"), Location(1), 7),
        ),
        ({"country": "Nowhere"}, LocateAnswer(None, None, Location(), None)),
    ],
)
def test_answers(fields: dict[Any, Any], answer: LocateAnswer) -> None:
    assert parse_locate_answer(msgspec.msgpack.encode(fields)) == answer


@pytest.mark.parametrize(
    "fields",
    [
        {"ip": 7}, {"ip": "x"}, {"ip": ""}, {"network": "x"}, {"network": 7}, {"network": "192.0.2.1/24"}, {"ttl": -1},
        {"ttl": 2**32}, {"ttl": True}, {"ttl": "1"}, {"as_number": 1.5}, {"as_number": -1}, {"country": 49},
        {"continent": b"EU"}, {1: "192.0.2.1", "ip": "192.0.2.1/32"}, {"ip": "192.0.2.1", "IP": "192.0.2.1"},
        {1.5: "x"}, {(1, 2): "x"}, [1], "x", None,
    ],
)  # fmt: skip
def test_what_is_no_answer(fields: Any) -> None:
    assert parse_locate_answer(msgspec.msgpack.encode(fields)) is None


@given(st.binary(max_size=64))
def test_any_bytes_are_an_answer_or_none(data: bytes) -> None:
    assert isinstance(parse_locate_answer(data), LocateAnswer | None)


def locate(
    test: Callable[[IpLocateClient, Service], Coroutine[Any, Any, None]], reply: Callable[[Any], Any], **keys: Any
) -> None:
    async def main() -> None:
        with service(reply) as served:
            address = SocketAddress(IPv4Address("127.0.0.1"), served.port)
            client = IpLocateClient(IpLocateService(query_peer_addr=address, **keys))
            await test(client, served)
            await client.close()

    run_virtually(main)


async def where(client: IpLocateClient, address: str) -> Location | None:
    host = ip_address(address)
    known = client.known(host)
    return await client.ask(host) if known is None else known.value


def german(**more: Any) -> Callable[[Any], bytes]:
    return lambda question: packed(ip=question, country="DE", **more)


def test_the_question_is_the_address() -> None:
    async def test(client: IpLocateClient, served: Service) -> None:
        assert await where(client, "192.0.2.1") == GERMANY
        assert await where(client, "2001:db8::1") is None  # it is not in the network of the answer
        assert served.questions == ["192.0.2.1", "2001:db8::1"]

    locate(test, german(network="192.0.2.0/24"))


def test_an_answer_counts_for_its_network() -> None:
    async def test(client: IpLocateClient, served: Service) -> None:
        for address in ("192.0.2.1", "192.0.2.2", "192.0.2.255"):
            assert await where(client, address) == GERMANY
        assert await where(client, "192.0.3.1") is None
        assert served.questions == ["192.0.2.1", "192.0.3.1"]

    locate(test, german(network="192.0.2.0/24"))


@pytest.mark.parametrize(("ttl", "time"), [({}, 10), ({"ttl": 60}, 60), ({"ttl": 9000}, 300), ({"ttl": 0}, 0.002)])
def test_answers_count_for_their_time(ttl: dict[str, int], time: float) -> None:
    async def test(client: IpLocateClient, served: Service) -> None:
        for when, questions in ((0.0, 1), (time * 0.9, 1 if ttl != {"ttl": 0} else 2), (time * 1.1, 2)):
            await asyncio.sleep(when - elapsed())
            assert await where(client, "192.0.2.1") == GERMANY
            assert len(served.questions) == questions

    locate(test, german(network="192.0.2.0/24", **ttl))


def test_nothing_is_an_answer_too() -> None:
    async def test(client: IpLocateClient, served: Service) -> None:
        for _ in range(3):
            assert await where(client, "192.0.2.1") is None
        assert len(served.questions) == 1
        await asyncio.sleep(61)
        assert await where(client, "192.0.2.1") is None
        assert len(served.questions) == 2

    locate(test, lambda question: packed(ip=question, ttl=60))


def test_a_silent_service() -> None:
    async def test(client: IpLocateClient, served: Service) -> None:
        assert (await where(client, "192.0.2.1"), elapsed()) == (None, 1.0)
        assert (await where(client, "192.0.2.1"), elapsed()) == (None, 1.0)
        await asyncio.sleep(10.5)
        assert (await where(client, "192.0.2.1"), elapsed()) == (None, 12.5)
        assert len(served.questions) == 2

    locate(test, lambda question: [], cache_request_timeout=2.0)


def test_what_nobody_has_asked() -> None:
    async def test(client: IpLocateClient, served: Service) -> None:
        await where(client, "192.0.2.1")
        served.say(packed(network="198.51.100.0/24", country="FR", ttl=60))  # news of the service
        served.say(packed(ip="203.0.113.1", network="203.0.113.0/24", country="FR"))  # an answer without a question
        served.say(packed(ttl=5), b"\xc1", packed(ip="192.0.2.1"))
        assert await where(client, "192.0.2.1") == GERMANY
        await asyncio.sleep(0.01)
        assert await where(client, "198.51.100.7") == Location(country="FR")
        assert (client.stats.answered, client.stats.ignored) == (2, 4)
        assert served.questions == ["192.0.2.1"]

    locate(test, german(network="192.0.2.0/24"))


class TestNetworkCache:
    def test_the_smallest_network_counts(self) -> None:
        cache = NetworkCache()
        for number, text in enumerate(("10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "::/0")):
            cache.put(ip_network(text), Location(number), 100.0)
        found = {
            text: cache.find(ip_address(text), 0.0) for text in ("10.1.2.3", "10.2.2.3", "192.0.2.1", "2001:db8::1")
        }
        assert found == {
            "10.1.2.3": Location(1),
            "10.2.2.3": Location(0),
            "192.0.2.1": Location(2),
            "2001:db8::1": Location(3),
        }

    def test_what_is_over_does_not_hide_a_larger_one(self) -> None:
        cache = NetworkCache()
        cache.put(ip_network("10.0.0.0/8"), Location(1), 100.0)
        cache.put(ip_network("10.1.0.0/16"), Location(2), 5.0)
        assert cache.find(ip_address("10.1.0.1"), 4.9) == Location(2)
        assert cache.find(ip_address("10.1.0.1"), 5.0) == Location(1)
        assert cache.find(ip_address("10.1.0.1"), 100.0) is None

    def test_the_oldest_goes_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ip_locate, "NETWORKS_MAX", 3)
        cache = NetworkCache()
        for number, text in enumerate(("1.0.0.0/8", "2.1.0.0/16", "1.0.0.0/8", "3.0.0.0/8", "4.0.0.0/8", "::/0")):
            cache.put(ip_network(text), Location(number), 9.0)
        addresses = ("1.0.0.0", "2.1.0.0", "3.0.0.0", "4.0.0.0", "::1")
        found = [cache.find(ip_address(text), 0.0) for text in addresses]
        assert found == [None, None, Location(3), Location(4), Location(5)]
        assert cache._shifts == {4: [24], 6: [128]}
