"""What all rules share, on the smallest rule there can be."""

import pytest
from g3_acl import Action, Rule


class OneRule(Rule[str]):
    """Has one record; its strings are built by hand."""

    __slots__ = ("builds", "record")

    def __init__(self, missed: Action = Action.FORBID, record: str = "a") -> None:
        super().__init__(missed)
        self.record = record
        self.builds = 0

    def add(self, record: str) -> None:
        self._open()
        self.record = record

    def find(self, value: str) -> Action | None:
        return Action.PERMIT_LOG if value == self.record else None

    def _build(self) -> object:
        self.builds += 1
        return self.record


class OtherRule(OneRule):
    """Is of another class."""


def test_check() -> None:
    rule = OneRule(Action.FORBID_LOG)
    assert rule.check("a") is Action.PERMIT_LOG
    assert rule.check("b") is Action.FORBID_LOG


def test_missed() -> None:
    assert OneRule().missed is Action.FORBID
    assert OneRule(Action.PERMIT).missed is Action.PERMIT
    with pytest.raises(AttributeError):
        OneRule().missed = Action.PERMIT  # type: ignore[misc]


def test_freeze() -> None:
    rule = OneRule()
    rule.add("b")
    assert rule.builds == 0
    assert rule.freeze() is rule
    assert rule.builds == 1
    with pytest.raises(RuntimeError, match=r"^this OneRule is frozen$"):
        rule.add("c")
    assert rule.record == "b"


def test_equality() -> None:
    assert OneRule() == OneRule()
    assert OneRule() == OneRule().freeze()
    assert OneRule() != OneRule(record="b")
    assert OneRule() != OneRule(Action.PERMIT)
    assert OneRule() != OtherRule()
    assert OneRule() != "a"
    assert OneRule().__eq__("a") is NotImplemented


def test_is_no_key() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(OneRule())


def test_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Rule()  # type: ignore[abstract]
