"""How long results are kept, which make room, and who waits for what."""

from ipaddress import IPv4Address
from typing import Any

import pytest
from dns.rdatatype import AAAA, A
from g3_dns import Addresses, Bounds, Cache, Coalescer, Entry, Failed, Failure, NoAddresses, Question, Result
from hypothesis import given
from hypothesis import strategies as st

ONE, TWO, THREE = Question("a.example", A), Question("a.example", AAAA), Question("b.example", A)
FAILED = Failed(Failure.TIMEOUT)
BOUNDS = Bounds(positive_min=30, positive_max=3600, negative_min=10, negative_max=100, failure=5)


def found(ttl: int) -> Addresses:
    return Addresses((IPv4Address("192.0.2.1"),), ttl)


@pytest.mark.parametrize(
    ("result", "seconds"),
    [
        (found(0), 30),
        (found(30), 30),
        (found(31), 31),
        (found(3600), 3600),
        (found(86400), 3600),
        (NoAddresses(True, 0), 10),
        (NoAddresses(False, 11), 11),
        (NoAddresses(False, 101), 100),
        (FAILED, 5),
    ],
)
def test_lifetimes(result: Result, seconds: int) -> None:
    cache = Cache(BOUNDS)
    assert cache.find(ONE, 1000) is None
    assert cache.store(ONE, result, 1000) is result
    assert cache.find(TWO, 1000) is None
    assert cache.find(ONE, 1000 + seconds - 0.1) == Entry(result, 1000 + seconds, 1000 + seconds)
    assert len(cache) == 1
    assert cache.find(ONE, 1000 + seconds) is None
    assert len(cache) == 0


def test_stale_addresses_stay_findable() -> None:
    cache = Cache(Bounds(stale=1000))
    cache.store(ONE, found(60), 0)
    entry = cache.find(ONE, 1059)
    assert entry is not None
    assert (entry.expires, entry.vanishes) == (60, 1060)
    assert cache.find(ONE, 1060) is None
    cache.store(ONE, NoAddresses(False, 60), 0)
    assert cache.find(ONE, 60) is None


def test_stale_addresses_stand_in_for_a_failure() -> None:
    cache = Cache(Bounds(stale=100, failure=30))
    cache.store(ONE, found(60), 0)
    assert cache.store(ONE, FAILED, 70) == found(60)
    entry = cache.find(ONE, 99)
    assert entry is not None
    assert (entry.result, entry.expires) == (found(60), 100)
    # Never for longer than they may be used at all, and never for less than they were good anyway.
    cache.store(ONE, FAILED, 150)
    assert cache.find(ONE, 150) == Entry(found(60), 160, 160)
    assert cache.store(ONE, FAILED, 160) is FAILED
    cache.store(ONE, found(600), 200)
    cache.store(ONE, FAILED, 210)
    assert cache.find(ONE, 210) == Entry(found(600), 800, 900)


def test_a_no_is_not_kept_in_place_of_a_failure() -> None:
    cache = Cache(BOUNDS)
    cache.store(ONE, NoAddresses(True, 100), 0)
    assert cache.store(ONE, FAILED, 1) is FAILED
    assert cache.find(ONE, 1) == Entry(FAILED, 6, 6)


def test_what_was_not_used_for_longest_makes_room() -> None:
    cache = Cache(capacity=2)
    for question in (ONE, TWO):
        cache.store(question, found(60), 0)
    cache.find(ONE, 1)
    cache.store(THREE, found(60), 2)
    assert [cache.find(question, 3) is None for question in (ONE, TWO, THREE)] == [False, True, False]
    cache.store(ONE, found(61), 4)
    cache.store(TWO, found(60), 5)
    assert [cache.find(question, 6) is None for question in (ONE, TWO, THREE)] == [False, False, True]
    cache.clear()
    assert len(cache) == 0


def test_a_cache_holds_something() -> None:
    assert len(Cache(capacity=1)) == 0
    with pytest.raises(ValueError, match="at least one"):
        Cache(capacity=0)


@pytest.mark.parametrize(
    "bounds",
    [
        {"positive_min": -1},
        {"negative_min": -1},
        {"failure": -1},
        {"stale": -1},
        {"positive_min": 3601},
        {"negative_max": 29},
    ],
)
def test_bounds_out_of_range(bounds: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not negative|not more than"):
        Bounds(**bounds)


def test_bounds_in_range() -> None:
    assert Bounds(positive_min=7, positive_max=7, negative_min=0, negative_max=0, failure=0).stale == 0


QUESTIONS = [Question(name, A) for name in "abcde"]
STEPS = st.tuples(
    st.sampled_from(QUESTIONS),
    st.sampled_from([None, found(5), found(50), NoAddresses(True, 3), FAILED]),
    st.integers(0, 20),
)


@given(st.lists(STEPS, max_size=60), st.integers(1, 4), st.integers(0, 30))
def test_against_a_model(steps: list[tuple[Question, Result | None, int]], capacity: int, stale: int) -> None:
    """A list of what was stored, in the order of its use, says the same."""
    bounds = Bounds(10, 40, 2, 8, 4, stale)
    cache = Cache(bounds, capacity)
    model: list[tuple[Question, Result, float, float]] = []
    now = 0.0
    for question, result, pause in steps:
        now += pause
        old = next((row for row in model if row[0] == question), None)
        if result is None or (result == FAILED and old and now < old[3] and isinstance(old[1], Addresses)):
            if old is not None:
                model.remove(old)
                if now < old[3]:
                    expires = old[2] if result is None else max(old[2], min(now + 4, old[3]))
                    model.append((question, old[1], expires, old[3]))
        else:
            row: tuple[Question, Result, float, float]
            match result:
                case Addresses(ttl=ttl):
                    row = (question, result, now + min(max(ttl, 10), 40), now + min(max(ttl, 10), 40) + stale)
                case NoAddresses(ttl=ttl):
                    row = (question, result, now + min(max(ttl, 2), 8), now + min(max(ttl, 2), 8))
                case _:
                    row = (question, result, now + 4, now + 4)
            if old is not None:
                model.remove(old)
            model = [*model, row][-capacity:]
        expected = model[-1] if model and model[-1][0] == question else None
        if result is None:
            entry = cache.find(question, now)
            shown = None if entry is None else (question, entry.result, entry.expires, entry.vanishes)
            assert shown == expected
        else:
            assert expected is not None
            assert cache.store(question, result, now) == expected[1]
        assert len(cache) == len(model)


def test_equal_lookups_are_one() -> None:
    waiting: Coalescer[str] = Coalescer()
    assert waiting.join(ONE, "first")
    assert waiting.join(ONE, "second") is False
    assert waiting.join(TWO, "third")
    assert len(waiting) == 2
    assert waiting.settle(ONE) == ["first", "second"]
    assert waiting.settle(ONE) == []
    assert waiting.join(ONE, "fourth")


def test_a_lookup_goes_on_when_nobody_waits() -> None:
    waiting: Coalescer[str] = Coalescer()
    waiting.join(ONE, "first")
    waiting.join(ONE, "second")
    waiting.leave(ONE, "first")
    waiting.leave(ONE, "first")
    waiting.leave(TWO, "first")
    waiting.leave(ONE, "second")
    assert not waiting.join(ONE, "third")
    assert waiting.settle(ONE) == ["third"]


def test_no_more_lookups_than_allowed() -> None:
    waiting: Coalescer[str] = Coalescer(max_lookups=2)
    assert not waiting.is_full(ONE)
    waiting.join(ONE, "first")
    waiting.join(TWO, "second")
    assert waiting.is_full(THREE)
    assert not waiting.is_full(ONE)
    waiting.settle(TWO)
    assert not waiting.is_full(THREE)
