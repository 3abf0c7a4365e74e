"""What the faults say, in words and in fields."""

import pytest
from g3_machine import RemoteProtocolError
from g3_socks import AuthenticationError, FragmentError, MethodError, RefusedError, Reply, Socks4Reply


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (Reply.CONNECTION_REFUSED, "the server refused: connection refused (5)"),
        (Socks4Reply.REJECTED, "the server refused: rejected or failed (91)"),
        (200, "the server refused: unassigned code (200)"),
    ],
)
def test_a_refusal_names_its_code(code: Reply | Socks4Reply | int, text: str) -> None:
    error = RefusedError(code)
    assert str(error) == text
    assert error.code is code
    assert error.reply == b""


def test_a_failed_authentication_keeps_the_status() -> None:
    error = AuthenticationError(7)
    assert str(error) == "the server did not take the credentials (status 7)"
    assert error.status == 7
    assert error.reply == b""


@pytest.mark.parametrize("kind", [AuthenticationError, FragmentError, MethodError, RefusedError])
def test_each_is_a_fault_of_the_peer(kind: type[Exception]) -> None:
    assert kind.__mro__[1] is RemoteProtocolError
