"""Certificates and keys as PEM (RFC 7468): what is in them, and whether they belong together."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
    from cryptography.x509 import Certificate

__all__ = ["Certificates", "PemError", "PrivateKey", "facts_of", "parse_certificates", "parse_private_key", "same_key"]

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s.*?-----END \1-----", re.DOTALL)
_CERTIFICATES = (b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE")


class PemError(ValueError):
    """Text that holds not what it should; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """One or more certificates. Equal ones have equal contents, wherever they were read."""

    pem: bytes = field(repr=False)
    source: str = field(default="", compare=False)
    """Where they were read, for messages."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key, not encrypted. Its text is in no representation."""

    pem: bytes = field(repr=False)
    source: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Facts:
    """What matters of a certificate."""

    names: frozenset[str]
    """Names and addresses that it is for, in lower case; a common name counts where there is nothing else."""
    key_type: str
    """A server may have one certificate of each type for the same names."""
    not_before: datetime.datetime
    not_after: datetime.datetime


def parse_certificates(text: bytes) -> bytes:
    """The certificates in a text, which may hold other things as well, as PEM. Raises PemError."""
    blocks = [match[0] for match in _BLOCK.finditer(text) if match[1] in _CERTIFICATES]
    if not blocks:
        raise PemError("there is no certificate in PEM form in it")
    for number, block in enumerate(blocks, 1):
        try:
            _load(block)
        except ValueError as error:
            raise PemError(f"certificate {number} of {len(blocks)} cannot be read: {error}") from None
    return b"\n".join(blocks) + b"\n"


def parse_private_key(text: bytes) -> bytes:
    """The private key in a text, the last one if there are several, as PEM. Raises PemError."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    blocks = [match[0] for match in _BLOCK.finditer(text) if match[1].endswith(b"PRIVATE KEY")]
    if not blocks:
        raise PemError("there is no private key in PEM form in it")
    block = blocks[-1]
    if b"ENCRYPTED" in block:
        raise PemError("the private key is encrypted, and nobody could be asked for the passphrase")
    try:
        load_pem_private_key(block, None)
    except (ValueError, TypeError) as error:
        raise PemError(f"the private key cannot be read: {error}") from None
    return block + b"\n"


def facts_of(certificates: Certificates) -> Facts:
    """What the first of the certificates says."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    certificate = _load(certificates.pem)
    names: set[str] = set()
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names.update(alternatives.get_values_for_type(x509.DNSName))
        names.update(str(address) for address in alternatives.get_values_for_type(x509.IPAddress))
    except (x509.ExtensionNotFound, ValueError):
        pass
    if not names:
        names.update(str(name.value) for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
    return Facts(
        frozenset(name.lower().rstrip(".") for name in names),
        _key_type(certificate.public_key()),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def same_key(certificates: Certificates, key: PrivateKey) -> bool:
    """Whether the key is that of the first certificate."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    ours = load_pem_private_key(key.pem, None).public_key()
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return ours.public_bytes(*form) == _load(certificates.pem).public_key().public_bytes(*form)


def _load(pem: bytes) -> Certificate:
    # Only configurations with TLS pay for the import.
    from cryptography.x509 import load_pem_x509_certificate

    return load_pem_x509_certificate(pem)


def _key_type(key: PublicKeyTypes) -> str:
    return type(key).__name__
