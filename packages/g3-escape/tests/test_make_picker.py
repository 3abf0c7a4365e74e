"""What all policies promise, and the consistent ones beyond: shares, few moves, the next best."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from g3_escape import (
    JumpHashPicker,
    KetamaPicker,
    Node,
    Picker,
    PickPolicy,
    RandomPicker,
    RendezvousPicker,
    RoundRobinPicker,
    SerialPicker,
    make_picker,
)
from hypothesis import given
from hypothesis import strategies as st

VECTORS = json.loads((Path(__file__).parent / "vectors" / "picks.json").read_text(encoding="utf-8"))
CONSISTENT = [PickPolicy.RENDEZVOUS, PickPolicy.KETAMA, PickPolicy.JUMP_HASH]
EQUAL = (1,) * 10
UNEQUAL = (1, 2, 2, 1, 2, 1, 1, 2, 1, 2)


def picker(policy: PickPolicy, weights: Sequence[float]) -> Picker[int]:
    nodes = [Node(index, b"10.0.0.%d:3128" % index, weight) for index, weight in enumerate(weights)]
    return make_picker(policy, nodes, Random(1).random)


def keys(count: int) -> list[bytes]:
    return [b"192.0.2.%d-www%d.example.net" % (number % 250, number) for number in range(count)]


@pytest.mark.parametrize(
    ("policy", "kind"),
    [
        (PickPolicy.RANDOM, RandomPicker),
        (PickPolicy.SERIAL, SerialPicker),
        (PickPolicy.ROUND_ROBIN, RoundRobinPicker),
        (PickPolicy.KETAMA, KetamaPicker),
        (PickPolicy.RENDEZVOUS, RendezvousPicker),
        (PickPolicy.JUMP_HASH, JumpHashPicker),
    ],
)
def test_kinds(policy: PickPolicy, kind: type[Picker[int]]) -> None:
    assert type(picker(policy, EQUAL)) is kind


def test_chance_is_the_callers() -> None:
    nodes = [Node("a", b"a"), Node("b", b"b")]
    chances = iter([0.4, 0.6])
    subject = make_picker(PickPolicy.RANDOM, nodes, lambda: next(chances))
    assert [subject.pick(b""), subject.pick(b"")] == ["a", "b"]


@pytest.mark.parametrize("weights", [EQUAL, UNEQUAL], ids=["equal", "unequal"])
@pytest.mark.parametrize("policy", CONSISTENT)
def test_shares_are_within_3_percent(policy: PickPolicy, weights: Sequence[float]) -> None:
    pick = picker(policy, weights).pick
    had = Counter(map(pick, keys(100_000)))
    for index, weight in enumerate(weights):
        assert had[index] == pytest.approx(100_000 * weight / sum(weights), rel=0.03)


@pytest.mark.parametrize("weights", [EQUAL, UNEQUAL], ids=["equal", "unequal"])
@pytest.mark.parametrize("policy", CONSISTENT)
def test_a_node_that_goes_takes_only_its_own_keys(policy: PickPolicy, weights: Sequence[float]) -> None:
    # Jump hash promises it for the last node only.
    for gone in (9,) if policy is PickPolicy.JUMP_HASH else (0, 4, 9):
        before = picker(policy, weights)
        after = picker(policy, [0 if index == gone else weight for index, weight in enumerate(weights)])
        for key in keys(5000):
            if before.pick(key) != gone:
                assert after.pick(key) == before.pick(key)


@pytest.mark.parametrize("weights", [EQUAL, UNEQUAL], ids=["equal", "unequal"])
@pytest.mark.parametrize("policy", [PickPolicy.RENDEZVOUS, PickPolicy.KETAMA])
def test_the_next_best_is_the_best_without_the_first(policy: PickPolicy, weights: Sequence[float]) -> None:
    whole = picker(policy, weights)
    for gone in (0, 9):
        rest = picker(policy, [0 if index == gone else weight for index, weight in enumerate(weights)])
        for key in keys(300):
            assert [index for index in whole.order(key) if index != gone] == list(rest.order(key))


@pytest.mark.parametrize("policy", CONSISTENT)
def test_retries_are_spread_by_weight_too(policy: PickPolicy) -> None:
    order = picker(policy, UNEQUAL).order
    second = Counter[int]()
    for key in keys(30_000):
        tries = order(key)
        if next(tries) == 1:
            second[next(tries)] += 1
    for index, weight in enumerate(UNEQUAL):
        share = 0 if index == 1 else weight / (sum(UNEQUAL) - UNEQUAL[1])
        assert second[index] == pytest.approx(second.total() * share, rel=0.2)


@pytest.mark.parametrize("policy", [PickPolicy.RENDEZVOUS, PickPolicy.KETAMA])
def test_the_order_of_the_configuration_plays_no_part(policy: PickPolicy) -> None:
    nodes = [Node(index, b"%d" % index, 1 + index % 3) for index in range(7)]
    one, other = (make_picker(policy, listed, Random(1).random) for listed in (nodes, nodes[::-1]))
    for key in keys(300):
        assert list(one.order(key)) == list(other.order(key))


@given(
    st.sampled_from(PickPolicy),
    st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=8),
    st.binary(max_size=80),
)
def test_an_order_has_every_node_once_and_begins_with_the_pick(
    policy: PickPolicy, weights: list[float], key: bytes
) -> None:
    order = list(picker(policy, weights).order(key))
    assert sorted(order) == list(range(len(weights)))
    assert order[0] == picker(policy, weights).pick(key)


@pytest.mark.parametrize("policy", CONSISTENT)
@pytest.mark.parametrize("weights", VECTORS["weights"], ids=str)
def test_picks_never_change(policy: PickPolicy, weights: list[float]) -> None:
    """What a release has picked, all later ones pick: the file is written once, by hand, and never again."""
    frozen = VECTORS["orders"][policy.value][json.dumps(weights)]
    subject = picker(policy, weights)
    assert ["".join(map(str, subject.order(key.encode()))) for key in VECTORS["keys"]] == frozen
