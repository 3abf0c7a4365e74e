"""Status codes and their phrases."""

from http import HTTPStatus

import pytest
from g3_http import REASON_PHRASES, reason_phrase

RENAMED = {
    413: b"Content Too Large",
    414: b"URI Too Long",
    416: b"Range Not Satisfiable",
    422: b"Unprocessable Content",
}
"""RFC 9110 gave these other phrases than the standard library has."""
OTHERS = {418, 510}
"""A joke, and one that has been obsoleted."""


@pytest.mark.parametrize("status", [status for status in HTTPStatus if status not in OTHERS])
def test_registered_codes(status: HTTPStatus) -> None:
    assert reason_phrase(status) == RENAMED.get(status, status.phrase.encode())


@pytest.mark.parametrize(
    ("status", "phrase"),
    [
        (521, b"Web Server Is Down"),
        (522, b"Connection Timed Out"),
        (523, b"Origin Is Unreachable"),
        (525, b"SSL Handshake Failed"),
        (530, b"Origin DNS Error"),
    ],
)
def test_codes_of_proxies(status: int, phrase: bytes) -> None:
    assert reason_phrase(status) == phrase


def test_no_other_code_has_a_phrase() -> None:
    assert REASON_PHRASES.keys() == {*HTTPStatus, 521, 522, 523, 525, 530} - OTHERS
    assert reason_phrase(599) == b"Unknown"
