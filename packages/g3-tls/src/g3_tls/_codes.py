"""Numbers of the wire that a proxy looks at, and those that mean nothing."""

from enum import IntEnum

SSL3 = 0x0300
TLS1_0 = 0x0301
TLS1_1 = 0x0302
TLS1_2 = 0x0303
TLS1_3 = 0x0304
TLCP1_1 = 0x0101

GREASE = frozenset(0x1010 * high + 0x0A0A for high in range(16))
"""Values without a meaning that clients mix in, so that servers learn to skip what they don't know (RFC 8701)."""

GREASE_ALPN = frozenset(value.to_bytes(2, "big") for value in GREASE)


class ExtensionType(IntEnum):
    """The extensions that this package reads or writes, and others that proxies ask for."""

    SERVER_NAME = 0
    MAX_FRAGMENT_LENGTH = 1
    STATUS_REQUEST = 5
    SUPPORTED_GROUPS = 10
    SIGNATURE_ALGORITHMS = 13
    ALPN = 16
    EXTENDED_MASTER_SECRET = 23
    SESSION_TICKET = 35
    PRE_SHARED_KEY = 41
    EARLY_DATA = 42
    SUPPORTED_VERSIONS = 43
    PSK_KEY_EXCHANGE_MODES = 45
    KEY_SHARE = 51
    ENCRYPTED_CLIENT_HELLO = 0xFE0D
