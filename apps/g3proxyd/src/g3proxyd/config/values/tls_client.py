"""TLS towards servers: `tls_client`."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from ...tls.contexts import client_context
from ...tls.settings import SITES, ClientSettings, Pair
from ..keys import Aliases, NoEffect, NotYet
from ..later import TLCP
from ..section import Section
from .duration import Timeout
from .mistake import Mistake
from .numbers import Boolean, Count
from .text import AsciiText
from .tls_files import CertPair, TlsCertificates, TlsPrivateKey, pair_of
from .tls_server import library_words
from .tls_words import Ciphers, TlsProtocol, TlsVersion, format_version

__all__ = ["RustlsTlsClient", "TlsClient", "TlsClientBase"]

NO_EXTENSION = "the TLS library here does not have it"
FRAGMENT_MIN, FRAGMENT_MAX = 512, 16384  # what OpenSSL takes


class TlsClientBase(Section):
    """What the sections for TLS towards servers share."""

    short_schema: ClassVar[Mapping[str, object] | None] = {"type": "null"}
    short_forms: ClassVar[str] = "nothing (all defaults)"

    ca_certificate: Annotated[
        TlsCertificates | None, Aliases("ca_cert", "server_auth_certificate", "server_auth_cert")
    ] = None
    """Issuers to trust beside those whom the system trusts."""
    no_default_ca_certificate: Annotated[Boolean, Aliases("no_default_ca_cert")] = False
    """Do not trust those whom the system trusts."""
    handshake_timeout: Annotated[Timeout, Aliases("negotiation_timeout")] = 10.0
    """Time for the handshake."""
    no_session_cache: Annotated[Boolean, Aliases("disable_session_cache", "session_cache_disabled")] = False
    """Remember no sessions."""
    disable_sni: Boolean = False
    """Do not tell the server which name is wanted; it is verified all the same."""
    cert_pair: CertPair | None = None
    """What to show to a server that asks for a certificate."""
    certificate: Annotated[TlsCertificates | None, Aliases("cert")] = None
    """The same as `certificate` of `cert_pair`."""
    private_key: Annotated[TlsPrivateKey | None, Aliases("key")] = None
    """The same as `private_key` of `cert_pair`."""

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        return {} if data is None else super().from_short(data)

    @property
    def settings(self) -> ClientSettings:
        """The same for those who know nothing of configurations."""
        pair = self.cert_pair.pair if self.cert_pair is not None else None
        if self.certificate is not None and self.private_key is not None:
            pair = Pair(self.certificate, self.private_key)
        return ClientSettings(
            ca=self.ca_certificate,
            default_ca=not self.no_default_ca_certificate,
            pair=pair,
            send_name=not self.disable_sni,
            session_sites=0 if self.no_session_cache else SITES,
            handshake_timeout=self.handshake_timeout,
        )

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        pair_of(self.cert_pair, self.certificate, self.private_key, conflicts, notes)
        if self.no_default_ca_certificate and self.ca_certificate is None:
            message = "nobody is left to be trusted: 'ca_certificate' is not set"
            conflicts.append(Mistake(message, path=("no_default_ca_certificate",)))
        if not conflicts:
            self._try(conflicts)
        return {}

    def _try(self, conflicts: list[Mistake]) -> None:
        """Make the context once: the library has its own opinion about keys and names."""
        try:
            client_context(self.settings, system=False)
        except (ssl.SSLError, OSError, ValueError) as error:
            conflicts.append(Mistake(f"the TLS library does not take it: {library_words(error)}"))


class TlsClient(TlsClientBase):
    """TLS towards servers."""

    session_cache_lru_max_sites: Count = SITES
    """Servers of which sessions are remembered."""
    session_cache_each_capacity: Annotated[Count, Aliases("session_cache_each_cap")] = 16
    """Sessions that are remembered of each."""
    supported_groups: AsciiText = ""
    """Key exchange groups by OpenSSL's names, with colons between them, best first; unset leaves it to OpenSSL."""
    use_ocsp_stapling: Boolean = False
    """Ask for a stapled OCSP response, which nobody looks at."""
    enable_sct: Annotated[Boolean, NoEffect("certificates' timestamps could be asked for and are not verified")] = False
    """Ask for signed certificate timestamps."""
    enable_grease: Annotated[Boolean, NoEffect(NO_EXTENSION)] = False
    """Send values that nobody knows (RFC 8701)."""
    permute_extensions: Annotated[Boolean, NoEffect(NO_EXTENSION)] = False
    """Send extensions in changing order."""
    insecure: Boolean = False
    """Do not verify servers."""
    min_tls_version: Annotated[TlsVersion | None, Aliases("tls_version_min")] = None
    """The lowest version, 1.2 if unset; for when `protocol` is not set."""
    max_tls_version: Annotated[TlsVersion | None, Aliases("tls_version_max")] = None
    """The highest version; for when `protocol` is not set."""
    protocol: TlsProtocol | None = None
    """The one version to speak."""
    ciphers: Ciphers = ()
    """Cipher suites by OpenSSL's names; for when `protocol` is set."""
    tlcp_cert_pair: Annotated[Any, NotYet(TLCP)] = None
    """What to show to a TLCP server that asks for a certificate."""
    use_builtin_session_cache: Annotated[Boolean, NoEffect("there is one session cache")] = False
    """Use the session cache of the TLS library."""

    @property
    def settings(self) -> ClientSettings:
        lowest = self.min_tls_version or ssl.TLSVersion.TLSv1_2
        if self.min_tls_version is None and self.max_tls_version is not None:
            lowest = min(lowest, self.max_tls_version)
        return replace(
            super().settings,
            verify=not self.insecure,
            minimum=self.protocol or lowest,
            maximum=self.protocol or self.max_tls_version or ssl.TLSVersion.MAXIMUM_SUPPORTED,
            ciphers=self.ciphers,
            groups=self.supported_groups,
            ocsp_stapling=self.use_ocsp_stapling,
            session_sites=0 if self.no_session_cache else self.session_cache_lru_max_sites,
            sessions_each=self.session_cache_each_capacity,
        )

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if self.ciphers and self.protocol is None:
            conflicts.append(Mistake("the suites of which version?", expected="protocol beside it", path=("ciphers",)))
        lowest, highest = self.min_tls_version, self.max_tls_version
        if self.protocol is not None:
            notes += [
                Mistake("has no effect beside 'protocol'", path=(key,))
                for key in ("min_tls_version", "max_tls_version")
                if getattr(self, key) is not None
            ]
        elif lowest is not None and highest is not None and lowest > highest:
            message = f"above max_tls_version, which is {format_version(highest)}"
            conflicts.append(Mistake(message, path=("min_tls_version",)))
        key = (
            "protocol" if self.protocol is not None else "min_tls_version" if lowest is not None else "max_tls_version"
        )
        if self.settings.minimum < ssl.TLSVersion.TLSv1_2:
            notes.append(Mistake("versions below 1.2 are broken (RFC 8996)", path=(key,)))
        if self.insecure:
            notes.append(Mistake("anybody can pass for the server, and nothing is logged about it", path=("insecure",)))
        return super().settle(conflicts, notes)


class RustlsTlsClient(TlsClientBase):
    """TLS towards servers, in the words of g3's clients that use rustls."""

    max_fragment_size: Count = 0
    """Bytes of a record that is sent, 512 to 16384; 0 is the most."""
    use_builtin_ca_certificate: Annotated[
        Boolean, Aliases("use_builtin_ca_cert"), NoEffect("no issuers are built in; the system's are used")
    ] = False
    """Trust the issuers that are built in."""

    @property
    def settings(self) -> ClientSettings:
        return replace(super().settings, max_fragment=self.max_fragment_size)

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if self.max_fragment_size and not FRAGMENT_MIN <= self.max_fragment_size <= FRAGMENT_MAX:
            message = f"{self.max_fragment_size} is out of range"
            expected = f"{FRAGMENT_MIN} to {FRAGMENT_MAX}, or 0"
            conflicts.append(Mistake(message, expected=expected, path=("max_fragment_size",)))
        return super().settle(conflicts, notes)
