"""Counters: what workers write, the supervisor reads, exactly, whenever a worker dies."""

import gc
from collections.abc import Callable

import pytest
from g3proxyd.shared import Counter, CounterGroup, Counters, Gauge, Layout
from shared.forking import forked, mapped

TOP = (1 << 64) - 1


class Stats(CounterGroup):
    task_total: Counter
    """Tasks so far."""
    task_alive: Gauge
    on_idle: Callable[[], None] | None = None


class MoreStats(Stats):
    waiting: Gauge
    udp_total: Counter


def test_a_group_names_its_counters_in_order() -> None:
    assert Stats.names == ("task_total", "task_alive")
    assert Stats.gauges == ("task_alive",)
    assert MoreStats.names == ("task_total", "task_alive", "waiting", "udp_total")
    assert MoreStats.gauges == ("task_alive", "waiting")


def test_a_group_of_its_own_counts_like_plain_attributes() -> None:
    stats, other = Stats(), Stats()
    stats.task_total += 2
    stats.task_alive += 1
    stats.task_alive -= 1
    called = []
    stats.on_idle = lambda: called.append(1)
    stats.on_idle()
    assert (stats.task_total, stats.task_alive, called) == (2, 0, [1])
    assert (other.task_total, other.on_idle) == (0, None)
    assert stats != other
    assert len({stats, other}) == 2


def test_a_group_takes_integers_only() -> None:
    stats = Stats()
    with pytest.raises(TypeError):
        stats.task_total += 0.5  # type: ignore[assignment]  # it is what is tested


def test_values_wrap_at_64_bits() -> None:
    counters = Counters(2, 8)
    first, second = (counters.row(number).group(Stats, 0) for number in range(2))
    first.task_total = TOP
    assert (first.task_total, counters.total(0)) == (TOP, TOP)
    second.task_total += 3
    assert counters.total(0) == 2
    assert counters.totals(Stats, 0).task_total == 2
    first.task_total += 1
    assert counters.total(0) == 3
    second.task_alive -= 1
    first.task_alive += 1
    assert counters.total(1) == 0
    assert second.task_total == 3


def test_each_row_has_its_own_cells() -> None:
    counters = Counters(3, 8)
    rows = [counters.row(number) for number in range(3)]
    for number, row in enumerate(rows):
        row.cells[7] += number + 1
        row.group(Stats, 2).task_alive += 10 * (number + 1)
    assert [row.cells.tolist() for row in rows] == [
        [0, 0, 0, 10 * (number + 1), 0, 0, 0, number + 1] for number in range(3)
    ]
    assert counters.column(3).tolist() == [10, 20, 30]
    assert counters.total(7) == 6
    totals = counters.totals(Stats, 2)
    assert (type(totals), totals.task_total, totals.task_alive) == (Stats, 0, 60)
    rows[0].cells[3] += 1
    assert totals.task_alive == 60


def test_two_groups_in_the_same_columns_are_one() -> None:
    """A server that a reload rebuilt goes on counting where its predecessor still counts."""
    row = Counters(1, 8).row(0)
    old, new = row.group(Stats, 1), row.group(Stats, 1)
    old.task_alive += 1
    new.task_alive += 1
    old.task_alive -= 1
    assert (old.task_alive, new.task_alive, row.cells[2]) == (1, 1, 1)


def test_gauges_of_a_dead_worker_are_zeroed_and_nothing_else() -> None:
    layout = Layout(8)
    layout.add("apart")
    first = layout.add_group("server.http", MoreStats)
    counters = Counters(2, 8)
    for number in range(2):
        counters.row(number).cells[:] = memoryview(bytes([1, 0, 0, 0, 0, 0, 0, 0]) * 8).cast("Q")
    assert layout.gauges == {first + 1, first + 2}
    counters.zero(1, layout.gauges)
    assert counters.row(0).cells.tolist() == [1] * 8
    assert counters.row(1).cells.tolist() == [1, 1, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("number", [-1, 2])
def test_there_are_no_other_rows(number: int) -> None:
    counters = Counters(2, 4)
    with pytest.raises(IndexError, match=f"no row {number} among 2"):
        counters.row(number)
    with pytest.raises(IndexError, match=f"no row {number} among 2"):
        counters.zero(number, [])


@pytest.mark.parametrize("number", [-1, 4])
def test_there_are_no_other_columns(number: int) -> None:
    counters = Counters(2, 4)
    with pytest.raises(IndexError, match=f"no column {number} among 4"):
        counters.total(number)
    with pytest.raises(IndexError, match=f"no column {number} among 4"):
        counters.zero(0, [number])
    with pytest.raises(IndexError, match="no column 4 among 4"):
        counters.totals(Stats, 3)


@pytest.mark.parametrize("column", [-1, 3, 100])
def test_a_group_stays_within_its_row(column: int) -> None:
    with pytest.raises(ValueError, match=f"Stats doesn't fit into 4 columns at {column}"):
        Counters(2, 4).row(0).group(Stats, column)


def test_a_group_may_fill_its_row() -> None:
    row = Counters(2, 4).row(1)
    row.group(Stats, 0).task_total = 1
    row.group(Stats, 2).task_alive = 2
    assert row.cells.tolist() == [1, 0, 0, 2]


@pytest.mark.parametrize(("rows", "columns"), [(0, 1), (1, 0), (-1, -1)])
def test_a_table_has_cells(rows: int, columns: int) -> None:
    with pytest.raises(ValueError, match="at least one row and one column"):
        Counters(rows, columns)


def test_a_layout_grows_only() -> None:
    layout = Layout(5)
    assert [layout.add("a"), layout.add_group("b", Stats), layout.add("c", 2)] == [0, 1, 3]
    assert [layout.add("a"), layout.add_group("b", Stats), layout.add("c", 2)] == [0, 1, 3]
    assert (layout.columns, layout.used, layout.gauges) == ({"a": 0, "b": 1, "c": 3}, 5, {2})


def test_a_full_layout_says_so_and_keeps_what_it_has() -> None:
    layout = Layout(3)
    layout.add("a", 2)
    with pytest.raises(ValueError, match="no room for the counters of b: 2 of 3 are in use"):
        layout.add_group("b", Stats)
    assert (layout.columns, layout.used, layout.gauges) == ({"a": 0}, 2, set())
    assert layout.add("c") == 2


def test_a_name_keeps_its_width() -> None:
    layout = Layout()
    layout.add_group("a", Stats)
    with pytest.raises(ValueError, match="a has 2 columns, not 4"):
        layout.add_group("a", MoreStats)


def test_children_count_and_the_parent_adds_up() -> None:
    counters = Counters(3, 16)

    def work(number: int) -> None:
        stats = counters.row(number).group(Stats, 3)
        for _ in range(20_000):
            stats.task_total += 1
            stats.task_alive += 1
        for _ in range(19_990):
            stats.task_alive -= 1

    with forked(lambda _: work(1)) as one, forked(lambda _: work(2)) as two:
        work(0)
        assert (one.wait(), two.wait()) == (0, 0)
    assert counters.column(3).tolist() == [20_000] * 3
    totals = counters.totals(Stats, 3)
    assert (totals.task_total, totals.task_alive) == (60_000, 30)


@pytest.mark.parametrize("spoken", [1, 2, 7, 50, 333])
def test_a_killed_worker_has_counted_all_that_it_did(spoken: int) -> None:
    counters = Counters(1, 4)

    def work(say: Callable[[], None]) -> None:
        stats = counters.row(0).group(Stats, 0)
        while True:
            stats.task_total += 1
            say()

    with forked(work) as child:
        heard = 0
        while heard < spoken:
            heard += len(child.read())
        child.kill()
        while rest := child.read(65536):
            heard += len(rest)
    assert counters.total(0) - heard in (0, 1)


def test_nobody_sees_half_of_a_value() -> None:
    counters = Counters(1, 4)
    low, high = 0x00000000_FFFFFFFF, 0xFFFFFFFF_00000000

    def work(say: Callable[[], None]) -> None:
        row = counters.row(0)
        stats = row.group(Stats, 0)
        while True:
            stats.task_total, row.cells[1] = low, low
            stats.task_total, row.cells[1] = high, high
            if not row.cells[2]:
                row.cells[2] = 1
                say()

    with forked(work) as child:
        child.read()
        cells, stats = counters.row(0).cells, counters.row(0).group(Stats, 0)
        seen = [{cells[0] for _ in range(50_000)}, {cells[1] for _ in range(50_000)}]
        seen.append({stats.task_total for _ in range(50_000)})
        child.kill()
    assert all(values <= {low, high} for values in seen)


def test_nothing_is_mapped_when_nobody_refers_to_it() -> None:
    gc.collect()  # what other tests left behind
    before = mapped()
    counters = Counters(4, 1 << 16)
    stats = counters.row(3).group(Stats, 5)
    assert mapped() - before == 4 << 19
    del counters
    stats.task_total += 1
    assert mapped() - before == 4 << 19
    del stats
    assert mapped() == before
