"""Why a connection to the remote side could not be made.

The words are the ones that g3proxy writes into its logs, so that dashboards and alerts keep working.
"""

import errno
from enum import Enum

from ..resolver.errors import ResolveError


class ConnectReason(Enum):
    """What went wrong, in the brief words of the ``reason`` field of task and escape logs."""

    METHOD_UNAVAILABLE = "MethodUnavailable"
    """This escaper cannot do what the task asks, for instance because it denies everything."""
    ESCAPER_NOT_USABLE = "EscaperNotUsable"
    """The escaper has no way out at present, for instance no bind address of the family."""
    RESOLVE_FAILED = "ResolveFailed"
    """The name has no usable address; `TcpConnectError.resolve_error` says more."""
    SETUP_SOCKET_FAILED = "SetupSocketFailed"
    """The local socket could not be made, bound or given its options."""
    CONNECT_FAILED = "ConnectFailed"
    """The network or the peer refused; `TcpConnectError.kind` says how."""
    TIMEOUT_BY_RULE = "TimeoutByRule"
    """A limit of the configuration was over before the peer answered."""
    NO_ADDRESS_CONNECTED = "NoAddressConnected"
    """The name resolved to nothing that could be tried."""
    FORBIDDEN_ADDRESS_FAMILY = "ForbiddenAddressFamily"
    """The escaper has the address family switched off."""
    FORBIDDEN_REMOTE_ADDRESS = "ForbiddenRemoteAddress"
    """The egress network filter forbids the address."""
    PROXY_PROTOCOL_ENCODE_ERROR = "ProxyProtocolEncodeError"
    """The addresses of the client's connection are no pair for a PROXY header."""
    PROXY_PROTOCOL_WRITE_FAILED = "ProxyProtocolWriteFailed"
    """The PROXY header could not be sent."""
    PEER_TLS_HANDSHAKE_TIMEOUT = "PeerTlsHandshakeTimeout"
    """The next proxy did not finish the TLS handshake in time."""
    PEER_TLS_HANDSHAKE_FAILED = "PeerTlsHandshakeFailed"
    """There is no TLS with the next proxy."""
    NEGOTIATION_READ_FAILED = "NegotiationReadFailed"
    """The next proxy closed instead of answering, or its answer could not be read."""
    NEGOTIATION_WRITE_FAILED = "NegotiationWriteFailed"
    """What the next proxy is asked for could not be sent."""
    NEGOTIATION_REJECTED = "NegotiationRejected"
    """The next proxy says no."""
    NEGOTIATION_PEER_TIMEOUT = "NegotiationPeerTimeout"
    """The next proxy did not answer in time, or says that the target did not."""
    NEGOTIATION_PROTOCOL_ERROR = "NegotiationProtocolErr"
    """The next proxy's answer is none."""
    INTERNAL_SERVER_ERROR = "InternalServerError"
    """A fault of ours."""


class ConnectKind(Enum):
    """How the network refused a connection."""

    REFUSED = "connection refused"
    RESET = "connection reset"
    NETWORK_UNREACHABLE = "network unreachable"
    HOST_UNREACHABLE = "host unreachable"
    TIMED_OUT = "timed out"
    UNSPECIFIED = "unspecified error"

    @classmethod
    def from_errno(cls, code: int | None) -> "ConnectKind":
        """The kind that an error number of connect() stands for."""
        return _KINDS.get(code, cls.UNSPECIFIED)


_KINDS: dict[int | None, ConnectKind] = {
    errno.ECONNREFUSED: ConnectKind.REFUSED,
    errno.ECONNRESET: ConnectKind.RESET,
    errno.ENETUNREACH: ConnectKind.NETWORK_UNREACHABLE,
    errno.EHOSTUNREACH: ConnectKind.HOST_UNREACHABLE,
    errno.ETIMEDOUT: ConnectKind.TIMED_OUT,
}


class TcpConnectError(Exception):
    """No connection to the remote side; the text is for people, the attributes are for programs."""

    def __init__(
        self,
        reason: ConnectReason,
        *,
        os_error: OSError | None = None,
        resolve_error: ResolveError | None = None,
        detail: str = "",
    ) -> None:
        self.reason = reason
        """Which of the reasons."""
        self.kind = ConnectKind.from_errno(os_error.errno) if os_error is not None else None
        """How the network refused; None unless the operating system reported an error."""
        self.os_error = os_error
        """What the operating system reported, or None."""
        self.resolve_error = resolve_error
        """What the resolver reported; set with RESOLVE_FAILED only."""
        super().__init__(_describe(reason, os_error, resolve_error, detail))


_TEXTS = {
    ConnectReason.METHOD_UNAVAILABLE: "the method is not available",
    ConnectReason.ESCAPER_NOT_USABLE: "the escaper is not usable",
    ConnectReason.RESOLVE_FAILED: "resolving failed",
    ConnectReason.SETUP_SOCKET_FAILED: "setting up the socket failed",
    ConnectReason.CONNECT_FAILED: "connecting failed",
    ConnectReason.TIMEOUT_BY_RULE: "no connection within the configured time",
    ConnectReason.NO_ADDRESS_CONNECTED: "no address to connect to",
    ConnectReason.FORBIDDEN_ADDRESS_FAMILY: "the address family is switched off",
    ConnectReason.FORBIDDEN_REMOTE_ADDRESS: "the egress network filter forbids the address",
    ConnectReason.PROXY_PROTOCOL_ENCODE_ERROR: "no PROXY header can be made",
    ConnectReason.PROXY_PROTOCOL_WRITE_FAILED: "sending the PROXY header failed",
    ConnectReason.PEER_TLS_HANDSHAKE_TIMEOUT: "no TLS handshake with the next proxy in time",
    ConnectReason.PEER_TLS_HANDSHAKE_FAILED: "the TLS handshake with the next proxy failed",
    ConnectReason.NEGOTIATION_READ_FAILED: "reading the next proxy's answer failed",
    ConnectReason.NEGOTIATION_WRITE_FAILED: "asking the next proxy failed",
    ConnectReason.NEGOTIATION_REJECTED: "the next proxy refused",
    ConnectReason.NEGOTIATION_PEER_TIMEOUT: "no answer from the next proxy in time",
    ConnectReason.NEGOTIATION_PROTOCOL_ERROR: "the next proxy's answer is none",
    ConnectReason.INTERNAL_SERVER_ERROR: "internal error",
}


def _describe(reason: ConnectReason, os_error: OSError | None, resolve_error: ResolveError | None, detail: str) -> str:
    text = _TEXTS[reason]
    if resolve_error is not None:
        return f"{text}: {resolve_error}"
    if os_error is not None:
        return f"{text}: {os_error.strerror or os_error}"
    return f"{text}: {detail}" if detail else text
