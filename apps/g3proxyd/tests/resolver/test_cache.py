"""The memory of a resolver, in virtual time."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address

import pytest
from g3proxyd.resolver.base import Answer, Source
from g3proxyd.resolver.cache import CAPACITY, TTL_MAX, Cache, Lifetimes, is_final
from g3proxyd.resolver.errors import ResolveError, driver_error, local_error, server_error

ONE = (IPv4Address("192.0.2.1"),)
TWO = (IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2"))
NOT_FOUND = server_error("NOTFOUND", "no such name")
SERVFAIL = server_error("SERVFAIL", "the server failed")


@dataclass(eq=False)
class Listener:
    """A waiter that writes down what it hears."""

    heard: list[Answer] = field(default_factory=list)

    def deliver(self, answer: Answer) -> None:
        self.heard.append(answer)


@pytest.fixture
def cache() -> Cache:
    return Cache(Lifetimes(positive_min_ttl=30, positive_max_ttl=3600, negative_min_ttl=20))


class TestLifetimes:
    @pytest.mark.parametrize(
        ("ttl", "expires", "vanishes"),
        [
            (0, 30, 31),
            (30, 30, 31),
            (31, 30, 31),
            (60, 30, 60),
            (61, 31, 61),
            (100, 70, 100),
            (3630, 3600, 3630),
            (3631, 3600, 3631),
            (86400, 3600, 86400),
            (TTL_MAX, 3600, TTL_MAX),
            (TTL_MAX + 1, 30, 31),
        ],
    )
    def test_of(self, ttl: int, expires: int, vanishes: int) -> None:
        assert Lifetimes().of(ttl) == (expires, vanishes)

    def test_no_minimum(self) -> None:
        assert Lifetimes(positive_min_ttl=0).of(0) == (0, 1)
        assert Lifetimes(positive_min_ttl=0).of(5) == (5, 5)

    def test_defaults(self) -> None:
        assert Lifetimes() == Lifetimes(30, 3600, 30)


class TestPositive:
    def test_unknown(self, cache: Cache) -> None:
        assert cache.find("a.test", 0.0) is None

    def test_the_stages_of_an_answer(self, cache: Cache) -> None:
        cache.resolved("a.test", TWO, 100, 1000.0)
        assert cache.find("a.test", 1000.0) == Answer(TWO, None, Source.CACHE)
        assert cache.find("a.test", 1069.9) == Answer(TWO, None, Source.CACHE)
        assert cache.find("a.test", 1070.0) == Answer(TWO, None, Source.TRASH)
        assert cache.find("a.test", 1099.9) == Answer(TWO, None, Source.TRASH)
        assert len(cache) == 1
        assert cache.find("a.test", 1100.0) is None
        assert len(cache) == 0

    def test_a_new_answer_takes_the_place_of_the_old_one(self, cache: Cache) -> None:
        cache.resolved("a.test", ONE, 100, 0.0)
        cache.resolved("a.test", TWO, 100, 80.0)
        assert cache.find("a.test", 149.9) == Answer(TWO, None, Source.CACHE)
        assert len(cache) == 1


class TestNegative:
    def test_no_addresses(self, cache: Cache) -> None:
        cache.resolved("a.test", (), 9999, 0.0)
        assert cache.find("a.test", 19.9) == Answer((), None, Source.CACHE)
        assert cache.find("a.test", 20.0) is None

    @pytest.mark.parametrize("error", [NOT_FOUND, SERVFAIL, driver_error("Timeout", "late")])
    def test_an_error(self, cache: Cache, error: ResolveError) -> None:
        cache.failed("a.test", error, 0.0)
        assert cache.find("a.test", 19.9) == Answer((), error, Source.CACHE)
        assert cache.find("a.test", 20.0) is None

    @pytest.mark.parametrize("error", [SERVFAIL, driver_error("Timeout", ""), local_error("DriverTimedOut", "")])
    def test_an_answer_outlives_the_failure_to_renew_it(self, cache: Cache, error: ResolveError) -> None:
        cache.resolved("a.test", ONE, 100, 0.0)
        waiter = Listener()
        assert cache.ask("a.test", waiter)
        cache.failed("a.test", error, 80.0)
        assert waiter.heard == [Answer(ONE, None, Source.TRASH)]
        assert cache.find("a.test", 99.0) == Answer(ONE, None, Source.TRASH)
        assert not cache.is_asking("a.test")

    def test_until_it_vanishes(self, cache: Cache) -> None:
        cache.resolved("a.test", ONE, 100, 0.0)
        cache.failed("a.test", SERVFAIL, 100.0)
        assert cache.find("a.test", 101.0) == Answer((), SERVFAIL, Source.CACHE)

    def test_a_name_that_is_gone_is_gone_at_once(self, cache: Cache) -> None:
        cache.resolved("a.test", ONE, 100, 0.0)
        cache.failed("a.test", NOT_FOUND, 80.0)
        assert cache.find("a.test", 81.0) == Answer((), NOT_FOUND, Source.CACHE)

    def test_an_empty_answer_does_not_outlive_a_failure(self, cache: Cache) -> None:
        cache.resolved("a.test", (), 100, 0.0)
        cache.failed("a.test", SERVFAIL, 10.0)
        assert cache.find("a.test", 11.0) == Answer((), SERVFAIL, Source.CACHE)

    def test_no_answer_in_place_of_addresses_counts(self, cache: Cache) -> None:
        cache.resolved("a.test", ONE, 100, 0.0)
        cache.resolved("a.test", (), 0, 80.0)
        assert cache.find("a.test", 81.0) == Answer((), None, Source.CACHE)

    @pytest.mark.parametrize(
        ("error", "final"),
        [(NOT_FOUND, True), (SERVFAIL, False), (local_error("NOTFOUND", "no such thing"), False)],
    )
    def test_final(self, error: ResolveError, final: bool) -> None:
        assert is_final(error) is final


class TestWaiting:
    def test_equal_queries_are_asked_once(self, cache: Cache) -> None:
        first, second, third = Listener(), Listener(), Listener()
        assert cache.ask("a.test", first)
        assert not cache.ask("a.test", second)
        assert cache.ask("b.test", third)
        assert cache.asking == 2
        assert cache.is_asking("a.test")
        cache.resolved("a.test", ONE, 60, 0.0)
        assert first.heard == [Answer(ONE, None, Source.QUERY)]
        assert second.heard == [Answer(ONE, None, Source.CACHE)]
        assert third.heard == []
        assert cache.asking == 1
        assert cache.ask("a.test")

    def test_errors_are_shared_as_well(self, cache: Cache) -> None:
        first, second = Listener(), Listener()
        cache.ask("a.test", first)
        cache.ask("a.test", second)
        cache.failed("a.test", SERVFAIL, 0.0)
        assert first.heard == [Answer((), SERVFAIL, Source.QUERY)]
        assert second.heard == [Answer((), SERVFAIL, Source.CACHE)]

    def test_nobody_waits_for_a_refresh(self, cache: Cache) -> None:
        assert cache.ask("a.test")
        assert not cache.ask("a.test")
        cache.resolved("a.test", ONE, 60, 0.0)
        assert not cache.is_asking("a.test")

    def test_one_may_join_a_refresh(self, cache: Cache) -> None:
        waiter = Listener()
        cache.ask("a.test")
        assert not cache.ask("a.test", waiter)
        cache.resolved("a.test", ONE, 60, 0.0)
        assert waiter.heard == [Answer(ONE, None, Source.QUERY)]

    def test_dropping_all(self, cache: Cache) -> None:
        waiters = [Listener(), Listener()]
        for number, waiter in enumerate(waiters):
            cache.ask(f"{number}.test", waiter)
        cache.drop_waiters(SERVFAIL)
        assert [waiter.heard for waiter in waiters] == [[Answer((), SERVFAIL, Source.QUERY)]] * 2
        assert (cache.asking, len(cache)) == (0, 0)

    def test_a_waiter_may_ask_again_at_once(self, cache: Cache) -> None:
        class Again(Listener):
            def deliver(self, answer: Answer) -> None:
                super().deliver(answer)
                assert cache.find("a.test", 0.0) == Answer(ONE, None, Source.CACHE)
                assert cache.ask("a.test", other)

        other, waiter = Listener(), Again()
        cache.ask("a.test", waiter)
        cache.resolved("a.test", ONE, 60, 0.0)
        assert (len(waiter.heard), other.heard) == (1, [])


class TestCapacity:
    def test_the_name_that_was_not_used_for_longest_goes(self) -> None:
        cache = Cache(Lifetimes(), capacity=2)
        cache.resolved("a.test", ONE, 60, 0.0)
        cache.resolved("b.test", ONE, 60, 0.0)
        assert cache.find("a.test", 1.0) is not None
        cache.failed("c.test", SERVFAIL, 1.0)
        assert len(cache) == 2
        assert cache.find("b.test", 1.0) is None
        assert cache.find("a.test", 1.0) is not None
        assert cache.find("c.test", 1.0) is not None

    def test_a_renewed_name_is_a_used_one(self) -> None:
        cache = Cache(Lifetimes(), capacity=2)
        cache.resolved("a.test", ONE, 60, 0.0)
        cache.resolved("b.test", ONE, 60, 0.0)
        cache.resolved("a.test", TWO, 60, 1.0)
        cache.resolved("c.test", ONE, 60, 1.0)
        assert cache.find("a.test", 1.0) == Answer(TWO, None, Source.CACHE)
        assert cache.find("b.test", 1.0) is None

    def test_default(self) -> None:
        assert CAPACITY == 32768
