"""Why a task ended early, and what each kind of client is told about it.

The reason words are upstream's (``ServerTaskError``): dashboards and alerts that read g3proxy's logs read ours.
"""

from enum import StrEnum

from g3_socks import Reply

from ..escaper.errors import ConnectKind, ConnectReason, TcpConnectError
from ..resolver.errors import ErrorType


class Reason(StrEnum):
    """The stable word for the end of a task."""

    INTERNAL_SERVER_ERROR = "InternalServerError"
    INTERNAL_RESOLVER_ERROR = "InternalResolverError"
    ESCAPER_NOT_USABLE = "EscaperNotUsable"
    FORBIDDEN_BY_RULE = "ForbiddenByRule"
    INVALID_CLIENT_PROTOCOL = "InvalidClientProtocol"
    CLIENT_TCP_READ_FAILED = "ClientTcpReadFailed"
    CLIENT_TCP_WRITE_FAILED = "ClientTcpWriteFailed"
    CLIENT_APP_TIMEOUT = "ClientAppTimeout"
    UPSTREAM_NOT_RESOLVED = "UpstreamNotResolved"
    UPSTREAM_NOT_CONNECTED = "UpstreamNotConnected"
    UPSTREAM_NOT_AVAILABLE = "UpstreamNotAvailable"
    UPSTREAM_NOT_NEGOTIATED = "UpstreamNotNegotiated"
    UPSTREAM_TLS_HANDSHAKE_TIMEOUT = "UpstreamTlsHandshakeTimeout"
    UPSTREAM_TLS_HANDSHAKE_FAILED = "UpstreamTlsHandshakeFailed"
    INVALID_UPSTREAM_PROTOCOL = "InvalidUpstreamProtocol"
    UPSTREAM_READ_FAILED = "UpstreamReadFailed"
    UPSTREAM_WRITE_FAILED = "UpstreamWriteFailed"
    UPSTREAM_APP_TIMEOUT = "UpstreamAppTimeout"
    CLOSED_BY_UPSTREAM = "ClosedByUpstream"
    CLOSED_BY_CLIENT = "ClosedByClient"
    CLOSED_EARLY_BY_CLIENT = "ClosedEarlyByClient"
    CANCELED_AS_SERVER_QUIT = "CanceledAsServerQuit"
    IDLE = "Idle"
    FINISHED = "Finished"


class TaskError(Exception):
    """A task ends early. ``status`` is what an HTTP client is told; None tells it nothing."""

    def __init__(self, reason: Reason, detail: str, status: int | None, *, close: bool = True) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.status = status
        self.close = close
        """Whether the client's connection must end with this answer."""


def forbidden(detail: str) -> TaskError:
    """A rule of the server says no; the detail is one of upstream's ("target dest denied" ...)."""
    return TaskError(Reason.FORBIDDEN_BY_RULE, detail, 403)


HTTP_OF_KIND = {
    ConnectKind.REFUSED: 521,
    ConnectKind.RESET: 521,
    ConnectKind.NETWORK_UNREACHABLE: 523,
    ConnectKind.HOST_UNREACHABLE: 523,
    ConnectKind.TIMED_OUT: 522,
    ConnectKind.UNSPECIFIED: 502,
}

SOCKS_OF_KIND = {
    ConnectKind.REFUSED: Reply.CONNECTION_REFUSED,
    ConnectKind.RESET: Reply.CONNECTION_REFUSED,
    ConnectKind.NETWORK_UNREACHABLE: Reply.NETWORK_UNREACHABLE,
    ConnectKind.HOST_UNREACHABLE: Reply.HOST_UNREACHABLE,
    ConnectKind.TIMED_OUT: Reply.CONNECTION_TIMED_OUT,
    ConnectKind.UNSPECIFIED: Reply.GENERAL_FAILURE,
}

# Reason of the connect error -> reason of the task, HTTP status, whether the connection closes, SOCKS5 reply.
OF_CONNECT_REASON = {
    ConnectReason.METHOD_UNAVAILABLE: (Reason.FORBIDDEN_BY_RULE, 403, True, Reply.NOT_ALLOWED),
    ConnectReason.ESCAPER_NOT_USABLE: (Reason.ESCAPER_NOT_USABLE, 503, True, Reply.GENERAL_FAILURE),
    ConnectReason.SETUP_SOCKET_FAILED: (Reason.INTERNAL_SERVER_ERROR, 500, True, Reply.GENERAL_FAILURE),
    ConnectReason.TIMEOUT_BY_RULE: (Reason.UPSTREAM_NOT_CONNECTED, 504, False, Reply.CONNECTION_TIMED_OUT),
    ConnectReason.NO_ADDRESS_CONNECTED: (Reason.UPSTREAM_NOT_AVAILABLE, 502, False, Reply.HOST_UNREACHABLE),
    ConnectReason.FORBIDDEN_ADDRESS_FAMILY: (Reason.FORBIDDEN_BY_RULE, 403, False, Reply.NOT_ALLOWED),
    ConnectReason.INTERNAL_SERVER_ERROR: (Reason.INTERNAL_SERVER_ERROR, 500, True, Reply.GENERAL_FAILURE),
    ConnectReason.FORBIDDEN_REMOTE_ADDRESS: (Reason.FORBIDDEN_BY_RULE, 403, False, Reply.NOT_ALLOWED),
    ConnectReason.PROXY_PROTOCOL_ENCODE_ERROR: (Reason.INTERNAL_SERVER_ERROR, 500, True, Reply.GENERAL_FAILURE),
    ConnectReason.PROXY_PROTOCOL_WRITE_FAILED: (Reason.UPSTREAM_NOT_NEGOTIATED, 502, False, Reply.GENERAL_FAILURE),
    # The client's own target has nothing to do with it: g3 keeps 525 for TLS with that.
    ConnectReason.PEER_TLS_HANDSHAKE_TIMEOUT: (
        Reason.UPSTREAM_TLS_HANDSHAKE_TIMEOUT,
        500,
        False,
        Reply.GENERAL_FAILURE,
    ),
    ConnectReason.PEER_TLS_HANDSHAKE_FAILED: (Reason.UPSTREAM_TLS_HANDSHAKE_FAILED, 500, False, Reply.GENERAL_FAILURE),
    ConnectReason.NEGOTIATION_READ_FAILED: (Reason.UPSTREAM_NOT_NEGOTIATED, 502, False, Reply.GENERAL_FAILURE),
    ConnectReason.NEGOTIATION_WRITE_FAILED: (Reason.UPSTREAM_NOT_NEGOTIATED, 502, False, Reply.GENERAL_FAILURE),
    ConnectReason.NEGOTIATION_REJECTED: (Reason.UPSTREAM_NOT_NEGOTIATED, 502, False, Reply.GENERAL_FAILURE),
    ConnectReason.NEGOTIATION_PEER_TIMEOUT: (Reason.UPSTREAM_NOT_NEGOTIATED, 504, False, Reply.CONNECTION_TIMED_OUT),
    ConnectReason.NEGOTIATION_PROTOCOL_ERROR: (Reason.UPSTREAM_NOT_NEGOTIATED, 502, False, Reply.GENERAL_FAILURE),
}


def from_connect_error(error: TcpConnectError) -> TaskError:
    """The task's view of an escaper's failure, with the status of g3's custom codes (521, 522, 523, 530)."""
    if error.reason is ConnectReason.CONNECT_FAILED:
        status = HTTP_OF_KIND[error.kind or ConnectKind.UNSPECIFIED]
        return TaskError(Reason.UPSTREAM_NOT_CONNECTED, str(error), status, close=False)
    if error.reason is ConnectReason.RESOLVE_FAILED:
        by_server = error.resolve_error is not None and error.resolve_error.error_type is ErrorType.SERVER
        reason = Reason.UPSTREAM_NOT_RESOLVED if by_server else Reason.INTERNAL_RESOLVER_ERROR
        return TaskError(reason, str(error), 530, close=False)
    reason, status, close, _ = OF_CONNECT_REASON[error.reason]
    return TaskError(reason, str(error), status, close=close)


def socks_reply(error: TcpConnectError) -> Reply:
    """The SOCKS5 reply for an escaper's failure (RFC 1928 section 6, and g3's 0x09)."""
    if error.reason is ConnectReason.CONNECT_FAILED:
        return SOCKS_OF_KIND[error.kind or ConnectKind.UNSPECIFIED]
    if error.reason is ConnectReason.RESOLVE_FAILED:
        return Reply.HOST_UNREACHABLE
    return OF_CONNECT_REASON[error.reason][3]
