"""Ports, alone and in ranges."""

import pytest
from g3_acl import Action, PortRule
from hypothesis import given
from hypothesis import strategies as st

FORBID_LOG, FORBID, PERMIT_LOG, PERMIT = Action


def rule_of(*records: tuple[int | range, Action], missed: Action = FORBID) -> PortRule:
    rule = PortRule(missed)
    for ports, action in records:
        rule.add(ports, action)
    return rule


@pytest.mark.parametrize(
    ("port", "found"),
    [
        (0, PERMIT_LOG),
        (1, None),
        (79, None),
        (80, PERMIT),
        (81, None),
        (7999, None),
        (8000, FORBID_LOG),
        (8080, FORBID_LOG),
        (8081, None),
        (65534, None),
        (65535, PERMIT),
        (65536, None),
        (-1, None),
        (10**20, None),
    ],
)
def test_find(port: int, found: Action | None) -> None:
    rule = rule_of((0, PERMIT_LOG), (80, PERMIT), (range(8000, 8081), FORBID_LOG), (65535, PERMIT))
    assert rule.find(port) is found
    assert rule.check(port) is (found or FORBID)


@pytest.mark.parametrize(
    "ports", [-1, 65536, range(0), range(80, 80), range(90, 80), range(-1, 5), range(65530, 65537), range(0, 10, 2)]
)
def test_no_ports(ports: int | range) -> None:
    with pytest.raises(ValueError, match=r"^range\(.*\) is not a range of ports, 0 to 65535$"):
        PortRule().add(ports, PERMIT)


def test_everything() -> None:
    rule = rule_of((range(65536), PERMIT))
    assert (rule.find(0), rule.find(65535), rule.find(65536), rule.find(-1)) == (PERMIT, PERMIT, None, None)


def test_missed() -> None:
    assert PortRule().missed is FORBID
    assert PortRule(PERMIT).check(80) is PERMIT


def test_freeze() -> None:
    rule = rule_of((80, PERMIT)).freeze()
    with pytest.raises(RuntimeError, match=r"^this PortRule is frozen$"):
        rule.add(81, PERMIT)
    assert rule.find(81) is None


def test_memory_follows_the_changes() -> None:
    rule = rule_of(*((port, PERMIT) for port in range(1000, 3000)), (range(2000, 2010), PERMIT), (2500, FORBID))
    assert rule._starts == [0, 1000, 2500, 2501, 3000]
    assert rule._actions == [None, PERMIT, FORBID, PERMIT, None]


def test_equality() -> None:
    assert rule_of((80, PERMIT), (81, PERMIT)) == rule_of((range(80, 82), PERMIT)).freeze()
    assert rule_of((80, PERMIT)) != rule_of((81, PERMIT))
    assert rule_of((80, PERMIT)) != rule_of((80, FORBID))


PORTS = st.integers(0, 20) | st.builds(
    lambda first, size: range(first, first + size), st.integers(0, 15), st.integers(1, 9)
)


@given(st.lists(st.tuples(PORTS, st.sampled_from(Action)), max_size=12))
def test_agrees_with_brute_force(records: list[tuple[int | range, Action]]) -> None:
    expected: dict[int, Action] = {}
    for ports, action in records:
        expected |= dict.fromkeys([ports] if isinstance(ports, int) else ports, action)
    rule = rule_of(*records)
    assert {port: found for port in range(-1, 30) if (found := rule.find(port))} == expected
    assert rule == rule_of(*expected.items())
