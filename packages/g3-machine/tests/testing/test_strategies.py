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
