"""TLS of QUIC, which is aioquic's own: our settings in its words."""

import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...tls.client import ServerName
from ...tls.settings import ClientSettings

if TYPE_CHECKING:
    from aioquic.quic.configuration import QuicConfiguration
    from cryptography.x509 import Certificate


def quic_configuration(settings: ClientSettings, name: ServerName) -> "QuicConfiguration":
    """A configuration for connections to who has to be ``name``."""
    from aioquic.quic.configuration import QuicConfiguration
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificates

    configuration = QuicConfiguration(server_name=str(name))
    # Nothing at all would mean issuers that come with a library, whom nobody has chosen.
    configuration.cadata = settings.ca.pem if settings.ca is not None else b""
    if settings.default_ca:
        system = ssl.get_default_verify_paths()
        configuration.cafile, configuration.capath = system.cafile, system.capath
    if settings.pair is not None:
        chain = load_pem_x509_certificates(settings.pair.certificate.pem)
        configuration.certificate, configuration.certificate_chain = chain[0], chain[1:]
        configuration.private_key = load_pem_private_key(settings.pair.key.pem, None)
    return configuration


def check_server(certificates: "Sequence[Certificate]") -> None:
    """Raise TlsError for what the library lets pass: it has seen to the name, the issuer and the dates."""
    from cryptography.x509.oid import ExtendedKeyUsageOID

    from ...tls.certificate_checks import check_strength, check_use

    check_use(certificates[0], ExtendedKeyUsageOID.SERVER_AUTH)
    check_strength(certificates)
