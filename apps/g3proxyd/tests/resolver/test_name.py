"""Names that a resolver takes, and names that it does not."""

import pytest
from g3proxyd.resolver.name import normalise
from hypothesis import given
from hypothesis import strategies as st

LONGEST_LABEL = "a" * 63
LONGEST_NAME = ".".join(["a" * 49] * 5 + ["abc"])


@pytest.mark.parametrize(
    ("domain", "name"),
    [
        ("example.com", "example.com"),
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("localhost", "localhost"),
        ("_dmarc.x-y.test", "_dmarc.x-y.test"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("1.2.3", "1.2.3"),
        (f"{LONGEST_LABEL}.test", f"{LONGEST_LABEL}.test"),
        (LONGEST_NAME, LONGEST_NAME),
        (LONGEST_NAME + ".", LONGEST_NAME),
    ],
)
def test_taken(domain: str, name: str) -> None:
    assert normalise(domain) == name


@pytest.mark.parametrize(
    "domain",
    [
        "",
        ".",
        "..",
        ".test",
        "a..test",
        "a.test..",
        "a" * 64,
        LONGEST_NAME + "d",
        "a\0.test",
        "a.test\0",
        "a b.test",
        "a.test\n",
        "a\\.test",
        "a/b.test",
        "a:80",
        "[::1]",
        "bücher.example",
        "KELVIN\u212a.test",
        "a\u3002test",
        "٣.test",
        "*.test",
    ],
)
def test_refused(domain: str) -> None:
    assert normalise(domain) is None


def test_the_longest_name() -> None:
    assert len(LONGEST_NAME) == 253


@given(st.text())
def test_what_comes_out_is_fit_for_a_c_library(domain: str) -> None:
    name = normalise(domain)
    if name is not None:
        assert name.isascii()
        assert name.isprintable()
        assert normalise(name) == name
        assert all(1 <= len(label) <= 63 for label in name.split("."))
