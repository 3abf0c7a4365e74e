"""Path selections: what is read, what is refused, and who counts."""

import json
import re

import pytest
from g3_escape import (
    MAX_PATH_ID,
    MAX_PATH_VALUE,
    EgressPath,
    RouteError,
    RouteFault,
    Upstream,
    parse_path_id,
    parse_path_number,
    parse_path_value,
    request_path,
    select_by_number,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("number", "node"),
    [(0, "c"), (1, "a"), (2, "b"), (3, "c"), (4, "a"), (5, "b"), (6, "c"), (2**64 - 1, "c")],
)
def test_numbers_select(number: int, node: str) -> None:
    assert select_by_number("abc", number) == node
    assert select_by_number("x", number) == "x"


def test_numbers_of_nothing() -> None:
    with pytest.raises(RouteError, match="no node to select by number") as error:
        select_by_number([], 1)
    assert error.value.fault is RouteFault.NO_NODE


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("1", 1), ("007", 7), ("18446744073709551615", 2**64 - 1), ("00000000000000000005", 5)],
)
def test_numbers(text: str, number: int) -> None:
    assert parse_path_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1\n",
        "+1",
        "-1",
        "1.0",
        "1e3",
        "0x1",
        "1_000",
        "one",
        "٣",
        "²",
        "18446744073709551616",
        "0" * 21,
        "9" * 10_000,
    ],
)
def test_no_numbers(text: str) -> None:
    with pytest.raises(
        RouteError, match="a path selection is a decimal number of at most 18446744073709551615"
    ) as error:
        parse_path_number(text)
    assert error.value.fault is RouteFault.INVALID_NUMBER
    assert len(str(error.value)) < 200
    assert str(error.value).isprintable()


@pytest.mark.parametrize("text", ["a", "node-1", "größe", " x ", "i" * MAX_PATH_ID])
def test_ids(text: str) -> None:
    assert parse_path_id(text) == text


@pytest.mark.parametrize("text", ["", "a\n", "\x00", "\x7f", "\ud800", "i" * (MAX_PATH_ID + 1)])
def test_no_ids(text: str) -> None:
    with pytest.raises(RouteError, match="a path id is 1 to 256 printable characters") as error:
        parse_path_id(text)
    assert error.value.fault is RouteFault.INVALID_ID
    assert str(error.value).isprintable()


@pytest.mark.parametrize("text", ["{}", ' {"ip": "192.0.2.1", "n": [1, 2.5, null, true, {"ip": 1}]} '])
def test_values(text: str) -> None:
    assert parse_path_value(text) == json.loads(text)


def test_a_value_of_the_largest_size() -> None:
    text = '{"a": "%s"}' % ("x" * (MAX_PATH_VALUE - 9))
    assert len(text) == MAX_PATH_VALUE
    assert parse_path_value(text) == json.loads(text)
    with pytest.raises(RouteError, match="a path value of 16385 characters, 16384 are allowed") as error:
        parse_path_value(text + " ")
    assert error.value.fault is RouteFault.INVALID_VALUE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON: Expecting value"),
        ("{", "is no JSON: Expecting property name"),
        ("{}{}", "is no JSON: Extra data"),
        ("'{}'", "is no JSON"),
        ("[]", r"is a JSON object, not '\[\]'"),
        ("null", "is a JSON object, not 'null'"),
        ('"%s"' % ("x" * 9000), "is a JSON object, not"),
        ('{"a": 1, "a": 1}', "has a name twice in one object"),
        ('{"a": {"b": 1, "b": 2}}', "has a name twice in one object"),
        ('{"a": NaN}', "is no JSON: NaN is no number"),
        ('{"a": -Infinity}', "is no JSON: -Infinity is no number"),
        ('{"a": ' * 2700, "is no JSON"),
        ("[" * MAX_PATH_VALUE, "is no JSON"),
        ("9" * MAX_PATH_VALUE, "is no JSON"),
    ],
)
def test_no_values(text: str, message: str) -> None:
    with pytest.raises(RouteError, match=f"a path value {message}") as error:
        parse_path_value(text)
    assert error.value.fault is RouteFault.INVALID_VALUE
    assert len(str(error.value)) < 200


@given(st.text(max_size=40) | st.text(alphabet='{}[]":,0123456789eE.+-aN', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_path_number, parse_path_id, parse_path_value):
        try:
            parse(text)
        except RouteError as error:
            assert error.fault.name.startswith("INVALID_")  # noqa: PT017 -- what matters is that nothing else is raised


def test_a_request_that_says_nothing() -> None:
    assert EgressPath() == EgressPath({}, {}, {}, {})


def test_what_the_user_says_counts() -> None:
    one, other = Upstream("one.example", 1), Upstream("other.example", 2)
    user = EgressPath({"a": 1}, {"a": "one"}, {"a": {"ip": 1}}, {"a": one})
    hints = EgressPath({"a": 2, "b": 2}, {"a": "x", "b": "x"}, {"a": {}, "b": {}}, {"a": other, "b": other})
    assert user.over(hints) == EgressPath(
        {"a": 1, "b": 2}, {"a": "one", "b": "x"}, {"a": {"ip": 1}, "b": {}}, {"a": one, "b": other}
    )
    assert EgressPath().over(hints) == hints
    assert hints.over(EgressPath()) == hints
    assert user.numbers == {"a": 1}


def test_the_path_of_a_request() -> None:
    upstream = Upstream("one.example", 1)
    user = EgressPath(ids={"out": "a"}, upstreams={"else": upstream})
    assert request_path("out") is None
    assert request_path("out", user=user) is user
    assert request_path("out", 0) == EgressPath(numbers={"out": 0})
    assert request_path("out", upstream=upstream) == EgressPath(upstreams={"out": upstream})
    assert request_path("out", 7, upstream, user) == EgressPath(
        numbers={"out": 7}, ids={"out": "a"}, upstreams={"out": upstream, "else": upstream}
    )


@pytest.mark.parametrize(("length", "shown"), [(64, "x" * 64), (65, "x" * 64 + "...")])
def test_messages_show_the_beginning(length: int, shown: str) -> None:
    with pytest.raises(RouteError, match=f"not '{re.escape(shown)}'$"):
        parse_path_number("x" * length)
