"""Patterns that Rust and RE2 read alike, and those that they don't."""

import pytest
from g3_acl._dialect import dialect_fault
from hypothesis import given
from hypothesis import strategies as st

BRACE = "a brace that repeats nothing has to be written as \\{"
NESTED = "a class inside a class is not supported; a bracket has to be written as \\["
OPERATOR = "operators between classes are not supported: &&, -- and ~~"


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^www[.]example[.](?:net|org)$",
        "a{3}b{3,}c{3,12}",
        "a\\{,5}",
        "\\\\{3}",
        "[{}]",
        "}",
        "]",
        "a]",
        "[]a]",
        "[^]a]",
        "[^a-z]",
        "[a\\[b]",
        "[a\\]b]{2}",
        "[[:alpha:]_]{2}",
        "[[:^digit:][:space:]]",
        "[a&b~c-]",
        "a--b&&c~~d",
        "[a\\-\\-b]",
        "\\p{Greek}\\P{Lu}\\x{41}",
        "[\\p{Greek}\\x{41}]",
        "\\pL{3}",
        "\\bfoo\\b",
        "\\b|a",
        "(?P<name>a)(?<other>b)",
        "(?i)a(?s:.)",
        "\\n\\t\\r\\v\\f\\a",
        "[a][b]",
        "a\\",
        "[a",
    ],
)
def test_alike(pattern: str) -> None:
    assert dialect_fault(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("a{,5}", BRACE),
        ("{", BRACE),
        ("a{x}", BRACE),
        ("a{1,2,3}", BRACE),
        ("a{1", BRACE),
        ("(a{)", BRACE),
        ("[a]{", BRACE),
        ("\\\\{", BRACE),
        ("\\d{", BRACE),
        ("a\n{", BRACE),
        ("[a[b]]", NESTED),
        ("[[a-z]]", NESTED),
        ("[a[:alpha]", NESTED),
        ("[[:Alpha:]]", NESTED),
        ("[a\\\\[b]", NESTED),
        ("[]a[b]]", NESTED),
        ("[^]a[b]]", NESTED),
        ("[\n[a]]", NESTED),
        ("[a-z&&b]", OPERATOR),
        ("[a--b]", OPERATOR),
        ("[--a]", OPERATOR),
        ("[a~~b]", OPERATOR),
        ("\\<a", "\\< is not supported, \\b is"),
        ("a\\>", "\\> is not supported, \\b is"),
        ("\\b{start}a", "\\b{...} is not supported, \\b is"),
        ("\\b{2}a", "\\b{...} is not supported, \\b is"),
        ("\\C", "\\C is not part of the syntax"),
        ("\\Qa.b\\E", "\\Q is not part of the syntax"),
        ("a\\E", "\\E is not part of the syntax"),
        ("[\\Q]", "\\Q is not part of the syntax"),
        ("[a](b)[c]\\<", "\\< is not supported, \\b is"),
    ],
)
def test_different(pattern: str, fault: str) -> None:
    assert dialect_fault(pattern) == fault


@given(st.text(st.sampled_from("[]{}^\\:&-~abpx1,CQ<"), max_size=30))
def test_any_pattern(pattern: str) -> None:
    assert dialect_fault(pattern) == dialect_fault(f"(?:a){pattern}")
