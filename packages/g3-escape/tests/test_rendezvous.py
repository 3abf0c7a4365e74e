"""Rendezvous hashing: the best draw wins, and weights stretch the draws."""

from math import log

import pytest
from g3_escape import Node, RendezvousPicker, hash_key
from g3_escape._rendezvous import _distance
from hypothesis import given
from hypothesis import strategies as st


def test_equals_are_ordered_by_their_draws() -> None:
    picker = RendezvousPicker([Node(name, name.encode()) for name in "abcd"])
    for number in range(50):
        key = b"%d" % number
        draws = {name: (hash_key(key) ^ hash_key(name.encode())) * 0x9E3779B97F4A7C15 % 2**64 for name in "abcd"}
        assert list(picker.order(key)) == sorted(draws, key=draws.__getitem__)
        assert picker.pick(key) == min(draws, key=draws.__getitem__)


@given(st.integers(0, 2**64 - 1), st.floats(1e-6, 1e6))
def test_distance_is_a_logarithm(draw: int, inverse: float) -> None:
    distance = _distance(draw, inverse)
    assert distance >= draw * inverse
    share = (draw >> 11) / 2**53
    expected = -log(1 - share) * 2**64 * inverse
    assert distance == pytest.approx(expected, rel=2e-4, abs=2**12 * inverse)


@pytest.mark.parametrize("draw", [0, 1, 2**63, 2**64 - 1])
def test_distance_at_the_ends(draw: int) -> None:
    assert draw <= _distance(draw, 1.0) <= 37 * 2**64


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=6), st.binary())
def test_skipping_the_logarithm_changes_nothing(weights: list[float], key: bytes) -> None:
    picker = RendezvousPicker([Node(index, b"%d" % index, weight) for index, weight in enumerate(weights)])
    assert picker.pick(key) == next(picker.order(key))


def test_a_thousandfold_weight_wins_a_thousand_times_as_often() -> None:
    picker = RendezvousPicker([Node("heavy", b"heavy", 1000), Node("light", b"light", 1)])
    light = sum(picker.pick(b"%d" % number) == "light" for number in range(20_000))
    assert 5 <= light <= 40
