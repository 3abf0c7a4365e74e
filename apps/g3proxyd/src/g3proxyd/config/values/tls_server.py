"""TLS towards clients: `tls_server` and `tls_ticketer`."""

from __future__ import annotations

import ssl
from typing import Annotated, Any

from ...tls import openssl
from ...tls.contexts import server_context
from ...tls.server import sites_of
from ...tls.settings import Pair, ServerSettings, TicketSettings
from ..keys import Aliases, NotYet
from ..later import TICKET_SOURCE, TLCP
from ..section import Section
from .duration import Duration, Timeout
from .mistake import Mistake
from .numbers import U32, Boolean
from .text import Text
from .tls_files import CertPairs, TlsCertificates, TlsPrivateKey, pair_of

__all__ = ["OpensslTlsServer", "TlsServer", "TlsServerBase", "TlsTicketer"]

MOST_PAIRS = 64  # each costs every worker 20 KiB, and a client waits while they are looked through


class TlsServerBase(Section):
    """What the sections for TLS towards clients share."""

    cert_pairs: CertPairs = ()
    """Certificates: the one for the name that the client asks for, else the first."""
    enable_client_auth: Boolean = False
    """Demand a certificate of the client."""
    no_session_ticket: Annotated[Boolean, Aliases("disable_session_ticket")] = False
    """Give out no tickets that all workers could read."""
    no_session_cache: Annotated[Boolean, Aliases("disable_session_cache")] = False
    """Remember no sessions."""
    ca_certificate: Annotated[
        TlsCertificates | None, Aliases("ca_cert", "client_auth_certificate", "client_auth_cert")
    ] = None
    """Who issues the certificates of clients; unset is whom the system trusts."""
    handshake_timeout: Annotated[Timeout, Aliases("negotiation_timeout", "accept_timeout")] = 10.0
    """Time for the handshake."""

    @property
    def all_pairs(self) -> tuple[Pair, ...]:
        """Every certificate."""
        return tuple(pair.pair for pair in self.cert_pairs)

    @property
    def settings(self) -> ServerSettings:
        """The same for those who know nothing of configurations."""
        return ServerSettings(
            pairs=self.all_pairs,
            client_auth=self.enable_client_auth,
            client_ca=self.ca_certificate,
            tickets=not self.no_session_ticket,
            session_cache=not self.no_session_cache,
            handshake_timeout=self.handshake_timeout,
        )

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if self.ca_certificate is not None and not self.enable_client_auth:
            message = "no client is asked for a certificate: 'enable_client_auth' is not set"
            notes.append(Mistake(message, path=("ca_certificate",)))
        if self.no_session_cache and not openssl.available():
            notes.append(Mistake("the TLS library of this Python does not let us forget", path=("no_session_cache",)))
        pairs = self.all_pairs
        if len(pairs) > MOST_PAIRS:
            conflicts.append(Mistake(f"{len(pairs)} certificates", f"at most {MOST_PAIRS}", path=("cert_pairs",)))
        elif pairs and not conflicts:
            self._try(conflicts)
        return {}

    def _try(self, conflicts: list[Mistake]) -> None:
        """Make the contexts once: the library has its own opinion about keys, for instance that they are too short."""
        settings = self.settings
        for site in sites_of(settings.pairs):
            try:
                server_context(settings, tuple(site.pairs.values()))
            except (ssl.SSLError, OSError) as error:
                sources = ", ".join(pair.certificate.source for pair in site.pairs.values())
                conflicts.append(Mistake(f"the TLS library does not take {sources}: {library_words(error)}"))


class TlsServer(TlsServerBase):
    """TLS towards clients."""

    certificate: Annotated[TlsCertificates | None, Aliases("cert")] = None
    """A certificate, instead of or beside `cert_pairs`, with its issuers behind it."""
    private_key: Annotated[TlsPrivateKey | None, Aliases("key")] = None
    """Its key."""
    use_session_ticket: Boolean | None = None
    """The opposite of `no_session_ticket`, as older configurations say it."""

    @property
    def all_pairs(self) -> tuple[Pair, ...]:
        pairs = super().all_pairs
        if self.certificate is not None and self.private_key is not None:
            pairs = (Pair(self.certificate, self.private_key), *pairs)
        return pairs

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        changes: dict[str, object] = {}
        pair_of(None, self.certificate, self.private_key, conflicts, notes)
        if self.use_session_ticket is not None:
            if "no_session_ticket" in self.model_fields_set and self.no_session_ticket is self.use_session_ticket:
                conflicts.append(Mistake("says the opposite of no_session_ticket", path=("use_session_ticket",)))
            notes.append(Mistake("deprecated key; use 'no_session_ticket'", path=("use_session_ticket",)))
            changes["no_session_ticket"] = not self.use_session_ticket
        if not self.all_pairs and not conflicts:
            conflicts.append(Mistake("there is no certificate", expected="cert_pairs, or certificate and private_key"))
        return changes | super().settle(conflicts, notes)


class OpensslTlsServer(TlsServerBase):
    """TLS towards clients, in the words of g3's servers that use OpenSSL."""

    tlcp_cert_pairs: Annotated[Any, NotYet(TLCP)] = None
    """Certificates for TLCP."""
    session_id_context: Text = ""
    """Sessions are resumed among servers with the same word here, and the same certificates, alone."""

    @property
    def settings(self) -> ServerSettings:
        settings = super().settings
        return ServerSettings(
            pairs=settings.pairs,
            client_auth=settings.client_auth,
            client_ca=settings.client_ca,
            tickets=settings.tickets,
            session_cache=settings.session_cache,
            label=self.session_id_context,
            handshake_timeout=settings.handshake_timeout,
        )

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if not self.cert_pairs:
            conflicts.append(Mistake("there is no certificate", expected="cert_pairs"))
        return super().settle(conflicts, notes)


class TlsTicketer(Section):
    """Keys of session tickets that change over time, the same in all workers."""

    check_interval: Duration = 300.0
    """How often to look whether the keys have to change."""
    local_lifetime: U32 = 43200
    """Seconds that a ticket is good for at most; keys change after half of it, and tickets end with their key."""
    source: Annotated[Any, NotYet(TICKET_SOURCE)] = None
    """Where keys come from that several machines share."""

    @property
    def settings(self) -> TicketSettings:
        """The same for those who know nothing of configurations."""
        return TicketSettings(float(self.local_lifetime), self.check_interval)

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if self.local_lifetime == 0:
            conflicts.append(
                Mistake("0 would change the keys all the time", "seconds above zero", path=("local_lifetime",))
            )
        if not openssl.available():
            notes.append(Mistake("has no effect: the TLS library of this Python does not let anybody choose its keys"))
        return {}


def library_words(error: Exception) -> str:
    """What the TLS library says, without its file names."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, str) and reason:
        return reason.lower().replace("_", " ")
    return str(error.args[0] if len(error.args) == 1 else error)
