"""Alerts: what ends a connection whose handshake cannot go on (RFC 8446 section 6)."""

from enum import IntEnum

from g3_machine import LocalProtocolError

TLS_VERSION = 0x0303
"""What a record of TLS 1.2 and 1.3 says (RFC 8446 section 5.1)."""
TLCP_VERSION = 0x0101
"""What every record of TLCP says (GB/T 38636)."""


class Alert(IntEnum):
    """The descriptions that a server may have for a ClientHello, and the two that end any connection."""

    CLOSE_NOTIFY = 0
    UNEXPECTED_MESSAGE = 10
    RECORD_OVERFLOW = 22
    HANDSHAKE_FAILURE = 40
    ILLEGAL_PARAMETER = 47
    ACCESS_DENIED = 49
    DECODE_ERROR = 50
    PROTOCOL_VERSION = 70
    INSUFFICIENT_SECURITY = 71
    INTERNAL_ERROR = 80
    USER_CANCELED = 90
    MISSING_EXTENSION = 109
    UNRECOGNIZED_NAME = 112
    NO_APPLICATION_PROTOCOL = 120


_WARNINGS = (Alert.CLOSE_NOTIFY, Alert.USER_CANCELED)


def pack_alert(description: int, *, fatal: bool | None = None, version: int = TLS_VERSION) -> bytes:
    """Return a record with an alert, unprotected, as it is sent before keys are agreed on.

    ``description`` is an `Alert` or another number up to 255. ``fatal`` defaults to what RFC 8446 section 6 says: all
    are, but for CLOSE_NOTIFY and USER_CANCELED. ``version`` is that of the record. Raises LocalProtocolError for
    numbers that have no room.
    """
    if not 0 <= description <= 255 or not 0 <= version <= 0xFFFF:
        raise LocalProtocolError(f"alert {description}, version {version}: more than 1 and 2 bytes hold")
    if fatal is None:
        fatal = description not in _WARNINGS
    return b"\x15" + version.to_bytes(2, "big") + b"\x00\x02" + bytes((2 if fatal else 1, description))
