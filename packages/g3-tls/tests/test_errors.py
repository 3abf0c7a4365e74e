"""What the faults say, and what they answer."""

from g3_machine import RemoteProtocolError
from g3_tls import Alert, HelloError, NotTlsError


def test_a_faulty_hello_is_answered_by_an_alert() -> None:
    error = HelloError("hello", "text")
    assert isinstance(error, RemoteProtocolError)
    assert (error.reason, str(error), error.alert) == ("hello", "text", Alert.DECODE_ERROR)
    assert error.reply.hex() == "15030300020232"


def test_tlcp_has_its_own_records() -> None:
    assert HelloError("version", "text", Alert.PROTOCOL_VERSION, tlcp=True).reply.hex() == "15010100020246"


def test_nobody_answers_a_peer_that_left() -> None:
    error = HelloError("closed", "text", None)
    assert (error.alert, error.reply) == (None, b"")


def test_what_is_no_tls_is_not_answered() -> None:
    error = NotTlsError("text")
    assert isinstance(error, RemoteProtocolError)
    assert not isinstance(error, HelloError)
    assert (error.reason, str(error), error.reply) == ("not_tls", "text", b"")
