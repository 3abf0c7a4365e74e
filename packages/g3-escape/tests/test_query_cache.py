"""The cache in front of a slow service, in virtual time."""

from typing import Any

import pytest
from g3_escape import Answer, Answered, QueryCache, QueryLimits, SendQuery
from g3_machine.testing import Clock
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

Cache = QueryCache[str, str]
LIMITS = QueryLimits(request_timeout=1.0, query_timeout=5.0, protective_ttl=10.0, maximum_ttl=100.0, vanish_wait=30.0)


def actions(cache: Cache) -> list[object]:
    return list(iter(cache.next_action, None))


def filled(ttl: float = 20.0, value: str | None = "old") -> Cache:
    """A cache that was told one answer at time 0."""
    cache = Cache(LIMITS)
    cache.wait("key", 0.0)
    cache.answered(0, value, ttl, 0.0)
    assert actions(cache) == [SendQuery("key", 0), Answered(0, Answer(value))]
    return cache


def test_one_query_for_all_who_wait() -> None:
    cache = Cache(LIMITS)
    assert cache.find("a", 0.0) is None
    assert [cache.wait("a", 0.0), cache.wait("a", 0.5), cache.wait("b", 0.6)] == [0, 1, 2]
    assert actions(cache) == [SendQuery("a", 0), SendQuery("b", 1)]
    cache.answered(0, "x", 20.0, 0.9)
    assert actions(cache) == [Answered(0, Answer("x")), Answered(1, Answer("x"))]
    assert cache.find("a", 20.8) == Answer("x")
    assert cache.find("b", 1.0) is None
    assert cache.next_timeout() == 1.6


def test_who_waits_too_long_gets_nothing_and_the_query_goes_on() -> None:
    cache = Cache(LIMITS)
    cache.wait("a", 0.0)
    cache.wait("a", 0.5)
    assert actions(cache) == [SendQuery("a", 0)]
    cache.handle_timeout(0.99)
    assert actions(cache) == []
    assert cache.next_timeout() == 1.0
    cache.handle_timeout(1.0)
    assert actions(cache) == [Answered(0, None)]
    assert cache.next_timeout() == 1.5
    cache.handle_timeout(1.5)
    assert actions(cache) == [Answered(1, None)]
    assert cache.next_timeout() == 5.0
    cache.wait("a", 2.0)
    assert actions(cache) == []
    cache.answered(0, "x", 20.0, 2.5)
    assert actions(cache) == [Answered(2, Answer("x"))]
    assert cache.next_timeout() is None


@pytest.mark.parametrize(
    ("ttl", "fresh"), [(20.0, 20.0), (0.0, 10.0), (-5.0, 10.0), (float("nan"), 10.0), (100.0, 100.0), (1e9, 100.0)]
)
@pytest.mark.parametrize("value", ["old", None])
def test_time_to_live(ttl: float, fresh: float, value: str | None) -> None:
    cache = filled(ttl, value)
    assert cache.find("key", fresh - 0.01) == Answer(value)
    assert cache.find("key", fresh) is None


def test_an_old_answer_serves_while_the_service_is_slow() -> None:
    cache = filled()
    cache.wait("key", 25.0)
    assert actions(cache) == [SendQuery("key", 1)]
    cache.handle_timeout(26.0)
    assert actions(cache) == [Answered(1, Answer("old"))]
    cache.answered(1, "new", 20.0, 27.0)
    assert cache.find("key", 27.0) == Answer("new")


def test_an_old_answer_vanishes() -> None:
    cache = filled()
    cache.wait("key", 49.0)
    cache.handle_timeout(50.0)
    assert actions(cache) == [SendQuery("key", 1), Answered(1, None)]


def test_a_silent_service_is_not_asked_again_at_once() -> None:
    cache = Cache(LIMITS)
    cache.wait("a", 0.0)
    assert Clock().run_timers(cache, 20.0) == [1.0, 5.0]
    assert actions(cache) == [SendQuery("a", 0), Answered(0, None)]
    assert cache.find("a", 14.99) == Answer(None)
    assert cache.find("a", 15.0) is None
    # Nothing is not kept beyond its time: there is nobody whom it serves.
    cache.wait("a", 15.0)
    cache.handle_timeout(16.0)
    assert actions(cache) == [SendQuery("a", 1), Answered(1, None)]


def test_an_old_answer_serves_while_the_service_is_silent() -> None:
    cache = filled()
    cache.wait("key", 25.0)
    cache.handle_timeout(26.0)
    cache.wait("key", 29.5)
    cache.handle_timeout(30.0)
    assert actions(cache) == [SendQuery("key", 1), Answered(1, Answer("old")), Answered(2, Answer("old"))]
    assert cache.find("key", 39.99) == Answer("old")
    assert cache.find("key", 40.0) is None
    cache.wait("key", 44.0)
    cache.query_failed(1, 44.0)
    assert actions(cache) == [SendQuery("key", 2)]
    cache.query_failed(2, 44.0)
    assert actions(cache) == [Answered(3, Answer("old"))]
    assert cache.find("key", 49.99) == Answer("old"), "as long as it may"
    assert cache.find("key", 50.0) is None
    cache.wait("key", 50.0)
    cache.query_failed(3, 50.0)
    assert actions(cache) == [SendQuery("key", 3), Answered(4, Answer(None))]


def test_an_old_nothing_gives_way() -> None:
    cache = filled(value=None)
    cache.wait("key", 25.0)
    cache.query_failed(1, 25.0)
    assert actions(cache)[-1] == Answered(1, Answer(None))
    assert cache.find("key", 34.99) == Answer(None)
    assert cache.find("key", 35.0) is None


def test_who_left_is_not_answered() -> None:
    cache = Cache(LIMITS)
    for when in (0.0, 0.1, 0.2):
        cache.wait("a", when)
    cache.leave(1)
    cache.leave(1)
    cache.leave(7)
    cache.leave(0)
    assert cache.next_timeout() == 1.2
    cache.answered(0, "x", 1.0, 0.3)
    cache.leave(2)
    assert actions(cache) == [SendQuery("a", 0), Answered(2, Answer("x"))]


def test_answers_to_no_query_are_ignored() -> None:
    cache = filled()
    cache.answered(0, "again", 20.0, 1.0)
    cache.answered(7, "never asked", 20.0, 1.0)
    cache.query_failed(0, 1.0)
    cache.query_failed(7, 1.0)
    assert actions(cache) == []
    assert cache.find("key", 2.0) == Answer("old")


def test_a_late_timer_ends_queries_and_waits() -> None:
    cache = Cache(LIMITS)
    cache.wait("a", 0.0)
    cache.wait("b", 1.0)
    cache.wait("c", 7.0)
    assert len(actions(cache)) == 3
    cache.handle_timeout(7.5)
    assert actions(cache) == [Answered(0, Answer(None)), Answered(1, Answer(None))]
    assert cache.next_timeout() == 8.0


def test_no_more_queries_than_allowed() -> None:
    cache = Cache(QueryLimits(max_queries=2))
    for key in ("a", "b", "c", "a"):
        cache.wait(key, 0.0)
    assert actions(cache) == [SendQuery("a", 0), SendQuery("b", 1), Answered(2, None)]
    cache.answered(0, "x", 1.0, 0.0)
    cache.wait("c", 0.0)
    assert actions(cache) == [Answered(0, Answer("x")), Answered(3, Answer("x")), SendQuery("c", 2)]


def test_no_more_wait_than_allowed() -> None:
    cache = Cache(QueryLimits(max_waiting=2))
    for key in ("a", "a", "a", "b"):
        cache.wait(key, 0.0)
    assert actions(cache) == [SendQuery("a", 0), Answered(2, None), Answered(3, None)]
    cache.leave(0)
    cache.wait("b", 0.0)
    assert actions(cache) == [SendQuery("b", 1)]


def test_who_may_not_wait_gets_an_old_answer() -> None:
    cache = Cache(QueryLimits(max_queries=1, vanish_wait=30.0))
    cache.wait("a", 0.0)
    cache.answered(0, "old", 1.0, 0.0)
    cache.wait("b", 5.0)
    cache.wait("a", 5.0)
    assert actions(cache)[-1] == Answered(2, Answer("old"))


def fill(cache: Cache, *keys: str, now: float) -> None:
    for key in keys:
        cache.wait(key, now)
        numbers = [action.number for action in actions(cache) if isinstance(action, SendQuery)]
        cache.answered(numbers[0], key, 20.0, now)
    actions(cache)


def test_the_oldest_record_goes_first() -> None:
    cache = Cache(QueryLimits(max_records=2))
    fill(cache, "a", "b", now=0.0)
    fill(cache, "a", now=30.0)
    fill(cache, "c", now=31.0)
    assert [cache.find(key, 31.0) for key in "abc"] == [Answer("a"), None, Answer("c")]


def test_what_has_vanished_goes_with_the_next_records() -> None:
    cache = Cache(LIMITS)
    fill(cache, "a", "b", "c", now=0.0)
    fill(cache, "d", now=49.0)
    assert len(cache._records) == 4
    fill(cache, "e", now=50.0)
    assert list(cache._records) == ["c", "d", "e"]
    fill(cache, "f", now=50.0)
    assert list(cache._records) == ["d", "e", "f"]
    cache = Cache(LIMITS)
    fill(cache, "a", now=0.0)
    fill(cache, "b", now=50.0)
    assert list(cache._records) == ["b"]


def test_defaults_are_those_of_the_configuration() -> None:
    assert QueryLimits() == QueryLimits(0.1, 10.0, 10.0, 1800.0, 30.0, 16_384, 1024, 8192)
    cache = Cache()
    cache.wait("a", 0.0)
    assert cache.next_timeout() == 0.1


@pytest.mark.parametrize("name", list(QueryLimits.__dataclass_fields__))
def test_settings_that_make_no_sense(name: str) -> None:
    wrong: dict[str, Any] = {name: 0 if name.startswith("max_") else -0.1}
    with pytest.raises(ValueError, match=r"not negative|at least 1"):
        QueryLimits(**wrong)


class Life(RuleBasedStateMachine):
    """Anything at any time: each ticket is answered once and in time, and nothing outgrows its limit."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = QueryLimits(1.0, 3.0, 2.0, 6.0, 4.0, max_records=2, max_queries=2, max_waiting=3)
        self.cache = Cache(self.limits)
        self.now = 0.0
        self.open: dict[int, float] = {}
        self.queries: dict[int, str] = {}
        self.numbers: list[int] = []

    @rule(key=st.sampled_from("abc"))
    def ask(self, key: str) -> None:
        found = self.cache.find(key, self.now)
        if found is None:
            self.open[self.cache.wait(key, self.now)] = self.now

    @precondition(lambda self: self.numbers)
    @rule(data=st.data(), value=st.none() | st.just("x"), ttl=st.integers(0, 9))
    def answer(self, data: st.DataObject, value: str | None, ttl: int) -> None:
        number = data.draw(st.sampled_from(self.numbers))
        self.cache.answered(number, value, float(ttl), self.now)
        self.queries.pop(number, None)

    @precondition(lambda self: self.numbers)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.numbers))
        self.cache.query_failed(number, self.now)
        self.queries.pop(number, None)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(sorted(self.open)))
        self.cache.leave(ticket)
        del self.open[ticket]

    @rule(seconds=st.sampled_from([0.25, 1.0, 3.5]))
    def pass_time(self, seconds: float) -> None:
        clock = Clock(self.now)
        clock.run_timers(self.cache, self.now + seconds)
        self.now = clock.now

    @invariant()
    def makes_sense(self) -> None:
        while (action := self.cache.next_action()) is not None:
            if isinstance(action, SendQuery):
                assert action.number not in self.numbers
                assert action.key not in [key for number, key in self.queries.items() if number in self.cache._flights]
                self.queries[action.number] = action.key
                self.numbers.append(action.number)
            else:
                del self.open[action.ticket]  # a KeyError is an answer too many, or to one who left
        assert all(self.now < asked + self.limits.request_timeout for asked in self.open.values())
        assert len(self.cache._records) <= self.limits.max_records
        assert len(self.cache._flights) == len(self.cache._under_way) <= self.limits.max_queries
        assert len(self.cache._waiting) == len(self.open) <= self.limits.max_waiting
        due = self.cache.next_timeout()
        assert due is None or due > self.now


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_record_is_fresh_then_old_then_gone(ttl: float, later: float) -> None:
    cache = filled(ttl)
    fresh = min(ttl, 100.0) or 10.0
    assert (cache.find("key", later) is not None) == (later < fresh)
    if later >= fresh:
        cache.wait("key", later)
        cache.handle_timeout(later + 1.0)
        expected = Answer("old") if later + 1.0 < fresh + 30.0 else None
        assert actions(cache)[-1] == Answered(1, expected)
