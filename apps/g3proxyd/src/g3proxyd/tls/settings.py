"""What contexts are made of. The configuration's sections turn into these; nothing here knows how they were written."""

import ssl
from dataclasses import dataclass, field

from .pem import Certificates, PrivateKey

SITES = 128
"""Names of which sessions are remembered unless somebody says otherwise."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with its chain, and its key."""

    certificate: Certificates
    key: PrivateKey


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """TLS towards clients."""

    pairs: tuple[Pair, ...]
    """At least one; the first is for clients that name no server, or none that we have."""
    client_auth: bool = False
    """Whether clients have to show a certificate."""
    client_ca: Certificates | None = None
    """Who may issue those; None is whom the system trusts."""
    tickets: bool = True
    """Whether clients may resume by tickets, which all workers can read."""
    session_cache: bool = True
    """Whether clients may resume what a worker remembers of them."""
    label: str = ""
    """Sessions are resumed among servers of the same label and the same settings alone."""
    handshake_timeout: float = 10.0
    """Seconds."""
    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2


@dataclass(frozen=True, slots=True)
class TicketSettings:
    """Keys of session tickets that change over time; in seconds."""

    lifetime: float = 43200.0
    """How long a ticket is good for; keys change after half of it."""
    check_interval: float = 300.0
    """How often to look whether they have to."""


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """TLS towards servers."""

    ca: Certificates | None = None
    """Issuers to trust beside the system's."""
    default_ca: bool = True
    """Whether to trust whom the system trusts."""
    pair: Pair | None = None
    """What to show to servers that ask for a certificate."""
    send_name: bool = True
    """Whether to tell the server which name is wanted (SNI); it is verified anyway."""
    verify: bool = True
    """Whether the server has to prove who it is."""
    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    maximum: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
    ciphers: tuple[str, ...] = ()
    """Cipher suites by OpenSSL's names; none is the default. For the one version that is allowed then."""
    groups: str = ""
    """Key exchange groups by OpenSSL's names with colons between them; none is the default."""
    ocsp_stapling: bool = False
    """Whether to ask for a stapled OCSP response. Nobody looks at it."""
    max_fragment: int = 0
    """Plain bytes in a record that we send, 512 to 16384; 0 is the most."""
    session_sites: int = SITES
    """Names of which sessions are remembered; 0 remembers nothing."""
    sessions_each: int = 16
    """Sessions for each name."""
    handshake_timeout: float = 10.0
    """Seconds."""
    alpn: tuple[str, ...] = field(default=())
    """Application protocols to offer."""
