"""The policies that look at no key."""

from collections import Counter
from random import Random

import pytest
from g3_escape import Node, Picker, RandomPicker, RoundRobinPicker, SerialPicker
from hypothesis import given
from hypothesis import strategies as st


def nodes(**weights: float) -> list[Node[str]]:
    return [Node(name, name.encode(), weight) for name, weight in weights.items()]


def picks(picker: Picker[str], count: int) -> str:
    return "".join(picker.pick(b"") for _ in range(count))


def test_serial_is_always_the_heaviest() -> None:
    picker = SerialPicker(nodes(a=1, b=3, c=2, d=3))
    assert picks(picker, 3) == "bbb"
    assert "".join(picker.order(b"")) == "bdca"
    assert picks(picker, 1) == "b"


def test_turns_of_equals() -> None:
    picker = RoundRobinPicker(nodes(a=1, b=1, c=1))
    assert picks(picker, 7) == "abcabca"


def test_turns_by_weight_are_spread() -> None:
    picker = RoundRobinPicker(nodes(a=1, b=3, c=2))
    assert picks(picker, 12) == "bcbabc" * 2


def test_an_order_is_one_turn() -> None:
    picker = RoundRobinPicker(nodes(a=1, b=1, c=1))
    assert "".join(picker.order(b"")) == "abc"
    assert "".join(picker.order(b"")) == "bca"
    picker.order(b"")  # a turn, whether or not anybody looks
    assert picks(picker, 2) == "ab"


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 200))
def test_no_node_is_ever_a_turn_behind(weights: list[int], count: int) -> None:
    picker = RoundRobinPicker([Node(index, b"%d" % index, weight) for index, weight in enumerate(weights)])
    had = Counter(picker.pick(b"") for _ in range(count))
    for index, weight in enumerate(weights):
        assert abs(had[index] - count * weight / sum(weights)) <= len(weights)


def test_turns_after_very_many() -> None:
    picker = RoundRobinPicker(nodes(a=0.3, b=0.7))
    picker._turns = [(due + (1 << 90), index) for due, index in picker._turns]
    assert Counter(picks(picker, 1000)) == {"a": 300, "b": 700}


@pytest.mark.parametrize(
    ("chance", "value"),
    [(0.0, "a"), (0.2499, "a"), (0.25, "b"), (0.4999, "b"), (0.5, "c"), (1 - 2**-53, "c")],
)
def test_chance_by_weight(chance: float, value: str) -> None:
    assert RandomPicker(nodes(a=1, b=1, c=2), lambda: chance).pick(b"") == value


def test_rounding_leads_nowhere_else() -> None:
    # 0.1 three times is a little more than 0.3: a chance right below 1 lands on the sum itself.
    picker = RandomPicker(nodes(a=0.1, b=0.1, c=0.1), lambda: 1.0)
    assert picker.pick(b"") == "c"


def test_chance_orders_without_repeating() -> None:
    chances = iter([0.5, 0.5, 0.0])
    assert "".join(RandomPicker(nodes(a=1, b=2, c=1), lambda: next(chances)).order(b"")) == "bca"


def test_shares_of_chance() -> None:
    picker = RandomPicker(nodes(a=1, b=2, c=5), Random(1).random)
    firsts = Counter(next(picker.order(b"")) for _ in range(4000)) + Counter(picks(picker, 4000))
    assert [round(firsts[name] / 1000) for name in "abc"] == [1, 2, 5]


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_every_node_once(weights: list[float], random: Random) -> None:
    all_nodes = [Node(index, b"%d" % index, weight) for index, weight in enumerate(weights)]
    for picker in (SerialPicker(all_nodes), RoundRobinPicker(all_nodes), RandomPicker(all_nodes, random.random)):
        assert sorted(picker.order(b"")) == list(range(len(weights)))
        assert picker.pick(b"") in range(len(weights))
