"""The hypothesis strategies give what they promise."""

import pytest
from g3_machine.testing import strategies
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


LEAST, MOST = "least", "most"


class Chosen:
    """Stands for the module of strategies: what they would draw is what a test has chosen."""

    def __init__(self, *choices: str | int) -> None:
        self.choices = list(choices)

    def integers(self, least: int, most: int) -> st.SearchStrategy[int]:
        return st.just(self._number(least, most))

    def binary(self, *, min_size: int, max_size: int) -> st.SearchStrategy[bytes]:
        return st.just(b"x" * self._number(min_size, max_size))

    def sampled_from(self, kinds: list[str]) -> st.SearchStrategy[str]:
        kind = self.choices.pop(0)
        assert kind in kinds
        return st.just(str(kind))

    def _number(self, least: int, most: int) -> int:
        choice = self.choices.pop(0)
        return choice if isinstance(choice, int) else least if choice == LEAST else most


@pytest.mark.parametrize(
    ("choices", "result"),
    [
        ([LEAST], b"0123456789"),
        ([1, LEAST, "flip", LEAST], b"\x00123456789"),
        ([1, 9, "flip", MOST], b"012345678\xff"),
        ([1, MOST, "flip", LEAST], b"0123456789x"),  # nothing is there to be flipped
        ([1, 2, "drop", LEAST], b"013456789"),
        ([1, 2, "drop", MOST], b"016789"),
        ([1, MOST, "drop", MOST], b"0123456789"),
        ([1, 2, "double", LEAST], b"01223456789"),
        ([1, 1, "double", MOST], b"012345678123456789"),
        ([1, 2, "insert", LEAST], b"01x23456789"),
        ([1, 2, "insert", MOST], b"01xxxx23456789"),
        ([MOST, 0, "drop", 1, 0, "insert", 1, 8, "double", 2], b"x12345678989"),
    ],
)
@settings(derandomize=True, deadline=None, max_examples=1)
@given(data=st.data())
def test_each_mutation(data: st.DataObject, choices: list[str | int], result: bytes) -> None:
    chosen = Chosen(*choices)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(strategies, "st", chosen)
        assert data.draw(mutations(st.just(b"0123456789"))) == result
    assert chosen.choices == []


def test_mutations_of_nothing() -> None:
    find(mutations(st.just(b"")), lambda data: len(data) > 8, settings=ONE)
