"""Limits of tokens per time: exact over all workers, in virtual time, and whatever dies."""

import signal
from collections.abc import Callable
from fractions import Fraction

import pytest
from g3proxyd.shared import Counters, Limits, RateLease, SharedRate
from g3proxyd.shared.limit import MAX_LIMIT, MAX_NOW
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from shared.forking import forked, kill_myself

SECOND = 1_000_000_000
START = 5 * SECOND


def make(tokens: int, period: int = SECOND, burst: int | None = None) -> SharedRate:
    limits = Limits(1, 2)
    limits.add("another")
    return limits.rate(limits.add("x"), tokens, period, burst)


def drain(rate: SharedRate, now: int) -> int:
    """Take all tokens one by one."""
    taken = 0
    while rate.acquire(now):
        taken += 1
    return taken


def test_full_at_first_and_gains_evenly() -> None:
    rate = make(10)
    assert drain(rate, START) == 10
    assert drain(rate, START + SECOND // 10 - 1) == 0
    assert drain(rate, START + SECOND // 10) == 1
    assert drain(rate, START + SECOND // 2) == 4
    assert drain(rate, START + 100 * SECOND) == 10


def test_full_at_the_clocks_start_as_well() -> None:
    assert drain(make(10), 0) == 10


def test_a_third_of_a_second_is_not_rounded() -> None:
    """Three a second: after each whole second there are three, neither more nor less, for ever."""
    rate = make(3, burst=2)
    drain(rate, START)
    for third in range(1, 3000):
        exact = START + -(-third * SECOND // 3)
        assert not rate.acquire(exact - 1)
        assert rate.acquire(exact)


def test_a_long_period() -> None:
    """30/m: one in two seconds."""
    rate = make(30, 60 * SECOND)
    assert drain(rate, START) == 30
    assert drain(rate, START + 2 * SECOND - 1) == 0
    assert drain(rate, START + 5 * SECOND) == 2
    assert drain(rate, START + 6 * SECOND) == 1


def test_one_per_interval() -> None:
    rate = make(1, 70_000)
    assert [rate.acquire(now) for now in (5, 70_004, 70_005, 140_004, 140_005)] == [True, False, True, False, True]


def test_a_burst_of_its_own() -> None:
    rate = make(2, burst=7)
    assert drain(rate, START) == 7
    assert drain(rate, START + SECOND) == 2
    assert drain(rate, START + 100 * SECOND) == 7


def test_several_at_once_or_none() -> None:
    rate = make(10)
    assert not rate.acquire(START, 11)
    assert rate.acquire(START, 7)
    assert not rate.acquire(START, 4)
    assert rate.acquire(START, 3)
    assert not rate.acquire(START)


def test_between_least_and_most() -> None:
    rate = make(10)
    assert rate.take(START, 2, 6) == 6
    assert rate.take(START, 2, 6) == 4
    assert rate.take(START, 1, 6) == 0
    assert rate.take(START + SECOND // 5, 3, 6) == 0
    assert rate.take(START + SECOND // 5, 2, 2) == 2
    assert rate.take(START + SECOND // 5, 1, 2) == 0


def test_a_clock_that_was_read_too_early_gains_nothing() -> None:
    rate = make(10)
    assert rate.acquire(START, 5)
    assert not rate.acquire(START - SECOND // 5, 4)
    assert rate.acquire(START - SECOND // 5, 3)
    assert drain(rate, START) == 2


def test_a_changed_rate_goes_on_with_what_was_taken() -> None:
    limits = Limits(1, 1)
    slot = limits.add("x")
    drain(limits.rate(slot, 10), START)
    assert not limits.rate(slot, 20).acquire(START, 11)
    assert limits.rate(slot, 20).acquire(START + SECOND // 2, 10)


@pytest.mark.parametrize(
    ("now", "least", "most"), [(0, 0, 1), (0, -1, 1), (0, 2, 1), (-1, 1, 1), (MAX_NOW + 1, 1, 1), (1 << 100, 1, 1)]
)
def test_only_tokens_can_be_taken(now: int, least: int, most: int) -> None:
    rate = make(1)
    with pytest.raises(ValueError, match=f"cannot take {least} to {most} tokens at {now} ns"):
        rate.take(now, least, most)
    assert rate.acquire(0)


@pytest.mark.parametrize(
    ("tokens", "period", "burst"),
    [(0, 1, 1), (1, 0, 1), (1, 1, 0), (-1, 1, None), (MAX_LIMIT + 1, 1, 1), (1, 1, MAX_LIMIT + 1)],
)
def test_a_rate_has_positive_numbers(tokens: int, period: int, burst: int | None) -> None:
    with pytest.raises(ValueError, match="a rate has positive numbers"):
        make(tokens, period, burst)


def test_a_bucket_has_to_fill_within_a_lifetime() -> None:
    assert make(1, MAX_NOW).acquire(MAX_NOW)
    with pytest.raises(ValueError, match="take longer than"):
        make(1, MAX_NOW + 1)
    with pytest.raises(ValueError, match="2 tokens at 1 per"):
        make(1, MAX_NOW // 2 + 1, 2)


@pytest.mark.parametrize(
    ("tokens", "period", "burst"),
    [(MAX_LIMIT, 1, MAX_LIMIT), (MAX_LIMIT, MAX_NOW, MAX_LIMIT), (1, 1, MAX_NOW), (MAX_LIMIT, 3_600 * SECOND, 1)],
)
def test_the_largest_numbers(tokens: int, period: int, burst: int) -> None:
    rate = make(tokens, period, burst)
    assert rate.take(MAX_NOW, 1, MAX_LIMIT) == burst
    assert not rate.acquire(MAX_NOW)
    assert rate.take(0, 1, MAX_LIMIT) == 0


def test_all_workers_share_the_bucket() -> None:
    limits = Limits(2, 1)
    one, two = (limits.rate(limits.add("x"), 5) for _ in range(2))
    assert one.acquire(START, 3)
    assert not two.acquire(START, 3)
    assert two.acquire(START, 2)
    assert not one.acquire(START)


def test_a_dead_worker_is_forgotten_and_its_tokens_are_not() -> None:
    limits = Limits(1, 1)
    rate = limits.rate(limits.add("x"), 5)
    drain(rate, START)
    limits.forget(0)
    assert not rate.acquire(START)


@pytest.mark.parametrize("lease", [1, 16])
def test_exactly_as_many_as_there_are(lease: int) -> None:
    """Three processes take all they can get of 3,000 tokens and 50 more a millisecond, for 40 ms of virtual time."""
    limits, granted = Limits(1, 1), Counters(3, 1)
    limits.add("x")

    def work(number: int) -> None:
        rate = limits.rate(0, 50, SECOND // 1000, 3_000)
        taker = RateLease(rate, lease) if lease > 1 else rate
        cells = granted.row(number).cells
        for now in range(START, START + SECOND // 25 + 1, SECOND // 1000):
            while taker.acquire(now):
                cells[0] += 1

    with forked(lambda _: work(1)) as one, forked(lambda _: work(2)) as two:
        work(0)
        assert (one.wait(), two.wait()) == (0, 0)
    assert granted.total(0) == 5_000


class Dying:
    """Cells of memory in which the writer dies, before or after one of its stores."""

    def __init__(self, cells: memoryview, stores: int) -> None:
        self._cells = cells
        self._stores = stores

    def __getitem__(self, index: int) -> int:
        value: int = self._cells[index]
        return value

    def __setitem__(self, index: int, value: int) -> None:
        if self._stores == 0:
            kill_myself()
        self._stores -= 1
        self._cells[index] = value
        if self._stores == 0:
            kill_myself()


@pytest.mark.parametrize("stores", [0, 1, 2])
@pytest.mark.parametrize("taken", range(7))
def test_killed_in_the_middle_of_taking(stores: int, taken: int) -> None:
    """What is left is what there was, or less by what the dead worker wanted; a nanosecond may be lost, never won."""
    rate = make(7)
    before = rate.take(START, taken, taken) if taken else 0

    def die(_: object) -> None:
        rate._state = Dying(rate._state, stores)  # type: ignore[assignment]  # as good as one
        rate.acquire(START)

    with forked(die) as child:
        assert child.wait() == -signal.SIGKILL
    left = 7 - before - (stores > 0)
    assert drain(rate, START + 1) == left
    assert drain(rate, START + SECOND + 1) == 7


@pytest.mark.parametrize("kills", [20])
def test_killed_at_any_moment(kills: int) -> None:
    """Each killed worker may take one token to its grave, and no other is lost or granted twice."""
    limits, granted = Limits(1, 1), Counters(2, 1)
    rate = limits.rate(limits.add("x"), 1_000_000)

    def work(number: int, times: int | None = None) -> int:
        cells = granted.row(number).cells
        taken = 0
        while (times is None or taken < times) and rate.acquire(START):
            cells[0] += 1
            taken += 1
        return taken

    def child_work(say: Callable[[], None]) -> None:
        say()
        work(1)

    for kill in range(kills):
        with forked(child_work) as child:
            child.read()
            work(0, 37 * kill)
            child.kill()
    spent = granted.total(0)
    left = rate.take(START, 1, 1_000_000)
    assert 1_000_000 - kills <= spent + left <= 1_000_000


class AgainstAModel(RuleBasedStateMachine):
    """A bucket of integers against one of fractions that is written as it is explained."""

    @initialize(
        tokens=st.integers(1, 50),
        period=st.integers(1, 200) | st.sampled_from([SECOND, 60 * SECOND]),
        burst=st.none() | st.integers(1, 60),
    )
    def begin(self, tokens: int, period: int, burst: int | None) -> None:
        self.rate = make(tokens, period, burst)
        self.burst = tokens if burst is None else burst
        self.speed = Fraction(tokens, period)
        self.level = Fraction(self.burst)
        self.now = START

    @rule(tokens=st.fractions(0, 70, max_denominator=12), more=st.integers(0, 3))
    def wait(self, tokens: Fraction, more: int) -> None:
        """About so long as these tokens take."""
        span = int(tokens / self.speed) + more
        self.now += span
        self.level = min(Fraction(self.burst), self.level + span * self.speed)

    @rule(n=st.integers(1, 70))
    def acquire(self, n: int) -> None:
        enough = n <= self.level
        assert self.rate.acquire(self.now, n) is enough
        self.level -= n * enough

    @rule(least=st.integers(1, 30), more=st.integers(0, 30))
    def take(self, least: int, more: int) -> None:
        expected = min(int(self.level), least + more)
        if expected < least:
            expected = 0
        assert self.rate.take(self.now, least, least + more) == expected
        self.level -= expected


TestAgainstAModel = AgainstAModel.TestCase


def test_a_lease_is_taken_at_once_and_spent_alone() -> None:
    limits = Limits(2, 1)
    one, two = (RateLease(limits.rate(limits.add("x"), 10), 8) for _ in range(2))
    assert one.acquire(START)
    assert [two.acquire(START) for _ in range(3)] == [True, True, False]
    assert [one.acquire(START) for _ in range(8)] == [True] * 7 + [False]


def test_a_lease_of_one_is_none() -> None:
    limits = Limits(2, 1)
    rate = limits.rate(limits.add("x"), 10)
    assert RateLease(rate, 1).acquire(START)
    assert drain(rate, START) == 9


def test_what_is_left_of_a_lease_counts_towards_more() -> None:
    rate = make(10)
    lease = RateLease(rate, 4)
    assert lease.acquire(START)
    assert lease.acquire(START, 5)
    assert not lease.acquire(START, 6)
    assert lease.acquire(START, 2)
    assert lease.acquire(START, 2)
    assert not lease.acquire(START)


def test_a_lease_lapses_when_its_time_is_over() -> None:
    rate = make(10)
    lease = RateLease(rate, 4)
    assert lease.acquire(START)
    over = START + 4 * SECOND // 10
    assert drain(rate, over) == 10
    assert lease.acquire(over - 1)
    assert not lease.acquire(over)


@pytest.mark.parametrize("size", [0, -1])
def test_a_lease_is_of_tokens(size: int) -> None:
    with pytest.raises(ValueError, match=f"a lease is of one token or more, not {size}"):
        RateLease(make(1), size)


@pytest.mark.parametrize("n", [0, -1])
def test_a_lease_grants_tokens_only(n: int) -> None:
    lease = RateLease(make(10), 4)
    assert lease.acquire(START)
    with pytest.raises(ValueError, match="cannot take"):
        lease.acquire(START, n)


def test_time_that_tokens_take() -> None:
    assert [make(3).time_of(n) for n in (1, 3, 4)] == [333_333_334, SECOND, 1_333_333_334]


@given(
    size=st.integers(1, 6),
    steps=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(1, 4)), max_size=60),
)
def test_leases_never_grant_more_than_the_rate(size: int, steps: list[tuple[int, int, int]]) -> None:
    limits = Limits(3, 1)
    slot = limits.add("x")
    leases = [RateLease(limits.rate(slot, 3, 20, 5), size) for _ in range(3)]
    now, granted = START, 0
    for worker, span, n in steps:
        now += span
        granted += n * leases[worker].acquire(now, n)
        assert granted <= 5 + Fraction(3 * (now - START), 20)
