"""Logging in (RFC 959 section 5.4, RFC 1635): what to say after each reply."""

from g3_machine import LocalProtocolError

from ._errors import LoginError
from ._reply import Reply

ANONYMOUS = b"anonymous"
"""The user name of those who have none (RFC 1635 section 2)."""

ANONYMOUS_PASSWORD = b"anonymous@"
"""RFC 1635 asks for an address of electronic mail; a proxy does not know its client's."""

_NEED_PASSWORD = 331


class Login:
    """Decides what to send from the greeting on, until the server has let us in."""

    __slots__ = ("_password", "_said", "_username")

    def __init__(self, username: bytes = ANONYMOUS, password: bytes = ANONYMOUS_PASSWORD) -> None:
        self._username = username
        self._password = password
        self._said = 0

    def answer(self, reply: Reply) -> tuple[bytes, bytes] | None:
        """Return the command that this reply calls for, or None if it lets us in.

        Raises LoginError for a server that refuses, or wants more than a user name and a password: an account (332),
        another way to log in (334). Not to be called with a preliminary reply, to which nothing is said.
        """
        said = self._said
        if reply.preliminary:
            raise LocalProtocolError("an answer to a preliminary reply")
        self._said += 1
        if said == 0 and reply.completed:
            return b"USER", self._username
        if said == 1 and reply.code == _NEED_PASSWORD:
            return b"PASS", self._password
        if said and reply.completed:
            return None
        raise LoginError(f"the server does not let us in: {reply.code} {reply.text}", reply.code)
