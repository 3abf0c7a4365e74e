"""The hickory resolver as a whole: what it asks, remembers, counts, logs and leaves behind."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from escaper.network import Records, elapsed, run_virtually
from g3_dns import Failure
from g3_escape import Family
from g3proxyd.config.resolver import HickoryConfig
from g3proxyd.log.logger import Logger, Sink
from g3proxyd.resolver.base import Answer, Query, Source
from g3proxyd.resolver.errors import ErrorType, ResolveError
from g3proxyd.resolver.hickory.resolver import HickoryResolver, error_of
from g3proxyd.resolver.hickory.servers import Servers
from resolver.dns_server import Asked, DnsServer, Speak, addresses, record, reply, serving, silence, with_code
from resolver.hickory.servers import Parts

V4, V6 = Family.IPV4, Family.IPV6
Test = Callable[[HickoryResolver, DnsServer], Coroutine[Any, Any, None]]


def make(parts: Parts, server: DnsServer, sink: Sink | None = None, **keys: Any) -> HickoryResolver:
    host, _, port = server.address.rpartition(":")
    config = HickoryConfig.model_validate({"name": "dns", "server": host, "server_port": port, **keys})
    return HickoryResolver(config, Logger("Resolve", sink or Records()), parts.poller, parts.wheel)


def play(speak: Speak, test: Test, sink: Sink | None = None, **keys: Any) -> None:
    """Run the test in virtual time; whatever is left behind afterwards is a fault."""

    async def main() -> None:
        async with serving(speak) as server:
            with Parts() as parts:
                resolver = make(parts, server, sink, **{"graceful_stop_wait": 0, **keys})
                await test(resolver, server)
                await resolver.close()
                assert not resolver._tasks

    run_virtually(main)


def never(answer: Answer) -> None:
    pytest.fail(f"{answer} was to be returned, not delivered")


async def ask(resolver: HickoryResolver, domain: str = "a.test", family: Family = V4) -> list[str]:
    return [str(address) for address in (await resolver.resolve(domain, family)).addresses]


async def fail(resolver: HickoryResolver, domain: str = "a.test", family: Family = V4) -> tuple[ErrorType, str]:
    with pytest.raises(ResolveError) as caught:
        await resolver.resolve(domain, family)
    return caught.value.error_type, caught.value.subtype


def test_both_families_and_the_memory() -> None:
    async def test(resolver: HickoryResolver, server: DnsServer) -> None:
        assert await ask(resolver) == ["192.0.2.1", "192.0.2.2"]
        assert await ask(resolver, family=V6) == ["2001:db8::1"]
        answer = resolver.query("A.test.", V4, never)
        assert isinstance(answer, Answer)
        assert answer.source is Source.CACHE
        assert [asked.qtype for asked in server.asked] == [1, 28]
        stats = resolver.stats[V4]
        assert (stats.total, stats.cached, stats.driver_total) == (2, 1, 1)

    play(addresses("192.0.2.1", "2001:db8::1", "192.0.2.2"), test)


def test_equal_questions_are_asked_once() -> None:
    async def test(resolver: HickoryResolver, server: DnsServer) -> None:
        answers = await asyncio.gather(*(resolver.resolve(name, V4) for name in ("a.test", "A.test", "a.test.")))
        assert [answer.source for answer in answers] == [Source.QUERY, Source.CACHE, Source.CACHE]
        assert len(server.asked) == 1

    play(addresses("192.0.2.1"), test)


def test_lifetimes() -> None:
    """Between the bounds the TTL counts; a fresh answer is fetched shortly before its end."""

    async def test(resolver: HickoryResolver, server: DnsServer) -> None:
        await ask(resolver)
        await asyncio.sleep(69)
        assert (await resolver.resolve("a.test", V4)).source is Source.CACHE
        await asyncio.sleep(2)
        assert (await resolver.resolve("a.test", V4)).source is Source.TRASH
        await server.until_asked(2)
        await asyncio.sleep(200)
        assert (await resolver.resolve("a.test", V4)).source is Source.QUERY

    play(addresses("192.0.2.1", ttl=100), test)


def test_a_name_without_such_an_address_is_remembered() -> None:
    async def test(resolver: HickoryResolver, server: DnsServer) -> None:
        for _ in range(2):
            assert await ask(resolver, family=V6) == []
        assert len(server.asked) == 1
        await asyncio.sleep(8)
        assert await ask(resolver, family=V6) == []
        assert len(server.asked) == 2

    play(addresses("192.0.2.1"), test, negative_min_ttl=7)


@pytest.mark.parametrize(
    ("rcode", "subtype", "counter"),
    [
        (1, "FORMERR", "server_malformed"),
        (2, "SERVFAIL", "server_serv_fail"),
        (3, "NOTFOUND", "server_not_found"),
        (4, "NOTIMP", ""),
        (5, "REFUSED", "server_refused"),
    ],
)
def test_the_server_says_no(rcode: int, subtype: str, counter: str) -> None:
    async def test(resolver: HickoryResolver, server: DnsServer) -> None:
        for _ in range(2):
            assert await fail(resolver) == (ErrorType.SERVER, subtype)
        assert elapsed() == 0.0
        names = {asked.name for asked in server.asked}
        assert (names, len(server.asked) <= 2) == ({"a.test"}, True)
        counters = {name: getattr(resolver.stats[V4], name) for name in resolver.stats[V4].__slots__}
        assert counters.pop("total") == 2
        assert {name for name, count in counters.items() if count} == {"cached", "driver_total"} | {counter} - {""}

    play(with_code(rcode), test)


def test_a_server_of_old_is_asked_without_edns() -> None:
    def speak(asked: Asked) -> Sequence[bytes]:
        if len(server_asked) == 0:
            server_asked.append(asked)
            return [reply(asked, rcode=1)]
        return [reply(asked, record("a.test", "192.0.2.1"))]

    server_asked: list[Asked] = []

    async def test(resolver: HickoryResolver, server: DnsServer) -> None:
        assert await ask(resolver) == ["192.0.2.1"]

    play(speak, test)


def test_a_silent_server() -> None:
    async def test(resolver: HickoryResolver, server: DnsServer) -> None:
        assert await fail(resolver) == (ErrorType.DRIVER, "Timeout")
        assert elapsed() == 3.0
        assert resolver.stats[V4].driver_timeout == 1

    play(silence, test, request_timeout=1.5, each_tries=2)


def test_the_protective_timeout() -> None:
    async def test(resolver: HickoryResolver, server: DnsServer) -> None:
        assert await fail(resolver) == (ErrorType.LOCAL, "DriverTimedOut")
        assert elapsed() == 0.5

    play(silence, test, protective_query_timeout=0.5)


@pytest.mark.parametrize("domain", ["a\0.test", "a..test", "a b.test", "bücher.test", "x" * 64, "\n", "\u212a.test"])
def test_bad_names_stay_here(domain: str) -> None:
    async def test(resolver: HickoryResolver, server: DnsServer) -> None:
        assert await fail(resolver, domain) == (ErrorType.DRIVER, "BadName")
        assert not server.asked

    play(silence, test)


def test_not_too_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HickoryResolver, "asking_max", 2)

    async def test(resolver: HickoryResolver, server: DnsServer) -> None:
        for name in ("a.test", "b.test", "a.test"):
            assert isinstance(resolver.query(name, V4, lambda answer: None), Query)
        assert await fail(resolver, "c.test") == (ErrorType.DRIVER, "InternalError")

    play(silence, test)


def test_a_fault_of_ours_is_an_error_and_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Servers, "look_up", broken)

    async def test(resolver: HickoryResolver, server: DnsServer) -> None:
        with caplog.at_level(logging.ERROR):
            assert await fail(resolver) == (ErrorType.DRIVER, "InternalError")
        assert "the lookup of 'a.test' went wrong" in caplog.text
        assert "RuntimeError: a bug" in caplog.text

    play(silence, test)


def test_failures_are_logged() -> None:
    sink = Records()

    async def test(resolver: HickoryResolver, server: DnsServer) -> None:
        await ask(resolver, "b.test", V6)
        server.speak = with_code(2)
        await fail(resolver)
        await fail(resolver)
        port = server.address.rpartition(":")[2]
        for written, source in zip(sink.written, ("query", "cache"), strict=True):
            assert written.pop("duration").endswith("s")
            assert written == {
                "log_type": "Resolve",
                "resolver_type": "hickory",
                "resolver_name": "dns",
                "bind_addr": "127.0.0.1",
                "server": "127.0.0.1",
                "server_port": int(port),
                "encryption": None,
                "query_type": "A",
                "rr_source": source,
                "error_type": "ServerError",
                "error_subtype": "SERVFAIL",
                "domain": "a.test",
                "msg": "server error: the server failed",
            }

    play(addresses("192.0.2.1"), test, sink, bind_ip="127.0.0.1")


def test_every_failure_has_words() -> None:
    for failure in Failure:
        error = error_of(failure, "more about it")
        assert error.error_type in (ErrorType.SERVER, ErrorType.DRIVER)
        assert error.subtype
        assert str(error).endswith(": more about it")
        assert "more" not in str(error_of(failure))


def test_running_queries_may_end_and_new_ones_may_not_begin() -> None:
    async def main() -> None:
        async with serving(silence) as server:
            with Parts() as parts:
                resolver = make(parts, server, graceful_stop_wait=10)
                asking = asyncio.ensure_future(ask(resolver))
                await server.until_asked(1)
                closing = asyncio.ensure_future(resolver.close())
                await asyncio.sleep(0)
                assert await fail(resolver, "b.test") == (ErrorType.LOCAL, "NoResolverRunning")
                server.speak = addresses("192.0.2.1")  # the repetition is answered
                assert await asking == ["192.0.2.1"]
                await closing
                assert elapsed() == 1.0

    run_virtually(main)


def test_close_ends_what_does_not_end_by_itself() -> None:
    async def main() -> None:
        async with serving(silence) as server:
            with Parts() as parts:
                resolver = make(parts, server, graceful_stop_wait=1.5)
                asking = asyncio.ensure_future(fail(resolver))
                await server.until_asked(1)
                await resolver.close()
                assert elapsed() == 1.5
                assert await asking == (ErrorType.LOCAL, "NoResolverRunning")

    run_virtually(main)
