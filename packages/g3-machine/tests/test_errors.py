"""The two kinds of protocol errors."""

from g3_machine import LocalProtocolError, ProtocolError, RemoteProtocolError


def test_both_kinds_are_protocol_errors_and_not_each_other() -> None:
    assert issubclass(LocalProtocolError, ProtocolError)
    assert issubclass(RemoteProtocolError, ProtocolError)
    assert not issubclass(LocalProtocolError, RemoteProtocolError)


def test_a_remote_error_carries_its_reply() -> None:
    assert RemoteProtocolError("why").reply == b""
    error = RemoteProtocolError("why", b"no")
    assert (str(error), error.reply) == ("why", b"no")
