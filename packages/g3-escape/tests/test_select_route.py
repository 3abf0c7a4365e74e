"""Routes that choose among nodes."""

import pytest
from g3_escape import (
    AnswerRoute,
    MappingRoute,
    Node,
    PickPolicy,
    RouteError,
    RouteFault,
    SelectRoute,
    hash_key,
    jump_hash,
)

JUMP = PickPolicy.JUMP_HASH


def zero() -> float:
    return 0.0


@pytest.mark.parametrize(
    ("number", "chance", "node"),
    [(1, 0.9, "a"), (3, 0.0, "c"), (0, 0.0, "c"), (4, 0.9, "a"), (None, 0.0, "a"), (None, 0.5, "b"), (None, 0.99, "c")],
)
def test_mapping(number: int | None, chance: float, node: str) -> None:
    assert MappingRoute("abc", lambda: chance).route(number) == node


def test_mapping_of_nothing() -> None:
    with pytest.raises(ValueError, match="there is no node to choose from"):
        MappingRoute([], zero)


NODES = [Node("A", b"a"), Node("B", b"b", 2), Node("Z", b"z", 0), Node("Ü", "ü".encode())]


def test_select_by_policy() -> None:
    route = SelectRoute(NODES, JUMP, zero)
    for number in range(50):
        key = b"%d" % number
        picked = "ABBÜ"[jump_hash(hash_key(key), 4)]
        assert route.route(key) == picked
        order = list(route.order(key))
        assert order[0] == picked
        assert sorted(order) == ["A", "B", "Ü"]


@pytest.mark.parametrize(("path_id", "node"), [("a", "A"), ("z", "Z"), ("ü", "Ü")])
def test_select_by_id(path_id: str, node: str) -> None:
    route = SelectRoute(NODES, JUMP, zero)
    assert route.route(b"key", path_id) == node
    assert list(route.order(b"key", path_id)) == [node]


def test_the_first_of_one_name_is_selected() -> None:
    assert SelectRoute([Node(1, b"a"), Node(2, b"a")], JUMP, zero).route(b"", "a") == 1


@pytest.mark.parametrize("path_id", ["", "A", "x" * 10_000, "\ud800\n"])
def test_select_by_an_unknown_id(path_id: str) -> None:
    route = SelectRoute(NODES, JUMP, zero)
    for verb in (route.route, route.order):
        with pytest.raises(RouteError, match=r"there is no node '.*' to select") as error:
            verb(b"key", path_id)
        assert error.value.fault is RouteFault.UNKNOWN_NODE
        assert len(str(error.value)) < 200
        assert str(error.value).isprintable()


def test_weight_0_is_reached_by_id_alone() -> None:
    route = SelectRoute([Node("Z", b"z", 0)], JUMP, zero)
    assert route.route(b"key", "z") == "Z"
    for verb in (route.route, route.order):
        with pytest.raises(RouteError, match="no node has a weight above 0") as error:
            verb(b"key")
        assert error.value.fault is RouteFault.NO_NODE


ALLOWED = {"a": "A", "b": "B"}


@pytest.mark.parametrize(
    ("answer", "node"),
    [
        (None, "fallback"),
        ((), "fallback"),
        ((Node("a", b"a"),), "A"),
        ((Node("b", b"b", 3), Node("a", b"a")), "B"),
        ((Node("c", b"c"),), "fallback"),
        ((Node("c", b"c", 2), Node("a", b"a")), "fallback"),
        ((Node("a", b"a", 0),), "fallback"),
        (tuple(Node(str(number), b"%d" % number) for number in range(1025)), "fallback"),
    ],
)
def test_answers(answer: tuple[Node[str], ...] | None, node: str) -> None:
    assert AnswerRoute("fallback", ALLOWED, PickPolicy.SERIAL, zero).route(answer, b"192.0.2.1") == node


def test_the_key_counts() -> None:
    route = AnswerRoute("fallback", ALLOWED, JUMP, zero)
    answer = (Node("a", b"a"), Node("b", b"b"))
    for number in range(30):
        key = b"%d" % number
        assert route.route(answer, key) == "AB"[jump_hash(hash_key(key), 2)]


def test_turns_go_on_from_request_to_request() -> None:
    """The same answer is the same picker, or each request would begin with the first node."""
    route = AnswerRoute("fallback", ALLOWED, PickPolicy.ROUND_ROBIN, zero)
    assert "".join(route.route((Node("a", b"a"), Node("b", b"b")), b"") for _ in range(4)) == "ABAB"
