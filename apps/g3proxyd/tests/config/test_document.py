"""YAML: what is read, what is refused, and where."""

from pathlib import Path

import pytest
from g3proxyd.config.document import MAX_DEPTH, MAX_NODES, read_documents
from g3proxyd.config.errors import Problem
from g3proxyd.config.nodes import Source
from hypothesis import given
from hypothesis import strategies as st


def read(text: str) -> tuple[list[object], list[str]]:
    """The plain data of the documents, and the problems."""
    problems: list[Problem] = []
    documents = read_documents(Source(Path("f"), text), problems)
    return [document.plain() for document in documents], [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", []),
        ("# nothing\n", []),
        ("---\n---\n", [None, None]),
        ("a: 1", [{"a": 1}]),
        ("a: on\nyes: 22:22", [{"a": "on", "yes": "22:22"}]),
        ("- '1'\n- \"1\"\n- 1\n- |\n  1\n", [["1", "1", 1, "1\n"]]),
        ("a: {b: [c, {}, []]}\n---\nd", [{"a": {"b": ["c", {}, []]}}, "d"]),
        ("a: &x [1, 2]\nb: *x\n", [{"a": [1, 2], "b": [1, 2]}]),
        ("&k a: 1\nb: *k\n", [{"a": 1, "b": "a"}]),
        ("a: &x 1\nb: &x 2\nc: *x\n", [{"a": 1, "b": 2, "c": 2}]),
        ("80: 1\n-1: 2\n", [{"80": 1, "-1": 2}]),
        ("? a\n: b\n", [{"a": "b"}]),
        ("a: !!str 1\nb: !!int 1\nc: !!float 1\nd: !!bool true\ne: !!null ~\nf: ! 1", None),
        ("a: !!seq [1]\nb: !!map {}\n", [{"a": [1], "b": {}}]),
        ("日本: [é]\n", [{"日本": ["é"]}]),
    ],
)
def test_read(text: str, data: list[object] | None) -> None:
    tagged: list[object] = [{"a": "1", "b": 1, "c": 1, "d": True, "e": None, "f": "1"}]
    assert read(text) == (tagged if data is None else data, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 2", "f:2:1: the key 'a' is given twice: also at f:1:1"),
        ("a: {b: 1, b: 2}", "f:1:11: the key 'b' is given twice: also at f:1:5"),
        ("0x50: 1", "f:1:1: 80 is not text, as a key has to be; expected text; put it in quotes"),
        ("080: 1", "f:1:1: 80 is not text, as a key has to be; expected text; put it in quotes"),
        ("a: &x 80\n*x : 1", "f:2:1: 80 is not text, as a key has to be; expected text; put it in quotes"),
        ("true: 1", "f:1:1: true is not text, as a key has to be; expected text; put it in quotes"),
        ("~: 1", "f:1:1: nothing is not text, as a key has to be; expected text; put it in quotes"),
        ("{[1]: 2}", "f:1:2: a list is not text, as a key has to be; expected text; put it in quotes"),
        ("? {a: 1}\n: 2", "f:1:3: a map is not text, as a key has to be; expected text; put it in quotes"),
        ("a: &x {b: 1}\nc:\n  <<: *x", "f:3:3: merge keys are not part of the configuration language"),
        ("a: !x 1", "f:1:4: the tag '!x' is not allowed; expected plain YAML without tags"),
        (
            "a: !!python/object/apply:os.system [ls]",
            (
                "f:1:4: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not allowed; "
                "expected plain YAML without tags"
            ),
        ),
        ("a: !!set {b}", "f:1:4: the tag 'tag:yaml.org,2002:set' is not allowed; expected plain YAML without tags"),
        (
            "a: !!binary eA==",
            "f:1:4: the tag 'tag:yaml.org,2002:binary' is not allowed; expected plain YAML without tags",
        ),
        ("a: !!int x", "f:1:4: 'x' does not fit its tag !!int"),
        ("a: !!int true", "f:1:4: 'true' does not fit its tag !!int"),
    ],
)
def test_refused_and_read_on(text: str, problem: str) -> None:
    documents, problems = read(f"{text}\n---\nmore: {{b: 1, b: 2}}\n")
    assert problems[0] == problem
    assert len(problems) == 2
    assert documents[1] == {"more": {"b": 1}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: b: c", "f:1:5: not valid YAML: mapping values are not allowed in this context"),
        ("a: 'x", "f:1:6: not valid YAML: while scanning a quoted scalar, found unexpected end of stream"),
        ("a: @x", (
            "f:1:4: not valid YAML: while scanning for the next token, found character that cannot start any token; "
            "expected quotes around what begins with @"
        )),
        ("a:\n\tb: 1", (
            "f:2:1: not valid YAML: while scanning for the next token, found character that cannot start any token; "
            "expected spaces; YAML does not indent with tabs"
        )),
        ("é: \x07", "f:1:4: not valid YAML: control characters are not allowed"),
        ("a: *x", "f:1:4: there is no anchor '&x' above"),
        ("a: &x 1\n---\nb: *x", "f:3:4: there is no anchor '&x' above"),
        ("a: &x [*x]", "f:1:8: the alias '*x' stands for something that contains it"),
        ("%YAML 3.0\n---\na", "f:1:1: not valid YAML: found incompatible YAML document"),
    ],
)  # fmt: skip
def test_refused_as_a_whole(text: str, problem: str) -> None:
    _, problems = read(text)
    assert problems == [problem]


def test_depth() -> None:
    fits = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert read(fits)[1] == []
    assert read("[" + fits + "]")[1] == [
        f"f:1:{MAX_DEPTH + 1}: too many lists and maps inside each other; expected at most {MAX_DEPTH} levels"
    ]
    assert read("[" * 1_000_000)[1] == [
        f"f:1:{MAX_DEPTH + 1}: too many lists and maps inside each other; expected at most {MAX_DEPTH} levels"
    ]


def test_aliases_count_with_what_they_stand_for() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join(['*' + a] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    documents, problems = read("\n".join(lines))
    assert documents == []
    assert problems == [
        (f"f:6:32: too many values; aliases count with all that they stand for; expected at most {MAX_NODES}")
    ]


def test_each_document_has_its_own_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("g3proxyd.config.document.MAX_NODES", 10)
    assert read("[1, 2, 3, 4, 5, 6, 7, 8, 9]\n---\n" * 2)[1] == []
    assert len(read("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]")[1]) == 1


@given(st.text() | st.text(alphabet="a: -[]{}&*!'\"|>\n#?,~%@"))
def test_any_text_is_read_or_refused(text: str) -> None:
    documents, problems = read(text)
    assert isinstance(documents, list)
    for problem in problems:
        assert problem.startswith("f:")
        assert "\n" not in problem
