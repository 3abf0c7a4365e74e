"""The errors carry what a caller tells them apart by."""

from g3_dns import HttpsError, MessageError
from g3_machine import RemoteProtocolError


def test_errors() -> None:
    assert issubclass(MessageError, RemoteProtocolError)
    error = HttpsError("no DNS message", 404)
    assert isinstance(error, RemoteProtocolError)
    assert (str(error), error.status, error.reply) == ("no DNS message", 404, b"")
