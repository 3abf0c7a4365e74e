"""The faults that a caller tells apart; every other fault is a plain RemoteProtocolError."""

from g3_machine import RemoteProtocolError

from ._codes import Reply, Socks4Reply


class MethodError(RemoteProtocolError):
    """Client and server have no authentication method in common (RFC 1928 section 3).

    The server raises it also for a SOCKS4 client where credentials are required: SOCKS4 cannot carry any.
    """


class AuthenticationError(RemoteProtocolError):
    """The server did not take the credentials (RFC 1929 section 2); ``status`` is what it said, 1 to 255."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the server did not take the credentials (status {status})")
        self.status = status


class RefusedError(RemoteProtocolError):
    """The server refused the request, or the second half of a BIND; ``code`` is a `Reply`, a `Socks4Reply`,
    or a bare int where the server said a code that neither has."""

    def __init__(self, code: Reply | Socks4Reply | int) -> None:
        meaning = code.meaning if isinstance(code, Reply | Socks4Reply) else "unassigned code"
        super().__init__(f"the server refused: {meaning} ({int(code)})")
        self.code = code


class FragmentError(RemoteProtocolError):
    """A UDP datagram is a fragment (RFC 1928 section 7), which this package does not put together.

    The RFC leaves fragments optional, and an implementation without them "MUST drop any datagram whose FRAG field
    is other than X'00'".
    """
