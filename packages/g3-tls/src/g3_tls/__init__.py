"""Reads a ClientHello of TLS or TLCP without I/O, and leaves it where it is (RFC 8446, 5246, 6066; GB/T 38636)."""

from ._alert import TLCP_VERSION, TLS_VERSION, Alert, pack_alert
from ._codes import GREASE, SSL3, TLCP1_1, TLS1_0, TLS1_1, TLS1_2, TLS1_3, ExtensionType
from ._errors import HelloError, NotTlsError
from ._hello import ClientHello
from ._pack import TLCP_SUITES, TLS_SUITES, pack_client_hello
from ._parse import MAX_NAME_SIZE
from ._reader import (
    DEFAULT_MAX_HELLO_SIZE,
    DEFAULT_MAX_RECORDS,
    MAX_RECORD_SIZE,
    ClientHelloReader,
    is_client_hello,
)

__all__ = [
    "DEFAULT_MAX_HELLO_SIZE",
    "DEFAULT_MAX_RECORDS",
    "GREASE",
    "MAX_NAME_SIZE",
    "MAX_RECORD_SIZE",
    "SSL3",
    "TLCP1_1",
    "TLCP_SUITES",
    "TLCP_VERSION",
    "TLS1_0",
    "TLS1_1",
    "TLS1_2",
    "TLS1_3",
    "TLS_SUITES",
    "TLS_VERSION",
    "Alert",
    "ClientHello",
    "ClientHelloReader",
    "ExtensionType",
    "HelloError",
    "NotTlsError",
    "is_client_hello",
    "pack_alert",
    "pack_client_hello",
]
