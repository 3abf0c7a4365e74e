"""Which processors each worker runs on."""

from collections.abc import Callable

import pytest
from g3proxyd.config.values.affinity import MAX_CPU, CpuSet, format_cpus, parse_affinity, parse_cpu_set
from hypothesis import given
from hypothesis import strategies as st

Refused = Callable[[Callable[[object], object], object], list[str]]

SET = "expected a processor from 0 to 8191, a list of them, or text such as '0-3,8'"
MAP = "expected true, or a map from numbers of workers to processors such as {0: 0, 1: '2-3', 2: [4, 5]}"


@pytest.mark.parametrize(
    ("data", "cpus"),
    [
        (0, {0}),
        (MAX_CPU, {MAX_CPU}),
        ("7", {7}),
        ("0-3", {0, 1, 2, 3}),
        ("2-2", {2}),
        (" 0 - 1 , 8 ", {0, 1, 8}),
        ("1,1,0-1", {0, 1}),
        ([3, "5-6"], {3, 5, 6}),
        ((1,), {1}),
        (frozenset([1, 2]), {1, 2}),
    ],
)
def test_processors(data: object, cpus: set[int]) -> None:
    assert parse_cpu_set(data) == cpus


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", f"'' is not a set of processors; {SET}"),
        ("0-", f"'0-' is not a set of processors; {SET}"),
        ("0,,1", f"'0,,1' is not a set of processors; {SET}"),
        ("0-1-2", f"'0-1-2' is not a set of processors; {SET}"),
        ("٣", f"'٣' is not a set of processors; {SET}"),
        (-1, f"'-1' is not a set of processors; {SET}"),
        (1.5, f"1.5 is not a set of processors; {SET}"),
        (True, f"true is not a set of processors; {SET}"),
        (None, f"nothing is not a set of processors; {SET}"),
        ({}, f"a map is not a set of processors; {SET}"),
        (frozenset(), f"there is no processor in it; {SET}"),
        ([], f"there is no processor in it; {SET}"),
        (8192, f"8192 is out of range; {SET}"),
        ("0-99999999999999999999", f"99999999999999999999 is out of range; {SET}"),
        ("9000-1", f"9000 is out of range; {SET}"),
        ("3 - 1", f"the range '3 - 1' ends before it begins; {SET}"),
        ([0, [1]], f"[1]; a list is not a set of processors; {SET}"),
    ],
)
def test_no_processors(data: object, message: str, refused: Refused) -> None:
    assert refused(parse_cpu_set, data) == [message]


def test_a_set_may_be_long_but_not_endless(refused: Refused) -> None:
    every_other = ",".join(map(str, range(0, MAX_CPU, 2)))
    assert len(parse_cpu_set(every_other)) == 4096
    (message,) = refused(parse_cpu_set, "0," * 40_000 + "0")
    assert "is not a set of processors" in message


@pytest.mark.parametrize("data", [True, "on", 1, "yes"])
def test_one_for_each(data: object) -> None:
    assert parse_affinity(data) is True


@pytest.mark.parametrize("data", [False, "off", 0])
def test_none(data: object) -> None:
    assert parse_affinity(data) is None


def test_a_map() -> None:
    found = parse_affinity({"0": 1, "+1": "2-3", "1023": [0]})
    assert found == {0: frozenset([1]), 1: frozenset([2, 3]), 1023: frozenset([0])}
    assert parse_affinity({}) == {}


def test_wrong_maps(refused: Refused) -> None:
    assert refused(parse_affinity, {"0": "x", "00": 1, "1024": 1, "a": 1}) == [
        f"['0']; 'x' is not a set of processors; {SET}",
        "['1024']; 1024 is out of range; expected the number of a worker, from 0 to 1023",
        "['a']; 'a' is not a whole number; expected the number of a worker, from 0 to 1023",
    ]
    assert refused(parse_affinity, {"0": 0, "00": 1}) == ["['00']; the worker 0 is given twice"]


@pytest.mark.parametrize("data", ["maybe", None, [], 1.5])
def test_no_map(data: object, refused: Refused) -> None:
    (message,) = refused(parse_affinity, data)
    assert message.endswith(f"is not a boolean; {MAP}")


def test_written_as_the_kernel_does() -> None:
    assert format_cpus(frozenset([0, 1, 2, 5, 7, 8])) == "0-2,5,7-8"


@given(st.frozensets(st.integers(0, MAX_CPU), min_size=1))
def test_what_is_written_is_read(cpus: CpuSet) -> None:
    assert parse_cpu_set(format_cpus(cpus)) == cpus
