"""TLS of QUIC connections (RFC 9001): the certificate for the name that a client asks for, and clients' certificates.

The library has one certificate for each configuration, asks clients for none and trusts whatever they show; what is
missing is here.
"""

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aioquic.quic.configuration import QuicConfiguration
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import crypto

from ..io.tls_errors import TlsError, TlsFault, name_certificate_fault
from .certificate_checks import check_strength, check_use
from .names import covered
from .server import sites_of
from .settings import Pair, ServerSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

CURVES = (ec.SECP256R1, ec.SECP384R1)
"""Of those that TLS 1.3 has, the ones that the library signs with."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate that the library can show."""

    certificate: x509.Certificate
    chain: list[x509.Certificate]
    key: Any
    """A private key, of a type that depends on the algorithm."""


class QuicTls:
    """One server's TLS for QUIC."""

    def __init__(self, settings: ServerSettings) -> None:
        """Raises ValueError for certificates that the library does not take."""
        self.handshake_timeout = settings.handshake_timeout
        self.asks_client = settings.client_auth
        """Whether clients have to show a certificate."""
        self._sites = [
            (site.names, [identity_of(pair) for pair in site.pairs.values()]) for site in sites_of(settings.pairs)
        ]
        self.default = self._sites[0][1][0]
        """For clients that name nobody."""
        self.one = len(settings.pairs) == 1
        """Whether there is nothing to choose from."""
        self._store = client_store(settings) if settings.client_auth else None

    def choose(self, name: str | None) -> "Sequence[Identity]":
        """The certificates for a name, of different types; as in `ServerTls`, the first ones if there is none."""
        if name is not None:
            name = name.lower().rstrip(".")
            for names, identities in self._sites:
                if name in names:
                    return identities
            for names, identities in self._sites:
                if covered(name, names):
                    return identities
        return self._sites[0][1]

    def configuration(self, idle_timeout: float, max_data: int, max_stream_data: int) -> QuicConfiguration:
        """The library's configuration of one server."""
        return QuicConfiguration(
            is_client=False,
            certificate=self.default.certificate,
            certificate_chain=self.default.chain,
            private_key=self.default.key,
            idle_timeout=idle_timeout,
            max_data=max_data,
            max_stream_data=max_stream_data,
        )

    def check_client(self, certificate: x509.Certificate | None, chain: "Sequence[x509.Certificate]") -> None:
        """Raise TlsError unless the certificate, whose key the client has, is one that we trust."""
        if self._store is None:
            return
        if certificate is None:
            raise TlsError(TlsFault.NO_CERTIFICATE, "the client showed none")
        check_use(certificate, ExtendedKeyUsageOID.CLIENT_AUTH)
        check_strength((certificate, *chain))
        context = crypto.X509StoreContext(
            self._store, crypto.X509.from_cryptography(certificate), [crypto.X509.from_cryptography(c) for c in chain]
        )
        try:
            context.verify_certificate()
        except crypto.X509StoreContextError as error:
            code, _, text = error.errors
            raise name_certificate_fault(code, text) from None


def identity_of(pair: Pair) -> Identity:
    """A pair as the library wants it. Raises ValueError."""
    key = load_pem_private_key(pair.key.pem, None)
    if not (
        isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
        or (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, CURVES))
    ):
        raise ValueError(f"QUIC's TLS library cannot sign with the key of {pair.certificate.source}")
    first, *others = x509.load_pem_x509_certificates(pair.certificate.pem)
    return Identity(first, others, key)


def client_store(settings: ServerSettings) -> crypto.X509Store:
    """Whom we trust to issue the certificates of clients; who is named in the configuration, root or not."""
    store = crypto.X509Store()
    if settings.client_ca is None:
        for der in system_issuers():
            store.add_cert(crypto.load_certificate(crypto.FILETYPE_ASN1, der))
    else:
        for certificate in x509.load_pem_x509_certificates(settings.client_ca.pem):
            store.add_cert(crypto.X509.from_cryptography(certificate))
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    return store


def system_issuers() -> list[bytes]:
    """Whom the system trusts to issue certificates of clients, as DER."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    return context.get_ca_certs(binary_form=True)
