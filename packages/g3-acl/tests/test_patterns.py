"""Regular expressions: the strictest that matches decides, in linear time, however many there are."""

import pickle
import re

import pytest
import re2  # type: ignore[import-untyped]  # it has no types of its own
from g3_acl import MAX_PATTERN, Action, PatternError, _patterns
from g3_acl._patterns import Patterns, check_pattern
from hypothesis import given
from hypothesis import strategies as st

FORBID_LOG, FORBID, PERMIT_LOG, PERMIT = Action


def patterns_of(records: dict[str, Action]) -> Patterns:
    patterns = Patterns()
    for pattern, action in records.items():
        patterns.add(pattern, action)
    return patterns


def test_no_patterns() -> None:
    assert Patterns().find("a") is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.net", PERMIT),
        ("example.net", PERMIT_LOG),
        ("f.example.net", FORBID_LOG),
        ("g.example.net", FORBID),
        ("net", None),
        ("a.net.org", None),
        ("", None),
    ],
)
def test_the_strictest_decides(text: str, found: Action | None) -> None:
    records = {
        "[.]net$": PERMIT,
        "example[.]net$": PERMIT_LOG,
        "^[fg][.]example[.]net$": FORBID,
        "f[.]example": FORBID_LOG,
    }
    assert patterns_of(records).find(text) is found
    assert patterns_of(dict(reversed(records.items()))).find(text) is found


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("", ""),
        ("", "a"),
        ("b", "abc"),
        ("^abc$", "abc"),
        ("(?i)ABC", "xabcx"),
        ("^.$", "ü"),
        ("^[é-ü]$", "ü"),
        ("\\pL", "ü"),
        ("\\.", "a.b"),
        ("a{2,3}$", "aaaa"),
        ("^a.c$", "a\ud800c"),
    ],
)
def test_matches(pattern: str, text: str) -> None:
    assert patterns_of({pattern: PERMIT}).find(text) is PERMIT


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("^b", "abc"), ("b$", "abc"), ("a$", "a\n"), ("ABC", "abc"), ("^a.c$", "a\nc"), ("\\w", "ü"), ("a\\.c", "abc")],
)
def test_does_not_match(pattern: str, text: str) -> None:
    assert patterns_of({pattern: PERMIT}).find(text) is None


def test_records_can_be_added_at_any_time() -> None:
    patterns = patterns_of({"a": PERMIT})
    assert patterns.find("a") is PERMIT
    assert patterns.find("b") is None
    patterns.add("b", FORBID)
    assert patterns.find("b") is FORBID
    patterns.add("a", FORBID_LOG)
    assert patterns.find("ab") is FORBID_LOG
    assert patterns.records == {"a": FORBID_LOG, "b": FORBID}


def test_is_built_once() -> None:
    patterns = patterns_of({"a": PERMIT})
    built = patterns.build()
    patterns.find("a")
    assert patterns._automata is built


LOOK_AROUND = "look-around, and flags other than i, m, s and U, are not supported"
REPETITIONS = "1000 is the most, also of nested ones together"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("a(", "'a(' is no regular expression: missing ): 'a('"),
        ("[z-a]", "'[z-a]' is no regular expression: invalid character class range: 'z-a'"),
        ("\\1", "'\\1' is no regular expression: invalid escape sequence: '\\1' (back-references are not supported)"),
        (
            "(?=a)",
            f"'(?=a)' is no regular expression: invalid perl operator: '(?=' ({LOOK_AROUND})",
        ),
        (
            "a{1001}",
            f"'a{{1001}}' is no regular expression: invalid repetition size: '{{1001}}' ({REPETITIONS})",
        ),
        ("a{,5}", "'a{,5}' is no regular expression: a brace that repeats nothing has to be written as \\{"),
        ("\ud800", "'\\ud800' is no regular expression: a lone surrogate is no character"),
        ("é(\n", "'\\xe9(\\n' is no regular expression: missing ): '\\xe9(\\n'"),
        ("\\pL{1000}", "'\\pL{1000}' is no regular expression: pattern too large - compile failed"),
        ("(" * 100, f"'{'(' * 55}...' is no regular expression: missing ): '{'(' * 55}...'"),
        ("a" * 65_537, "a regular expression of 65537 characters, 65536 are allowed"),
    ],
    ids=range(11),
)
def test_no_pattern(pattern: str, message: str) -> None:
    with pytest.raises(PatternError) as raised:
        check_pattern(pattern)
    assert str(raised.value) == message
    with pytest.raises(PatternError):
        Patterns().add(pattern, PERMIT)


def test_longest_pattern() -> None:
    assert MAX_PATTERN == 65_536
    check_pattern("a" * MAX_PATTERN)


def test_many_patterns_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _patterns.MAX_TOGETHER == 250_000
    monkeypatch.setattr(_patterns, "MAX_TOGETHER", 10)
    patterns = patterns_of(
        {"aaaa": PERMIT, "bbb": PERMIT, "ccc": PERMIT, "d": FORBID, "e" * 11: PERMIT, "fffff": PERMIT_LOG}
    )
    assert [actions for _, actions in patterns.build()] == [[FORBID, PERMIT_LOG, PERMIT], [PERMIT] * 2, [PERMIT]]
    for text, found in (
        ("d", FORBID),
        ("fffffd", FORBID),
        ("aaaafffff", PERMIT_LOG),
        ("ccc", PERMIT),
        ("e" * 11, PERMIT),
    ):
        assert patterns.find(text) is found
    assert patterns.find("e" * 10) is None
    too_long = patterns_of({"aaaaaa": PERMIT, "bbbbb": PERMIT})
    assert [actions for _, actions in too_long.build()] == [[PERMIT], [PERMIT]]


def test_what_takes_too_much_memory_together_is_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    actions = {number: list(Action)[number % 4] for number in range(10, 22)}
    patterns = patterns_of({f"[a-z]{{1,30}}{number}": action for number, action in actions.items()})
    assert len(patterns.build()) == 1
    monkeypatch.setattr(_patterns, "MEMORY", 40_000)
    monkeypatch.setattr(_patterns, "MEMORY_PER_CHARACTER", 0)
    divided = patterns.build()
    assert len(divided) > 1
    assert [action for _, part in divided for action in part] == sorted(actions.values())
    for number, action in actions.items():
        assert patterns.find(f"abc{number}") is action
    monkeypatch.setattr(_patterns, "MEMORY", 1_000)
    with pytest.raises(PatternError, match=r"^'\[a-z\]\{1,30\}12' takes too much memory$"):
        patterns.build()


def test_two_that_take_too_much_memory_together_are_parted(monkeypatch: pytest.MonkeyPatch) -> None:
    patterns = patterns_of({"[a-z]{1,30}10": PERMIT, "[a-z]{1,30}11": FORBID})
    monkeypatch.setattr(_patterns, "MEMORY", 9_000)
    monkeypatch.setattr(_patterns, "MEMORY_PER_CHARACTER", 0)
    assert [actions for _, actions in patterns.build()] == [[FORBID], [PERMIT]]


def test_what_is_wrong_is_shown_whatever_bytes_are_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_pattern(pattern: bytes, options: object) -> None:
        raise re2.error(b"missing ): \xc3")

    monkeypatch.setattr(re2, "compile", compile_pattern)
    with pytest.raises(PatternError) as raised:
        check_pattern("\xe9(")
    assert str(raised.value) == "'\\xe9(' is no regular expression: missing ): '\\ufffd'"


def test_memory_grows_with_the_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    options = _patterns._options

    def asking(memory: int) -> object:
        asked.append(memory)
        return options(memory)

    monkeypatch.setattr(_patterns, "_options", asking)
    patterns = patterns_of({"aa": PERMIT, "bbb": PERMIT})
    patterns.build()
    assert asked == [8 << 20, 8 << 20, (8 << 20) + 5 * 128]


def test_thousands_of_patterns(capfd: pytest.CaptureFixture[str]) -> None:
    patterns = patterns_of({f"^(?:.*[.])?ad{number}[.]example$": FORBID for number in range(2000)})
    assert patterns.find("x.ad1999.example") is FORBID
    assert patterns.find("x.ad2000.example") is None
    assert capfd.readouterr() == ("", "")


def test_no_captures_and_no_log(capfd: pytest.CaptureFixture[str]) -> None:
    assert _patterns._options(12345).max_mem == 12345  # type: ignore[attr-defined]
    assert _patterns._options(1).never_capture  # type: ignore[attr-defined]
    with pytest.raises(PatternError):
        check_pattern("(")
    assert capfd.readouterr() == ("", "")


def test_linear_time() -> None:
    """Python's own engine would take longer than the universe has been there."""
    patterns = patterns_of({"^(a+)+$": PERMIT, "^(a|aa)+$": PERMIT, "(.*)(.*)(.*)(.*)x": PERMIT})
    assert patterns.find("a" * 20_000 + "!") is None


ATOM = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "\\.", "(?:a|b)", "(b)", "\\d"])
PIECE = st.builds(str.__add__, ATOM, st.sampled_from(["", "*", "+", "?", "{2}", "{1,2}"]))
BRANCH = st.builds(
    lambda start, pieces, end: start + "".join(pieces) + end,
    st.sampled_from(["", "^"]),
    st.lists(PIECE, max_size=4),
    st.sampled_from(["", "$"]),
)
PATTERN = st.lists(BRANCH, min_size=1, max_size=3).map("|".join)


@given(st.dictionaries(PATTERN, st.sampled_from(Action), max_size=5), st.text(st.sampled_from("ab.1"), max_size=8))
def test_agrees_with_another_engine(records: dict[str, Action], text: str) -> None:
    expected = min((action for pattern, action in records.items() if re.search(pattern, text)), default=None)
    assert patterns_of(records).find(text) is expected


@pytest.mark.parametrize("records", [{}, {"a+": FORBID, "b": PERMIT}])
def test_a_copy_for_another_process(records: dict[str, Action]) -> None:
    patterns = patterns_of(records)
    patterns.build()
    copied = pickle.loads(pickle.dumps(patterns))
    assert copied.records == records
    assert [copied.find(text) for text in ("aa", "b", "c")] == [patterns.find(text) for text in ("aa", "b", "c")]
