"""The hypothesis strategies give what they promise."""

from g3_machine.testing.strategies import cuts, mutations
from hypothesis import find, given, settings
from hypothesis import strategies as st

ONE = settings(derandomize=True, deadline=None, max_examples=2000, database=None)


@settings(derandomize=True, deadline=None)
@given(cuts(10, most=3))
def test_cuts_are_offsets(where: list[int]) -> None:
    assert len(where) <= 3
    assert all(0 <= at <= 10 for at in where)


def test_every_mutation_happens() -> None:
    streams = mutations(st.just(b"abcdefgh"))
    assert find(streams, lambda data: data == b"abcdefgh", settings=ONE) == b"abcdefgh"
    find(streams, lambda data: len(data) == 8 and data != b"abcdefgh", settings=ONE)
    find(streams, lambda data: len(data) < 8 and data in b"abcdefgh", settings=ONE)
    find(streams, lambda data: data.startswith(b"abab"), settings=ONE)
    find(streams, lambda data: data.endswith(b"h\0"), settings=ONE)
    find(mutations(st.just(b"")), lambda data: data != b"", settings=ONE)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(cuts())
def test_cuts_of_a_usual_stream(where: list[int]) -> None:
    assert len(where) <= 8
    assert all(0 <= at <= 200 for at in where)


def test_cuts_reach_their_bounds() -> None:
    find(cuts(), lambda where: 0 in where, settings=ONE)
    find(cuts(), lambda where: 200 in where, settings=ONE)
    find(cuts(), lambda where: len(where) == 8, settings=ONE)


@settings(derandomize=True, deadline=None, max_examples=1000)
@given(mutations(st.just(b"abcdefgh")))
def test_mutations_stay_small(data: bytes) -> None:
    assert len(data) <= 8 + 3 * 8


def test_mutations_reach_their_bounds() -> None:
    find(mutations(st.just(b"abcdefgh")), lambda data: data == b"", settings=ONE)
    find(mutations(st.just(b"")), lambda data: len(data) >= 8, settings=ONE)
    find(mutations(st.just(b"ab")), lambda data: data == b"a\xff", settings=ONE)
    find(mutations(st.just(b"ab")), lambda data: data == b"\0b", settings=ONE)
