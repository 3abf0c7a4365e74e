"""Certificates that OpenSSL would refuse in TLS over TCP, and good ones."""

import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from g3proxyd.io.tls_errors import TlsError
from g3proxyd.tls.certificate_checks import check_strength, check_use

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def certificate(key: Any = KEY, *extensions: x509.ExtensionType) -> x509.Certificate:
    builder = x509.CertificateBuilder(named("issuer"), named("subject"), key.public_key(), 1)
    builder = builder.not_valid_before(START).not_valid_after(START + datetime.timedelta(days=9))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(KEY, hashes.SHA256())


class Old:
    """A certificate that nobody can make any more."""

    subject = named("subject")

    def __init__(self, digest: hashes.HashAlgorithm, issuer: str = "issuer") -> None:
        self.signature_hash_algorithm = digest
        self.issuer = named(issuer)

    def public_key(self) -> Any:
        return KEY.public_key()


class Unreadable(Old):
    """A certificate with a key of an unknown kind."""

    def public_key(self) -> Any:
        raise UnsupportedAlgorithm("what a key")


def uses(*those: x509.ObjectIdentifier) -> x509.Certificate:
    return certificate(KEY, *([x509.ExtendedKeyUsage(those)] if those else []))


@pytest.mark.parametrize("use", [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
def test_good_uses(use: x509.ObjectIdentifier) -> None:
    check_use(uses(), use)
    check_use(uses(use), use)
    check_use(uses(ExtendedKeyUsageOID.CODE_SIGNING, use), use)
    check_use(uses(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE), use)


@pytest.mark.parametrize(
    ("use", "other", "text"),
    [
        (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH, "it is not for clients"),
        (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, "it is not for servers"),
        (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION, "it is not for servers"),
    ],
)
def test_other_uses(use: x509.ObjectIdentifier, other: x509.ObjectIdentifier, text: str) -> None:
    with pytest.raises(TlsError) as caught:
        check_use(uses(other), use)
    assert str(caught.value) == f"certificate_purpose ({text})"


def test_extensions_that_cannot_be_read() -> None:
    broken = x509.UnrecognizedExtension(x509.ExtendedKeyUsage.oid, b"no DER")
    with pytest.raises(TlsError, match=r"^certificate_invalid"):
        check_use(certificate(KEY, broken), ExtendedKeyUsageOID.SERVER_AUTH)


def test_good_keys() -> None:
    keys: list[Any] = [
        KEY,
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP224R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ]
    check_strength([certificate(key) for key in keys])


@pytest.mark.parametrize(
    ("key", "bits"), [(rsa.generate_private_key(65537, 1024), 1024), (ec.generate_private_key(ec.SECP192R1()), 192)]
)
def test_short_keys(key: Any, bits: int) -> None:
    for chain in ([certificate(key)], [certificate(), certificate(key)]):
        with pytest.raises(TlsError) as caught:
            check_strength(chain)
        assert str(caught.value) == f"certificate_weak (a key of {bits} bits)"


@pytest.mark.parametrize("digest", [hashes.SHA1(), hashes.MD5()])
def test_broken_digests(digest: hashes.HashAlgorithm) -> None:
    old: Any = Old(digest)
    with pytest.raises(TlsError, match=f"certificate_weak .signed by way of {digest.name}"):
        check_strength([certificate(), old])
    root: Any = Old(digest, "subject")
    check_strength([certificate(), root])


def test_keys_that_cannot_be_read() -> None:
    unreadable: Any = Unreadable(hashes.SHA256())
    with pytest.raises(TlsError, match=r"certificate_invalid .what a key"):
        check_strength([unreadable])
