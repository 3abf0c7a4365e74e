"""The words of policies, and which nodes there are to pick from."""

import pytest
from g3_escape import MAX_NODES, MAX_WEIGHT, MIN_WEIGHT, Node, PickPolicy, SerialPicker, parse_pick_policy


@pytest.mark.parametrize(
    ("word", "policy"),
    [
        ("random", PickPolicy.RANDOM),
        ("serial", PickPolicy.SERIAL),
        ("sequence", PickPolicy.SERIAL),
        ("round_robin", PickPolicy.ROUND_ROBIN),
        ("round-robin", PickPolicy.ROUND_ROBIN),
        ("roundrobin", PickPolicy.ROUND_ROBIN),
        ("RR", PickPolicy.ROUND_ROBIN),
        ("Ketama", PickPolicy.KETAMA),
        ("rendezvous", PickPolicy.RENDEZVOUS),
        ("jump_hash", PickPolicy.JUMP_HASH),
        ("JumpHash", PickPolicy.JUMP_HASH),
        ("jump", PickPolicy.JUMP_HASH),
    ],
)
def test_words(word: str, policy: PickPolicy) -> None:
    assert parse_pick_policy(word) is policy


def test_which_look_at_the_key() -> None:
    assert [policy.value for policy in PickPolicy if policy.keyed] == ["ketama", "rendezvous", "jump_hash"]


def test_other_words() -> None:
    with pytest.raises(ValueError, match=r"'any' is no pick policy; there are random, serial, .*, jump_hash$"):
        parse_pick_policy("any")
    with pytest.raises(ValueError) as error:
        parse_pick_policy("x" * 10_000)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("weight", [0.0, MIN_WEIGHT, 1.0, MAX_WEIGHT])
def test_weights(weight: float) -> None:
    assert Node(1, b"a", weight).weight == weight


@pytest.mark.parametrize("weight", [-1.0, MIN_WEIGHT / 2, MAX_WEIGHT * 1.01, float("nan"), float("inf")])
def test_weights_out_of_range(weight: float) -> None:
    with pytest.raises(ValueError, match="a weight is 0 or 1e-06 to 1e\\+06, not"):
        Node(1, b"a", weight)


def test_a_node_without_weight_is_left_out() -> None:
    nodes = SerialPicker([Node(1, b"a", 0), Node(2, b"b", 0.5), Node(3, b"c")]).nodes
    assert nodes == (Node(2, b"b", 0.5), Node(3, b"c"))


def test_a_name_that_comes_twice_adds_up() -> None:
    nodes = SerialPicker([Node(1, b"a", 2), Node(2, b"b"), Node(1, b"a", 3)]).nodes
    assert nodes == (Node(1, b"a", 5), Node(2, b"b"))
    with pytest.raises(ValueError, match="a weight is"):
        SerialPicker([Node(1, b"a", MAX_WEIGHT), Node(1, b"a", MAX_WEIGHT)])


@pytest.mark.parametrize("nodes", [[], [Node(1, b"a", 0)]])
def test_nothing_to_pick_from(nodes: list[Node[int]]) -> None:
    with pytest.raises(ValueError, match="there is no node with a weight above 0"):
        SerialPicker(nodes)


def test_as_many_as_are_allowed() -> None:
    nodes = [Node(number, b"%d" % number) for number in range(MAX_NODES + 1)]
    assert len(SerialPicker(nodes[1:]).nodes) == MAX_NODES
    with pytest.raises(ValueError, match="1025 nodes, 1024 are allowed"):
        SerialPicker(nodes)
