"""Names and passwords."""

from collections.abc import Callable

import pytest
from g3proxyd.config.values.credentials import parse_password, parse_username

Refused = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("data", "text"), [("joe", "joe"), (12, "12"), ("J\xe9 r\xf4me", "J\xe9 r\xf4me"), ("x" * 255, "x" * 255)]
)
def test_user_names(data: object, text: str) -> None:
    assert parse_username(data) == text
    assert parse_password(data) == text


def test_passwords_may_be_empty_and_hold_colons() -> None:
    assert parse_password("") == ""
    assert parse_password("a:b") == "a:b"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "the user name is empty; expected 1 to 255 bytes"),
        ("a:b", "a colon cannot be part of a user name; expected a user name without a colon"),
        ("x" * 256, "a user name of 256 bytes is too long; expected at most 255 bytes"),
        ("\xe9" * 128, "a user name of 256 bytes is too long; expected at most 255 bytes"),
        ("a\nb", "control characters cannot be part of a user name; expected printable characters"),
        (True, "true is not text; expected text"),
    ],
)
def test_what_is_no_user_name(data: object, message: str, refused: Refused) -> None:
    assert refused(parse_username, data) == [message]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("x" * 256, "a password of 256 bytes is too long; expected at most 255 bytes"),
        ("a\0b", "control characters cannot be part of a password; expected printable characters"),
        ([], "a list is not text; expected text"),
    ],
)
def test_what_is_no_password(data: object, message: str, refused: Refused) -> None:
    """The message does not repeat the password."""
    assert refused(parse_password, data) == [message]
