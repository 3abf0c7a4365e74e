"""What the fault says."""

from g3_machine import RemoteProtocolError
from g3_proxyproto import HeaderError


def test_a_fault_has_a_reason_and_nothing_to_reply() -> None:
    error = HeaderError("line", "no protocol")
    assert isinstance(error, RemoteProtocolError)
    assert (error.reason, str(error), error.reply) == ("line", "no protocol", b"")
