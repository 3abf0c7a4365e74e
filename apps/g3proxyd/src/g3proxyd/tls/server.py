"""TLS towards clients: the certificate for the name that they ask for, and sessions that all workers can resume."""

import hashlib
import ssl
import time
from dataclasses import dataclass, field
from typing import Any

from ..io.stream import Stream
from ..io.tls import TlsStream
from ..io.tls_errors import TlsError, TlsFault
from . import openssl
from .contexts import server_context
from .names import covered
from .pem import facts_of
from .settings import Pair, ServerSettings, TicketSettings
from .tickets import Tickets


@dataclass(slots=True)
class Site:
    """Certificates of different types for the same names."""

    names: frozenset[str]
    pairs: dict[str, Pair] = field(default_factory=dict)
    """By the type of their keys."""


class ServerTls:
    """One server's TLS in one process."""

    def __init__(
        self, settings: ServerSettings, alpn: tuple[str, ...] = (), tickets: TicketSettings | None = None
    ) -> None:
        """``alpn`` are the application protocols that the server speaks. Raises ssl.SSLError and OSError."""
        self.handshake_timeout = settings.handshake_timeout
        self._client_auth = settings.client_auth
        identity = identity_of(settings)
        self._sites: list[tuple[frozenset[str], ssl.SSLContext]] = []
        for site in sites_of(settings.pairs):
            context = server_context(settings, tuple(site.pairs.values()), alpn)
            openssl.set_session_context(context, identity)
            self._sites.append((site.names, context))
        self._context = self._sites[0][1]
        # OpenSSL asks the context with which a connection began for tickets, whatever the name that is asked for.
        self._tickets = Tickets(self._context, identity, tickets or TicketSettings()) if settings.tickets else None
        if len(self._sites) > 1:
            self._context.sni_callback = self._choose

    def wrap(self, stream: Stream) -> TlsStream:
        """TLS over a fresh connection of a client; the handshake is still to be made."""
        if self._tickets is not None:
            self._tickets.refresh()
        return TlsStream(stream, self._context, server_side=True)

    def check_client(self, tls: ssl.SSLObject) -> None:
        """Raise TlsError for a client that resumes a session though its certificate has expired since.

        OpenSSL verifies certificates in full handshakes alone, and each resumption of TLS 1.3 hands out a ticket as
        good as the first: a client that comes often would never need a new certificate.
        """
        if self._client_auth and tls.session_reused:
            certificate: Any = tls.getpeercert()
            if ssl.cert_time_to_seconds(certificate["notAfter"]) < time.time():
                raise TlsError(TlsFault.CERTIFICATE_EXPIRED, "since the session began that the client resumes")

    def _choose(self, tls: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        if name is not None:
            name = name.lower().rstrip(".")
            exact = next((context for names, context in self._sites if name in names), None)
            tls.context = exact or next(
                (context for names, context in self._sites if covered(name, names)), self._context
            )


def sites_of(pairs: tuple[Pair, ...]) -> list[Site]:
    """Put pairs together whose names are the same and whose keys differ in type: OpenSSL chooses among them."""
    sites: list[Site] = []
    for pair in pairs:
        facts = facts_of(pair.certificate)
        for site in sites:
            if site.names == facts.names and facts.key_type not in site.pairs:
                site.pairs[facts.key_type] = pair
                break
        else:
            sites.append(Site(facts.names, {facts.key_type: pair}))
    return sites


def identity_of(settings: ServerSettings) -> bytes:
    """32 bytes that tell servers apart: nobody resumes at one of them what another has admitted him to."""
    digest = hashlib.blake2b(digest_size=32)
    certificates = [pair.certificate.pem for pair in settings.pairs]
    ca = settings.client_ca.pem if settings.client_ca is not None else b""
    for part in (settings.label.encode(), bytes((settings.client_auth,)), ca, *certificates):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()
