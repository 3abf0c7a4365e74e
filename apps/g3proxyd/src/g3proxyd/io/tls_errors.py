"""What can go wrong with a TLS connection, in stable words beside the library's own sentences."""

import re
import ssl
from enum import StrEnum


class TlsFault(StrEnum):
    """The stable word for a failure of TLS. A peer's alert is `ALERT` with the alert's name behind a colon."""

    PLAIN_HTTP = "plain_http"
    """The client speaks HTTP without TLS."""
    NOT_TLS = "not_tls"
    """What came is no TLS at all."""
    VERSION = "unsupported_version"
    NO_SHARED_CIPHER = "no_shared_cipher"
    """No common cipher suite, group or signature algorithm."""
    NO_SHARED_PROTOCOL = "no_shared_protocol"
    """No common application protocol (ALPN)."""
    NO_CERTIFICATE = "no_certificate"
    """The peer was asked for a certificate and has sent none."""
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_NAME = "certificate_name"
    """The certificate is for another name or address."""
    CERTIFICATE_ISSUER = "certificate_issuer"
    """Nobody whom we trust has issued it; self-signed ones count among these."""
    CERTIFICATE_REVOKED = "certificate_revoked"
    CERTIFICATE_PURPOSE = "certificate_purpose"
    """It is not meant for this use, or a certificate has issued others without the right to."""
    CERTIFICATE_WEAK = "certificate_weak"
    """A key too short or a digest too old."""
    CERTIFICATE_CONSTRAINT = "certificate_constraint"
    """The issuer may not issue for this name."""
    CERTIFICATE_INVALID = "certificate_invalid"
    """Anything else that is wrong with it."""
    ALERT = "alert"
    """The peer has ended the connection with an alert."""
    TRUNCATED = "truncated"
    """The connection ended without TLS's own end: what came may be a part."""
    FLOOD = "flood"
    """More of the protocol's own messages than any honest peer sends."""
    PROTOCOL = "protocol_error"
    """Any other breach of the protocol."""


class TlsError(OSError):
    """A TLS connection that cannot go on; its owner closes it as after any other error of a stream."""

    def __init__(self, fault: TlsFault, text: str, alert: str = "") -> None:
        super().__init__(text)
        self.fault = fault
        self.alert = alert
        """The name of the peer's alert, such as ``unknown_ca``; empty for every other fault."""

    @property
    def reason(self) -> str:
        """The stable word: that of the fault, or ``alert:unknown_ca``."""
        return f"{self.fault.value}:{self.alert}" if self.alert else self.fault.value

    def __str__(self) -> str:
        return f"{self.reason} ({self.args[0]})" if self.args[0] else self.reason


OF_REASON = {
    "HTTP_REQUEST": TlsFault.PLAIN_HTTP,
    "HTTPS_PROXY_REQUEST": TlsFault.PLAIN_HTTP,
    "WRONG_VERSION_NUMBER": TlsFault.NOT_TLS,
    "UNKNOWN_PROTOCOL": TlsFault.NOT_TLS,
    "UNSUPPORTED_PROTOCOL": TlsFault.VERSION,
    "VERSION_TOO_LOW": TlsFault.VERSION,
    "NO_PROTOCOLS_AVAILABLE": TlsFault.VERSION,
    "BAD_LEGACY_VERSION": TlsFault.VERSION,
    "NO_SHARED_CIPHER": TlsFault.NO_SHARED_CIPHER,
    "NO_CIPHERS_AVAILABLE": TlsFault.NO_SHARED_CIPHER,
    "NO_SUITABLE_KEY_SHARE": TlsFault.NO_SHARED_CIPHER,
    "NO_SUITABLE_GROUPS": TlsFault.NO_SHARED_CIPHER,
    "NO_SUITABLE_SIGNATURE_ALGORITHM": TlsFault.NO_SHARED_CIPHER,
    "NO_SHARED_SIGNATURE_ALGORITHMS": TlsFault.NO_SHARED_CIPHER,
    "NO_APPLICATION_PROTOCOL": TlsFault.NO_SHARED_PROTOCOL,
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": TlsFault.NO_CERTIFICATE,
    "UNEXPECTED_EOF_WHILE_READING": TlsFault.TRUNCATED,
    "EE_KEY_TOO_SMALL": TlsFault.CERTIFICATE_WEAK,
    "DH_KEY_TOO_SMALL": TlsFault.NO_SHARED_CIPHER,
}
"""The library's words."""

OF_VERIFY_CODE = {
    2: TlsFault.CERTIFICATE_ISSUER,
    9: TlsFault.CERTIFICATE_NOT_YET_VALID,
    10: TlsFault.CERTIFICATE_EXPIRED,
    18: TlsFault.CERTIFICATE_ISSUER,
    19: TlsFault.CERTIFICATE_ISSUER,
    20: TlsFault.CERTIFICATE_ISSUER,
    21: TlsFault.CERTIFICATE_ISSUER,
    23: TlsFault.CERTIFICATE_REVOKED,
    24: TlsFault.CERTIFICATE_PURPOSE,
    25: TlsFault.CERTIFICATE_CONSTRAINT,
    26: TlsFault.CERTIFICATE_PURPOSE,
    27: TlsFault.CERTIFICATE_ISSUER,
    32: TlsFault.CERTIFICATE_PURPOSE,
    47: TlsFault.CERTIFICATE_CONSTRAINT,
    48: TlsFault.CERTIFICATE_CONSTRAINT,
    62: TlsFault.CERTIFICATE_NAME,
    64: TlsFault.CERTIFICATE_NAME,
    66: TlsFault.CERTIFICATE_WEAK,
    67: TlsFault.CERTIFICATE_WEAK,
    68: TlsFault.CERTIFICATE_WEAK,
    79: TlsFault.CERTIFICATE_PURPOSE,
}
"""X509_V_ERR_ of <openssl/x509_vfy.h>."""

_ALERT = re.compile(r"(?:SSLV3|TLSV1|TLSV13)(?:_ALERT)?_(\w+)")


def name_fault(error: ssl.SSLError) -> TlsError:
    """The error of the ssl module in the words that logs and tests know."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return name_certificate_fault(error.verify_code, error.verify_message)
    if isinstance(error, ssl.SSLEOFError):
        return TlsError(TlsFault.TRUNCATED, "the peer closed without TLS's own end")
    reason = error.reason or ""
    if reason in OF_REASON:
        return TlsError(OF_REASON[reason], _sentence(reason))
    if alert := _ALERT.fullmatch(reason):
        return TlsError(TlsFault.ALERT, "the peer's word", alert[1].lower())
    return TlsError(TlsFault.PROTOCOL, _sentence(reason) or str(error))


def name_certificate_fault(code: int, text: str) -> TlsError:
    """The same for what OpenSSL's verification of a certificate says: one of X509_V_ERR, and its sentence."""
    return TlsError(OF_VERIFY_CODE.get(code, TlsFault.CERTIFICATE_INVALID), text)


def _sentence(reason: str) -> str:
    return reason.lower().replace("_", " ")
