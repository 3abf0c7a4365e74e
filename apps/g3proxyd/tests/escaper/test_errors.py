"""Reasons, kinds and texts."""

import errno

import pytest
from g3proxyd.escaper.errors import ConnectKind, ConnectReason, TcpConnectError
from g3proxyd.resolver.errors import server_error

WORDS = {
    "MethodUnavailable": "the method is not available",
    "EscaperNotUsable": "the escaper is not usable",
    "ResolveFailed": "resolving failed",
    "SetupSocketFailed": "setting up the socket failed",
    "ConnectFailed": "connecting failed",
    "TimeoutByRule": "no connection within the configured time",
    "NoAddressConnected": "no address to connect to",
    "ForbiddenAddressFamily": "the address family is switched off",
    "ForbiddenRemoteAddress": "the egress network filter forbids the address",
    "ProxyProtocolEncodeError": "no PROXY header can be made",
    "ProxyProtocolWriteFailed": "sending the PROXY header failed",
    "PeerTlsHandshakeTimeout": "no TLS handshake with the next proxy in time",
    "PeerTlsHandshakeFailed": "the TLS handshake with the next proxy failed",
    "NegotiationReadFailed": "reading the next proxy's answer failed",
    "NegotiationWriteFailed": "asking the next proxy failed",
    "NegotiationRejected": "the next proxy refused",
    "NegotiationPeerTimeout": "no answer from the next proxy in time",
    "NegotiationProtocolErr": "the next proxy's answer is none",
    "InternalServerError": "internal error",
}


def test_every_reason_has_a_word_and_a_text() -> None:
    assert {reason.value: str(TcpConnectError(reason)) for reason in ConnectReason} == WORDS


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ECONNREFUSED, ConnectKind.REFUSED),
        (errno.ECONNRESET, ConnectKind.RESET),
        (errno.ENETUNREACH, ConnectKind.NETWORK_UNREACHABLE),
        (errno.EHOSTUNREACH, ConnectKind.HOST_UNREACHABLE),
        (errno.ETIMEDOUT, ConnectKind.TIMED_OUT),
        (errno.EACCES, ConnectKind.UNSPECIFIED),
        (None, ConnectKind.UNSPECIFIED),
    ],
)
def test_kinds(code: int | None, kind: ConnectKind) -> None:
    assert ConnectKind.from_errno(code) is kind
    failure = OSError("odd") if code is None else OSError(code, "the text")
    error = TcpConnectError(ConnectReason.CONNECT_FAILED, os_error=failure)
    assert error.kind is kind
    assert str(error) == ("connecting failed: odd" if code is None else "connecting failed: the text")


def test_only_the_system_has_kinds() -> None:
    assert TcpConnectError(ConnectReason.TIMEOUT_BY_RULE).kind is None


def test_what_the_resolver_said() -> None:
    said = server_error("SERVFAIL", "it failed")
    error = TcpConnectError(ConnectReason.RESOLVE_FAILED, resolve_error=said)
    assert error.resolve_error is said
    assert str(error) == "resolving failed: server error: it failed"


def test_details() -> None:
    assert str(TcpConnectError(ConnectReason.ESCAPER_NOT_USABLE, detail="why")) == "the escaper is not usable: why"
