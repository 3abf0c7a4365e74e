"""Faults of servers carry words for programs."""

from g3_ftp import FtpError, LoginError
from g3_machine import RemoteProtocolError


def test_the_words() -> None:
    error = FtpError("line", "a line of more than 9 bytes")
    assert isinstance(error, RemoteProtocolError)
    assert (error.reason, str(error), error.reply) == ("line", "a line of more than 9 bytes", b"")
    login = LoginError("no", 530)
    assert isinstance(login, FtpError)
    assert (login.reason, login.code, str(login)) == ("login", 530, "no")
