"""Text and names."""

from collections.abc import Callable

import pytest
from g3proxyd.config.nodes import Real
from g3proxyd.config.values.text import (
    parse_ascii,
    parse_header_name,
    parse_node_name,
    parse_server_id,
    parse_text,
)

NAME = "expected a name of letters, digits and -_./"


@pytest.mark.parametrize(
    ("data", "text"), [("a b", "a b"), ("", ""), (12, "12"), (Real("1.10"), "1.10"), (1.5, "1.5"), ("é", "é")]
)
def test_text(data: object, text: str) -> None:
    assert parse_text(data) == text


@pytest.mark.parametrize(("data", "shown"), [(None, "nothing"), (True, "true"), ([], "a list"), ({}, "a map")])
def test_not_text(data: object, shown: str, refused: Callable[..., list[str]]) -> None:
    assert refused(parse_text, data) == [f"{shown} is not text; expected text"]


def test_ascii() -> None:
    assert parse_ascii("My realm 1") == "My realm 1"
    assert parse_ascii(5) == "5"


@pytest.mark.parametrize("data", ["é", "a\nb", "\x7f"])
def test_not_ascii(data: str, refused: Callable[..., list[str]]) -> None:
    message = f"{data!r} has other than printable ASCII characters; expected ASCII text"
    assert refused(parse_ascii, data) == [message]


@pytest.mark.parametrize("name", ["a", "A-b_c.d/e", "0", "名前", "é1"])
def test_name(name: str) -> None:
    assert parse_node_name(name) == name


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", f"the name is empty; {NAME}"),
        ("a b", f"' ' cannot be part of a name; {NAME}"),
        ("a\x1b", f"'\\x1b' cannot be part of a name; {NAME}"),
        (12, f"12 is not a name; {NAME}, in quotes"),
        (1.5, f"1.5 is not a name; {NAME}, in quotes"),
        (True, f"true is not a name; {NAME}"),
        (None, f"nothing is not a name; {NAME}"),
    ],
)
def test_not_a_name(data: object, message: str, refused: Callable[..., list[str]]) -> None:
    assert refused(parse_node_name, data) == [message]


@pytest.mark.parametrize(("data", "text"), [("a", "a"), (" one more ", "one more"), (7, "7"), ("!+-:<~", "!+-:<~")])
def test_server_id(data: object, text: str) -> None:
    assert parse_server_id(data) == text


@pytest.mark.parametrize("data", ["", "  ", "a;b", "a,b", "é", "a\n"])
def test_not_a_server_id(data: object, refused: Callable[..., list[str]]) -> None:
    (message,) = refused(parse_server_id, data)
    assert "expected ASCII text" in message


@pytest.mark.parametrize(("data", "text"), [("X-Path", "x-path"), ("a_b!", "a_b!"), (7, "7")])
def test_header_name(data: object, text: str) -> None:
    assert parse_header_name(data) == text


@pytest.mark.parametrize("data", ["", "a b", "a:", "é", "a\n", "(a)"])
def test_not_a_header_name(data: object, refused: Callable[..., list[str]]) -> None:
    (message,) = refused(parse_header_name, data)
    assert "expected" in message
