"""Limits of units held: exact over all workers, and whatever dies."""

import contextlib
import gc
import os
import random
import signal
from collections.abc import Callable

import pytest
from g3proxyd.shared import Counters, Limits, SharedLimit, mutex
from g3proxyd.shared.limit import MAX_LIMIT
from g3proxyd.shared.mutex import UnsupportedPlatformError
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from shared.forking import Child, forked, kill_myself, mapped


def each_row(limit: int, rows: int = 3) -> tuple[Limits, list[SharedLimit]]:
    """The same limit as each worker has it."""
    limits = Limits(rows, 4)
    limits.add("another")
    slot = limits.add("connections")
    return limits, [limits.limit(slot, row, limit) for row in range(rows)]


def test_all_workers_share_what_there_is() -> None:
    _, (one, two, three) = each_row(5)
    assert one.acquire(2)
    assert two.acquire()
    assert not three.acquire(3)
    assert three.acquire(2)
    assert not one.acquire()
    assert one.held == two.held == 5
    one.release(2)
    assert not two.acquire(3)
    assert two.acquire(2)
    assert three.held == 5


def test_a_refusal_holds_nothing() -> None:
    _, (one, two, _) = each_row(2)
    assert not one.acquire(3)
    assert one.held == 0
    assert two.acquire(2)


def test_each_name_has_its_own_units() -> None:
    limits = Limits(1, 3)
    alice, bob = (limits.limit(limits.add(name), 0, 1) for name in ("alice", "bob"))
    assert alice.acquire()
    assert bob.acquire()
    assert not alice.acquire()
    bob.release()
    assert not alice.acquire()


def test_a_limit_of_none_grants_none() -> None:
    _, (one, *_) = each_row(0)
    assert not one.acquire()


def test_a_changed_limit_goes_on_with_what_is_held() -> None:
    limits, (one, two, _) = each_row(3)
    assert one.acquire(3)
    two.limit = 4
    assert two.acquire()
    less = limits.limit(limits.slots["connections"], 0, 2)
    one.release(2)
    assert less.held == 2
    assert not less.acquire()
    one.release()
    assert less.acquire()


@pytest.mark.parametrize("n", [0, -1])
def test_only_units_can_be_acquired(n: int) -> None:
    _, (one, *_) = each_row(5)
    with pytest.raises(ValueError, match=f"only one unit or more can be acquired, not {n}"):
        one.acquire(n)
    assert one.held == 0


@pytest.mark.parametrize("n", [0, -1, 3])
def test_only_what_is_held_can_be_released(n: int) -> None:
    _, (one, two, _) = each_row(5)
    one.acquire(2)
    two.acquire(2)
    with pytest.raises(ValueError, match=f"cannot release {n} of 2 units"):
        one.release(n)
    assert one.held == 4
    one.release(2)
    assert one.held == 2


def test_limits_up_to_63_bits() -> None:
    _, (one, two, three) = each_row(MAX_LIMIT)
    assert one.acquire(MAX_LIMIT - 1)
    assert not two.acquire(2)
    assert not two.acquire(1 << 200)
    assert two.acquire()
    assert not three.acquire()
    assert three.held == MAX_LIMIT
    one.release(MAX_LIMIT - 1)
    assert three.held == 1


@pytest.mark.parametrize("limit", [-1, MAX_LIMIT + 1])
def test_other_limits_are_none(limit: int) -> None:
    limits = Limits(1, 1)
    with pytest.raises(ValueError, match=f"a limit is from 0 to {MAX_LIMIT}, not {limit}"):
        limits.limit(limits.add("x"), 0, limit)


def test_slots_stay_with_their_names() -> None:
    limits = Limits(1, 2)
    assert [limits.add("a"), limits.add("b"), limits.add("a")] == [0, 1, 0]
    assert dict(limits.slots) == {"a": 0, "b": 1}
    with pytest.raises(ValueError, match="no room for the counters of c: 2 of 2 are in use"):
        limits.add("c")


def test_a_name_that_is_added_again_keeps_a_mutex_in_use() -> None:
    limits = Limits(1, 2)
    with limits.mutex(limits.add("a")), pytest.raises(RuntimeError), limits.mutex(limits.add("a")):
        pass


@pytest.mark.parametrize(("slot", "row"), [(-1, 0), (2, 0), (1, 0), (0, -1), (0, 2)])
def test_there_are_no_other_slots_and_rows(slot: int, row: int) -> None:
    limits = Limits(2, 2)
    limits.add("x")
    with pytest.raises(IndexError, match=r"there is no (row|column) -?\d among 2|slot 1 has no name yet"):
        limits.limit(slot, row, 1)


@pytest.mark.parametrize("slot", [-1, 2, 1])
def test_there_are_no_other_mutexes(slot: int) -> None:
    limits = Limits(1, 2)
    limits.add("x")
    with pytest.raises(IndexError, match=f"no slot {slot} among 2|slot 1 has no name yet"):
        limits.mutex(slot)


def test_a_system_without_them_is_named_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutex, "_NEEDED", ("pthread_no_such_thing",))
    with pytest.raises(UnsupportedPlatformError):
        Limits(1)


def test_a_worker_sees_a_slot_that_was_made_after_its_fork() -> None:
    limits = Limits(2, 2)

    def work(say: Callable[[], None]) -> None:
        say()
        signal.sigwait({signal.SIGUSR1})
        assert limits.limit(0, 1, 3).acquire(2)

    old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        with forked(work) as child:
            child.read()
            limits.add("late")
            os.kill(child.pid, signal.SIGUSR1)
            assert child.wait() == 0
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)
    assert limits.limit(0, 0, 3).held == 2


@pytest.mark.parametrize("workers", [2, 4])
@pytest.mark.parametrize("limit", [1, 3])
def test_never_more_than_the_limit_and_nothing_lost(workers: int, limit: int) -> None:
    _, shared = each_row(limit, workers)
    done = Counters(workers, 1)

    def work(number: int) -> None:
        mine, cells = shared[number], done.row(number).cells
        while cells[0] < 2_000:
            if mine.acquire():
                assert 1 <= mine.held <= limit
                cells[0] += 1
                mine.release()

    def start(number: int) -> contextlib.AbstractContextManager[Child]:
        return forked(lambda _: work(number))

    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(start(number)) for number in range(1, workers)]
        work(0)
        assert [child.wait() for child in children] == [0] * len(children)
    assert done.total(0) == 2_000 * workers
    assert shared[0].held == 0
    assert shared[0].acquire(limit)


def test_one_unit_excludes_like_a_mutex() -> None:
    _, shared = each_row(1)
    counters = Counters(1, 1)
    cells = counters.row(0).cells

    def work(number: int) -> None:
        for _ in range(2_000):
            while not shared[number].acquire():
                pass
            cells[0] += 1  # loses counts if two do it at once
            shared[number].release()

    with forked(lambda _: work(1)) as one, forked(lambda _: work(2)) as two:
        work(0)
        assert (one.wait(), two.wait()) == (0, 0)
    assert cells[0] == 6_000


def test_what_a_dead_worker_held_comes_back() -> None:
    limits, (one, two, _) = each_row(5)
    other = limits.limit(limits.slots["another"], 1, 7)
    one.acquire()

    def die(_: object) -> None:
        two.acquire(4)
        other.acquire(7)
        kill_myself()

    with forked(die) as child:
        assert child.wait() == -signal.SIGKILL
    assert (one.held, other.held) == (5, 7)
    assert not one.acquire()
    limits.forget(1)
    assert (one.held, other.held) == (1, 0)
    assert one.acquire(4)


def test_only_workers_can_be_forgotten() -> None:
    with pytest.raises(IndexError, match="no row 3 among 3"):
        each_row(1)[0].forget(3)


class Dying:
    """Cells of memory in which the writer dies, before or after a store."""

    def __init__(self, cells: memoryview, *, stores: bool) -> None:
        self._cells = cells
        self._stores = stores

    def __iter__(self) -> object:
        return iter(self._cells)

    def __getitem__(self, index: int) -> int:
        value: int = self._cells[index]
        return value

    def __setitem__(self, index: int, value: int) -> None:
        if self._stores:
            self._cells[index] = value
        kill_myself()


@pytest.mark.parametrize("stores", [False, True])
def test_killed_in_the_middle_of_acquiring(stores: bool) -> None:
    limits, (one, two, three) = each_row(5)
    one.acquire(2)
    two.acquire()

    def die(_: object) -> None:
        two._held = Dying(two._held, stores=stores)  # type: ignore[assignment]  # as good as one
        two.acquire(2)

    with forked(die) as child:
        assert child.wait() == -signal.SIGKILL
    assert one.held == (5 if stores else 3)
    assert three.acquire() is not stores
    limits.forget(1)
    assert one.held == (2 if stores else 3)
    assert three.acquire(2)


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment(seed: int) -> None:
    """Ten workers in turn, each killed amid thousands of operations; we go on all the time and never see too much."""
    chance = random.Random(seed)
    limits, (one, two, _) = each_row(4)

    def work(say: Callable[[], None]) -> None:
        say()
        while True:
            if two.acquire(2):
                two.release()
                two.release()

    for _ in range(10):
        with forked(work) as child:
            child.read()
            for _ in range(chance.randrange(400)):
                if one.acquire(3):
                    assert 3 <= one.held <= 4
                    one.release(3)
            child.kill()
        assert one.held <= 2
        limits.forget(1)
        assert one.held == 0
        assert one.acquire(4)
        one.release(4)


def test_nothing_is_mapped_when_nobody_refers_to_it() -> None:
    gc.collect()  # what other tests left behind
    before = mapped()
    limits = Limits(2, 1 << 12)
    assert mapped() - before == (1 << 12) * (128 + 2 * 8)
    shared = limits.limit(limits.add("x"), 1, 1)
    del limits
    assert shared.acquire()
    assert not shared.acquire()
    del shared
    assert mapped() == before


class AgainstAModel(RuleBasedStateMachine):
    """Three workers against a list of three numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = Limits(3, 2)
        self.limits.add("another")
        self.slot = self.limits.add("x")
        self.limit = 10
        self.model = [0, 0, 0]
        self.rebuild(self.limit)

    rows = st.integers(0, 2)

    @rule(limit=st.integers(0, 20))
    def rebuild(self, limit: int) -> None:
        self.limit = limit
        self.shared = [self.limits.limit(self.slot, row, limit) for row in range(3)]

    @rule(row=rows, n=st.integers(1, 12))
    def acquire(self, row: int, n: int) -> None:
        free = sum(self.model) + n <= self.limit
        assert self.shared[row].acquire(n) is free
        self.model[row] += n * free

    @rule(row=rows, n=st.integers(1, 12))
    def release(self, row: int, n: int) -> None:
        if n <= self.model[row]:
            self.shared[row].release(n)
            self.model[row] -= n
        else:
            with pytest.raises(ValueError, match="cannot release"):
                self.shared[row].release(n)

    @precondition(lambda self: any(self.model))
    @rule(row=rows)
    def forget(self, row: int) -> None:
        self.limits.forget(row)
        self.model[row] = 0

    @invariant()
    def agree(self) -> None:
        assert all(shared.held == sum(self.model) for shared in self.shared)


TestAgainstAModel = AgainstAModel.TestCase
