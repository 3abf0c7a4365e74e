"""The numbers of SOCKS that have names: methods and reply codes (RFC 1928 sections 3 and 6, the SOCKS4 protocol)."""

from enum import IntEnum
from typing import TypeVar

C = TypeVar("C", bound=IntEnum)


class Method(IntEnum):
    """The authentication methods that this package speaks (RFC 1928 section 3).

    GSSAPI (0x01, RFC 1961) is not among them: nothing but a few Kerberos sites ever used it.
    """

    NO_AUTHENTICATION = 0x00
    USERNAME_PASSWORD = 0x02
    """RFC 1929; the password crosses the network in the clear."""


class Reply(IntEnum):
    """The REP field of a SOCKS5 reply (RFC 1928 section 6); ``meaning`` says it in words."""

    SUCCEEDED = 0x00
    GENERAL_FAILURE = 0x01
    NOT_ALLOWED = 0x02
    """By the ruleset: access rules, limits, bans."""
    NETWORK_UNREACHABLE = 0x03
    HOST_UNREACHABLE = 0x04
    CONNECTION_REFUSED = 0x05
    TTL_EXPIRED = 0x06
    COMMAND_NOT_SUPPORTED = 0x07
    ADDRESS_TYPE_NOT_SUPPORTED = 0x08
    CONNECTION_TIMED_OUT = 0x09
    """Unassigned in RFC 1928; g3proxy sends it, and clients that do not know it see one failure more."""

    @property
    def meaning(self) -> str:
        """The code in words, for people."""
        return _MEANINGS[self]


class Socks4Reply(IntEnum):
    """The CD field of a SOCKS4 reply; ``meaning`` says it in words."""

    GRANTED = 90
    REJECTED = 91
    """Rejected or failed, for whatever reason."""
    NO_IDENTD = 92
    """The server could not reach an identd (RFC 1413) at the client."""
    USER_ID_MISMATCH = 93
    """The identd at the client named another user than USERID did."""

    @property
    def meaning(self) -> str:
        """The code in words, for people."""
        return _MEANINGS[self]


def named(kind: type[C], code: int) -> C | int:
    """Return the member of the enumeration with this code, or the bare code where there is none."""
    try:
        return kind(code)
    except ValueError:
        return code


_MEANINGS: dict[int, str] = {
    Reply.SUCCEEDED: "succeeded",
    Reply.GENERAL_FAILURE: "general failure",
    Reply.NOT_ALLOWED: "not allowed by the rules",
    Reply.NETWORK_UNREACHABLE: "network unreachable",
    Reply.HOST_UNREACHABLE: "host unreachable",
    Reply.CONNECTION_REFUSED: "connection refused",
    Reply.TTL_EXPIRED: "TTL expired",
    Reply.COMMAND_NOT_SUPPORTED: "command not supported",
    Reply.ADDRESS_TYPE_NOT_SUPPORTED: "address type not supported",
    Reply.CONNECTION_TIMED_OUT: "connection timed out",
    Socks4Reply.GRANTED: "granted",
    Socks4Reply.REJECTED: "rejected or failed",
    Socks4Reply.NO_IDENTD: "no identd at the client",
    Socks4Reply.USER_ID_MISMATCH: "the client's identd names another user",
}
