"""Logging in."""

import pytest
from g3_ftp import ANONYMOUS, ANONYMOUS_PASSWORD, Login, LoginError, Reply
from g3_machine import LocalProtocolError


def reply(code: int) -> Reply:
    return Reply(code, (b"text",))


def test_with_a_password() -> None:
    login = Login(b"me", b"secret")
    assert login.answer(reply(220)) == (b"USER", b"me")
    assert login.answer(reply(331)) == (b"PASS", b"secret")
    assert login.answer(reply(230)) is None


def test_anonymous() -> None:
    assert (ANONYMOUS, ANONYMOUS_PASSWORD) == (b"anonymous", b"anonymous@")
    login = Login()
    assert login.answer(reply(220)) == (b"USER", ANONYMOUS)
    assert login.answer(reply(331)) == (b"PASS", ANONYMOUS_PASSWORD)
    assert login.answer(reply(202)) is None


def test_without_a_password() -> None:
    login = Login(b"me", b"")
    login.answer(reply(220))
    assert login.answer(reply(230)) is None


@pytest.mark.parametrize(
    "codes", [[421], [331], [220, 530], [220, 332], [220, 334], [220, 331, 530], [220, 331, 331], [220, 331, 332]]
)
def test_refusals(codes: list[int]) -> None:
    login = Login(b"me", b"secret")
    for code in codes[:-1]:
        login.answer(reply(code))
    with pytest.raises(LoginError, match=f"let us in: {codes[-1]} text") as caught:
        login.answer(reply(codes[-1]))
    assert caught.value.code == codes[-1]
    assert "secret" not in str(caught.value)


def test_a_preliminary_reply_is_not_answered() -> None:
    with pytest.raises(LocalProtocolError):
        Login().answer(reply(120))
