"""Maps with keys: spelling, old names, refusals, and the whole after the parts."""

from pathlib import Path
from typing import Annotated, Any

import pytest
from g3proxyd.config.document import read_documents
from g3proxyd.config.errors import Kind
from g3proxyd.config.keys import Aliases, NoEffect, NotYet, OldNames
from g3proxyd.config.nodes import Source
from g3proxyd.config.reading import Reader, read
from g3proxyd.config.section import Key, Section, keys_of, value_of
from g3proxyd.config.values.mistake import Mistake
from g3proxyd.config.values.numbers import Boolean, Count
from g3proxyd.config.values.value import Value
from pydantic import ValidationError


class Inner(Section):
    """A part."""

    least: Count
    """The least."""
    most: Annotated[Count, Aliases("max")] = 10
    """The most."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if self.least > self.most:
            conflicts.append(Mistake("the least is above the most", path=("most",)))
        if self.least == 0:
            notes.append(Mistake("1 is used", path=("least",)))
            return {"least": 1}
        return {}


class Outer(Section):
    """The whole."""

    count: Annotated[Count, OldNames("number", "nr")] = 1
    """A count."""
    part: Inner | None = None
    """A part."""
    tls: Annotated[Any, Aliases("ssl"), NotYet("TLS comes later")] = None
    """A key of a later part."""
    threads: Annotated[Count | None, NoEffect("there is one thread")] = None
    """A key that changes nothing."""
    keep_alive: Boolean = False
    """A switch."""


class Foreign(Section):
    """A section with a field that is read by pydantic itself."""

    word: str = ""
    """A word."""


class Never(Section):
    """A section of a later part."""

    not_yet = "it comes later"

    key: Boolean = False
    """A key."""


def outcome(text: str, section: type[Section] = Outer) -> tuple[Section | None, list[str], list[str]]:
    """The section, the problems and the warnings."""
    (node,) = read_documents(Source(Path("f"), text), [])
    reader = Reader("thing x")
    found = read(section, node, reader)
    return found, [str(problem) for problem in reader.problems], [str(warning) for warning in reader.warnings]


@pytest.mark.parametrize("text", ["keep_alive: on", "Keep-Alive: on", "KEEP_ALIVE: 1"])
def test_keys_are_spelled_in_many_ways(text: str) -> None:
    assert outcome(text) == (Outer(keep_alive=True), [], [])


def test_aliases() -> None:
    assert outcome("part: {least: 2, Max: 3}") == (Outer(part=Inner(least=2, most=3)), [], [])


@pytest.mark.parametrize("name", ["number", "nr", "Nr"])
def test_old_names(name: str) -> None:
    assert outcome(f"{name}: 3") == (
        Outer(count=3), [], [f"f:1:1: thing x.{name}: deprecated key; use 'count'"]
    )  # fmt: skip


def test_keys_without_effect() -> None:
    assert outcome("threads: 3") == (
        Outer(threads=3), [], ["f:1:1: thing x.threads: has no effect here: there is one thread"]
    )  # fmt: skip


def test_all_mistakes_at_once() -> None:
    section, problems, warnings = outcome(
        """\
count: -1
ssl: {}
cuont: 4
xyz: 5
part: {most: x, laest: 1, max: 3}
threads: many
"""
    )
    assert section is None
    assert problems == [
        "f:2:1: thing x.ssl: not supported yet: TLS comes later",
        "f:3:1: thing x.cuont: unknown key; did you mean 'count'?",
        "f:4:1: thing x.xyz: unknown key",
        "f:5:17: thing x.part.laest: unknown key; did you mean 'least'?",
        "f:5:27: thing x.part.max: given twice: also as 'most' at f:5:8",
        "f:1:8: thing x.count: -1 is out of range; expected a whole number, 0 or more",
        "f:5:14: thing x.part.most: 'x' is not a whole number; expected a whole number, 0 or more",
        "f:6:10: thing x.threads: 'many' is not a whole number; expected a whole number, 0 or more",
    ]
    assert warnings == ["f:6:1: thing x.threads: has no effect here: there is one thread"]


def test_a_missing_key_is_blamed_on_its_map() -> None:
    assert outcome("part: {max: 3}")[1] == ["f:1:7: thing x.part: the key 'least' is missing"]


def test_null_is_no_value() -> None:
    assert outcome("count:\npart: ~")[1] == [
        "f:1:7: thing x.count: nothing is not a whole number; expected a whole number, 0 or more",
        "f:2:7: thing x.part: nothing is not a map; expected a map",
    ]


def test_the_whole_is_looked_at_when_the_parts_are_right() -> None:
    assert outcome("part: {Least: 20}")[1] == ["f:1:7: thing x.part: the least is above the most"]
    assert outcome("part: {least: 20, MAX: 5}")[1] == ["f:1:19: thing x.part.MAX: the least is above the most"]
    assert outcome("part: {least: 0}") == (
        Outer(part=Inner(least=1)), [], ["f:1:8: thing x.part.least: 1 is used"]
    )  # fmt: skip


def test_not_a_map() -> None:
    assert outcome("[1]") == (None, ["f:1:1: thing x: a list is not a map; expected a map"], [])


def test_what_pydantic_says_by_itself_is_told_as_well() -> None:
    assert outcome("word: x", Foreign)[1] == ["f:1:7: thing x.word: Input should be a valid string"]


def test_a_section_of_a_later_part() -> None:
    assert outcome("key: 1", Never)[1] == ["f:1:1: thing x.key: not supported yet: it comes later"]


def test_sections_are_made_by_programs_as_well() -> None:
    inner = Inner(least=1)
    assert Outer(part=inner).part is inner
    assert Inner(least=0).least == 1
    assert Outer.model_validate({"part": {"least": "2"}}).part == Inner(least=2)
    with pytest.raises(ValidationError, match="above the most"):
        Inner(least=20)
    with pytest.raises(ValidationError, match="Extra inputs"):
        Outer.model_validate({"cuont": 1})
    with pytest.raises(ValidationError, match="is not a map"):
        Outer.model_validate(1)
    with pytest.raises(ValidationError, match="frozen"):
        inner.most = 3


def test_keys_as_documentation_lists_them() -> None:
    assert keys_of(Outer) == (
        Key("count", "count"),
        Key("number", "count", ("nr",), deprecated=True),
        Key("part", "part"),
        Key("tls", "tls", ("ssl",), not_yet="TLS comes later"),
        Key("threads", "threads", no_effect="there is one thread"),
        Key("keep_alive", "keep_alive"),
    )


def test_how_fields_are_read() -> None:
    def of(name: str) -> object:
        value = value_of(Outer.model_fields[name])
        return value.name if isinstance(value, Value) else value

    assert of("count") == "whole number, 0 or more"
    assert of("threads") == "whole number, 0 or more"
    assert of("part") is Inner
    assert of("tls") is None


def test_problems_have_kinds() -> None:
    (node,) = read_documents(Source(Path("f"), "tls: 1\nxyz: 1\ncount: x"), [])
    reader = Reader("thing x")
    read(Outer, node, reader)
    assert [problem.kind for problem in reader.problems] == [Kind.UNSUPPORTED, Kind.KEY, Kind.VALUE]
