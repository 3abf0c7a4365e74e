"""What unquoted words mean."""

import pytest
from g3proxyd.config.nodes import Real
from g3proxyd.config.scalars import resolve
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_nothing(text: str) -> None:
    assert resolve(text) is None


@pytest.mark.parametrize(("text", "value"), [("true", True), ("True", True), ("FALSE", False), ("false", False)])
def test_booleans(text: str, value: bool) -> None:
    assert resolve(text) is value


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("-12", -12), ("+7", 7), ("010", 10), ("0o17", 15), ("0x1F", 31), ("99999999999999999999", 10**20 - 1)],
)
def test_integers(text: str, value: int) -> None:
    found = resolve(text)
    assert (found, type(found)) == (value, int)


@pytest.mark.parametrize("text", ["0.5", "1.10", "-.5", "1.", "1e3", "+1.5E-3"])
def test_real_numbers_remember_how_they_were_written(text: str) -> None:
    found = resolve(text)
    assert isinstance(found, Real)
    assert (found, found.text) == (float(text), text)


@pytest.mark.parametrize(
    "text",
    [
        "on", "off", "yes", "no", "y", "tRue", "22:22", "190:20:30", "1_000", "0b1", "0o8", "0x", "1.2.3.4", "1.2.3",
        "2026-01-02", ".", "-", "+", "e3", "1e", ".inf", "-.Inf", ".nan", "inf", "nan", "~x", "nullx", "٣", "9" * 65,
        "=", "<<",
    ],
)  # fmt: skip
def test_text(text: str) -> None:
    assert resolve(text) == text


@given(st.text())
def test_any_text_means_something(text: str) -> None:
    resolve(text)
