"""What TLS over TCP holds against certificates, and QUIC's library does not ask for: their use, and weak keys."""

from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import MD5, SHA1
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from ..io.tls_errors import TlsError, TlsFault

MIN_RSA_BITS = 2048
MIN_CURVE_BITS = 224
"""What OpenSSL asks for at its security level 2, which is Python's."""


def check_use(certificate: x509.Certificate, use: ObjectIdentifier) -> None:
    """Raise TlsError for a certificate that names its uses, and not this one (RFC 5280 section 4.2.1.12)."""
    try:
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    except ValueError as error:
        raise TlsError(TlsFault.CERTIFICATE_INVALID, str(error)) from None
    if use not in uses and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in uses:
        raise TlsError(TlsFault.CERTIFICATE_PURPOSE, f"it is not for {_PEERS[use]}")


def check_strength(certificates: Iterable[x509.Certificate]) -> None:
    """Raise TlsError for keys that are too short and digests that are broken."""
    for certificate in certificates:
        try:
            key, digest = certificate.public_key(), certificate.signature_hash_algorithm
        except (ValueError, UnsupportedAlgorithm) as error:
            raise TlsError(TlsFault.CERTIFICATE_INVALID, str(error)) from None
        least = MIN_RSA_BITS if isinstance(key, rsa.RSAPublicKey) else MIN_CURVE_BITS
        if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) and key.key_size < least:
            raise TlsError(TlsFault.CERTIFICATE_WEAK, f"a key of {key.key_size} bits")
        # Whoever is trusted is so by name: what he has signed of himself proves nothing.
        if isinstance(digest, MD5 | SHA1) and certificate.subject != certificate.issuer:
            raise TlsError(TlsFault.CERTIFICATE_WEAK, f"signed by way of {digest.name}")


_PEERS = {ExtendedKeyUsageOID.CLIENT_AUTH: "clients", ExtendedKeyUsageOID.SERVER_AUTH: "servers"}
