"""The resolver that fails over, in virtual time: who is asked when, whose word counts, what is remembered."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from escaper.network import FakeResolver, Records, elapsed, run_virtually
from g3_escape import Family
from g3proxyd.config.resolver import FailOverConfig
from g3proxyd.log.logger import Logger, Sink
from g3proxyd.resolver.base import Answer, Query, Source
from g3proxyd.resolver.deny_all import DenyAllResolver
from g3proxyd.resolver.errors import ErrorType, ResolveError, driver_error, server_error
from g3proxyd.resolver.fail_over import FailOverResolver

V4, V6 = Family.IPV4, Family.IPV6
NEVER = float("inf")
NOT_FOUND = server_error("NOTFOUND", "no such name")
SERVFAIL = server_error("SERVFAIL", "it failed")
TIMEOUT = driver_error("Timeout", "late")

Script = tuple[float | None, str | ResolveError]


def make(*scripts: Script, sink: Sink | None = None, **keys: Any) -> tuple[FailOverResolver, list[FakeResolver]]:
    """A resolver in front of two that answer IPv4 questions like this."""
    config = FailOverConfig.model_validate({"name": "f", "primary": "p", "standby": "s", **keys})
    fakes = [FakeResolver(v4=script) for script in scripts]
    for fake, name in zip(fakes, ("p", "s"), strict=True):
        fake.name = name
    return FailOverResolver(config, fakes[0], fakes[1], Logger("Resolve", sink or Records())), fakes


async def ask(resolver: FailOverResolver, domain: str = "a.test", family: Family = V4) -> tuple[str, float]:
    """The addresses or the error's word, and when."""
    try:
        answer = await resolver.resolve(domain, family)
    except ResolveError as error:
        return error.subtype, elapsed()
    return " ".join(map(str, answer.addresses)), elapsed()


def never(answer: Answer) -> None:
    pytest.fail(f"{answer} was to be returned, not delivered")


P, S = "192.0.2.1", "192.0.2.2"


@pytest.mark.parametrize(
    ("primary", "standby", "said", "ended", "standby_asked"),
    [
        # The primary one is in time.
        ((None, P), (None, S), P, 0.0, False),
        ((0.05, P), (None, S), P, 0.05, False),
        # It is late: both have a chance.
        ((0.15, P), (0.1, S), P, 0.15, True),
        ((0.25, P), (0.1, S), S, 0.2, True),
        ((NEVER, P), (None, S), S, 0.1, True),
        ((0.3, P), (0.1, SERVFAIL), P, 0.3, True),
        # It fails: the standby one is asked at once.
        ((None, SERVFAIL), (None, S), S, 0.0, True),
        ((0.05, NOT_FOUND), (0.5, S), S, 0.55, True),
        # Both fail: the last error counts.
        ((None, SERVFAIL), (None, TIMEOUT), "Timeout", 0.0, True),
        ((0.3, SERVFAIL), (0.1, TIMEOUT), "SERVFAIL", 0.3, True),
        # That the name has no such address is an answer.
        ((0.05, ""), (None, S), "", 0.05, False),
    ],
)
def test_whose_word_counts(primary: Script, standby: Script, said: str, ended: float, standby_asked: bool) -> None:
    async def main() -> None:
        resolver, fakes = make(primary, standby)
        assert await ask(resolver) == (said, ended)
        assert bool(fakes[1].asked) is standby_asked
        late = [query for query in queries(fakes) if query.timer is None or query.timer.when() > 1000 + ended]
        assert all(query.cancelled for query in late)
        await resolver.close()

    run_virtually(main)


def queries(fakes: list[FakeResolver]) -> list[Any]:
    return [query for fake in fakes for query in fake.queries]


@pytest.mark.parametrize(
    ("primary", "standby", "said", "ended"),
    [
        ((0.05, ""), (0.02, S), S, 0.07),
        ((None, ""), (None, ""), "", 0.0),
        ((None, ""), (None, SERVFAIL), "", 0.0),
        ((None, SERVFAIL), (None, ""), "", 0.0),
    ],
)
def test_no_address_is_no_answer_if_wanted(primary: Script, standby: Script, said: str, ended: float) -> None:
    async def main() -> None:
        resolver, _ = make(primary, standby, retry_empty_record=True)
        assert await ask(resolver) == (said, ended)

    run_virtually(main)


@pytest.mark.parametrize(("delay", "asked"), [(0.0, 0.0), ("1s", 1.0)])
def test_the_delay(delay: object, asked: float) -> None:
    async def main() -> None:
        resolver, _ = make((NEVER, P), (0.5, S), fallback_delay=delay)
        assert await ask(resolver) == (S, asked + 0.5)

    run_virtually(main)


def test_what_is_known_comes_at_once() -> None:
    async def main() -> None:
        resolver, fakes = make((None, P), (NEVER, S))
        answer = resolver.query("a.test", V4, never)
        assert isinstance(answer, Answer)
        assert str(answer.addresses[0]) == P
        assert fakes[0].asked == [("a.test", V4)]
        stats = resolver.stats[V4]
        assert (stats.total, stats.cached, stats.driver_total) == (1, 0, 1)
        assert resolver.stats[V6].total == 0

    run_virtually(main)


def test_failures_are_remembered_for_a_while() -> None:
    async def main() -> None:
        resolver, fakes = make((None, SERVFAIL), (0.5, NOT_FOUND), negative_ttl=7)
        assert await ask(resolver) == ("NOTFOUND", 0.5)
        answer = resolver.query("A.TEST.", V4, never)
        assert isinstance(answer, Answer)
        assert answer.error is not None
        assert (answer.source, answer.error.subtype) == (Source.CACHE, "NOTFOUND")
        assert len(fakes[0].asked) == 1
        stats = resolver.stats[V4]
        assert (stats.total, stats.cached, stats.driver_total, stats.server_not_found) == (2, 1, 1, 1)
        await asyncio.sleep(7)
        assert await ask(resolver) == ("NOTFOUND", 8.0)
        assert len(fakes[0].asked) == 2

    run_virtually(main)


def test_names_that_are_none_are_not_remembered() -> None:
    async def main() -> None:
        resolver, fakes = make((None, SERVFAIL), (None, TIMEOUT))
        for _ in range(2):
            assert await ask(resolver, "a b") == ("Timeout", 0.0)
        assert len(fakes[0].asked) == 2

    run_virtually(main)


def test_the_protective_timeout() -> None:
    async def main() -> None:
        resolver, fakes = make((NEVER, P), (NEVER, S), protective_query_timeout=3)
        assert await ask(resolver) == ("DriverTimedOut", 3.0)
        assert all(query.cancelled for query in queries(fakes))
        assert resolver.stats[V4].driver_timeout == 1

    run_virtually(main)


@pytest.mark.parametrize("after", [0.05, 0.5])
def test_to_cancel_cancels_what_is_under_way(after: float) -> None:
    async def main() -> None:
        resolver, fakes = make((NEVER, P), (NEVER, S))
        query = resolver.query("a.test", V4, never)
        assert isinstance(query, Query)
        await asyncio.sleep(after)
        query.cancel()
        query.cancel()
        assert len(queries(fakes)) == (1 if after < 0.1 else 2)
        assert all(query.cancelled for query in queries(fakes))
        await asyncio.sleep(1)
        assert len(queries(fakes)) == (1 if after < 0.1 else 2)
        await resolver.close()
        assert elapsed() == after + 1

    run_virtually(main)


def test_both_deny() -> None:
    async def main() -> None:
        config = FailOverConfig(name="f", primary="p", standby="s")
        resolver = FailOverResolver(config, DenyAllResolver("p"), DenyAllResolver("s"), Logger("Resolve", Records()))
        assert await ask(resolver) == ("NoResolverRunning", 0.0)
        await resolver.close()

    run_virtually(main)


def test_one_behind_another() -> None:
    async def main() -> None:
        inner, _ = make((NEVER, P), (0.2, S))
        config = FailOverConfig(name="g", primary="f", standby="d")
        outer = FailOverResolver(config, inner, DenyAllResolver("d"), Logger("Resolve", Records()))
        assert await ask(outer) == (S, 0.3)
        await outer.close()
        await inner.close()

    run_virtually(main)


def test_failures_are_logged() -> None:
    async def main() -> None:
        sink = Records()
        resolver, _ = make((None, P), (None, S), sink=sink)
        await ask(resolver)
        assert not sink.written
        resolver, _ = make((None, SERVFAIL), (None, TIMEOUT), sink=sink)
        await ask(resolver)
        await ask(resolver)
        for written, source in zip(sink.written, ("query", "cache"), strict=True):
            assert written.pop("duration").endswith("s")
            assert written == {
                "log_type": "Resolve",
                "resolver_type": "fail-over",
                "resolver_name": "f",
                "next_primary": "p",
                "next_standby": "s",
                "query_type": "A",
                "rr_source": source,
                "error_type": "DriverError",
                "error_subtype": "Timeout",
                "domain": "a.test",
                "msg": "driver error: late",
            }

    run_virtually(main)


def closing(wait: float, test: Callable[[FailOverResolver, "asyncio.Task[tuple[str, float]]"], Any]) -> None:
    async def main() -> None:
        resolver, fakes = make((2.0, P), (NEVER, S), graceful_stop_wait=wait)
        asking = asyncio.ensure_future(ask(resolver))
        await asyncio.sleep(0)
        ending = asyncio.ensure_future(resolver.close())
        await asyncio.sleep(0)
        assert await ask(resolver, "b.test") == ("NoResolverRunning", 0.0)
        await ending
        await test(resolver, asking)
        assert all(query.cancelled for query in queries(fakes)[1:])

    run_virtually(main)


def test_running_queries_may_end() -> None:
    async def test(resolver: FailOverResolver, asking: "asyncio.Task[tuple[str, float]]") -> None:
        assert elapsed() == 2.0
        assert await asking == (P, 2.0)

    closing(10, test)


def test_close_ends_what_does_not_end_by_itself() -> None:
    async def test(resolver: FailOverResolver, asking: "asyncio.Task[tuple[str, float]]") -> None:
        assert elapsed() == 0.5
        assert await asking == ("NoResolverRunning", 0.5)
        assert not len(resolver._failures[V4])

    closing(0.5, test)


def test_words_of_errors() -> None:
    async def main() -> None:
        resolver, _ = make((None, SERVFAIL), (None, SERVFAIL))
        with pytest.raises(ResolveError) as caught:
            await resolver.resolve("a.test", V4)
        assert caught.value.error_type is ErrorType.SERVER

    run_virtually(main)
