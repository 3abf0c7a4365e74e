"""The ring: points by weight, the nearest one wins, and the way around it."""

from hashlib import blake2b
from struct import unpack

import pytest
from g3_escape import KetamaPicker, Node
from g3_escape._ketama import POINTS, PROBES, _points


def counts(*weights: float) -> list[int]:
    """Points of each node."""
    picker = KetamaPicker([Node(index, b"%03d" % index, weight) for index, weight in enumerate(weights)])
    owners = [picker._values[point & 1023] for point in picker._points]
    return [owners.count(index) for index in range(len(weights))]


@pytest.mark.parametrize(
    ("weights", "points"),
    [
        ((1,), [POINTS]),
        ((1, 1), [POINTS, POINTS]),
        ((4, 1), [POINTS, POINTS // 4]),
        ((0.5, 0.25), [POINTS, POINTS // 2]),
        ((3, 1.5), [POINTS * 3 // 4, POINTS * 3 // 8]),
        ((1e6, 1e-6), [round(POINTS * 1e6 / 2**20), 1]),
    ],
)
def test_points_by_weight(weights: tuple[float, ...], points: list[int]) -> None:
    assert counts(*weights) == points


@pytest.mark.parametrize("count", [1, 7, 8, 9, 100])
def test_fewer_points_are_the_beginning_of_more(count: int) -> None:
    many = list(_points(b"a", 200))
    assert len(set(many)) == 200
    assert list(_points(b"a", count)) == many[:count]
    assert set(many).isdisjoint(_points(b"b", 200))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_nearest_point_wins(count: int) -> None:
    picker = KetamaPicker([Node(index, b"%d" % index) for index in range(count)])
    ring = list(picker._points)
    assert ring == sorted(ring)
    for number in range(10):
        key = b"%d" % number
        places = unpack(f"<{PROBES}Q", blake2b(key, digest_size=8 * PROBES).digest())
        _, point = min(((point - place) % 2**64, point) for place in places for point in ring)
        assert picker.pick(key) == picker._values[point & 1023]


def test_behind_the_last_point_comes_the_first() -> None:
    picker = KetamaPicker([Node("a", b"a"), Node("b", b"b")])
    first, last = picker._points[0], picker._points[-1]
    picker._points = picker._points[:1]  # nothing but one point low on the ring: nearly every place wraps
    assert first < last
    owner = picker._values[first & 1023]
    assert {picker.pick(b"%d" % number) for number in range(50)} == {owner}


def test_the_way_around_meets_everybody() -> None:
    picker = KetamaPicker([Node(0, b"heavy", 1e6), *(Node(index, b"%d" % index, 1e-3) for index in range(1, 9))])
    for number in range(5):
        assert sorted(picker.order(b"%d" % number)) == list(range(9))
