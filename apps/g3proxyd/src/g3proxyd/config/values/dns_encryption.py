"""How name servers are asked under encryption."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, ClassVar, TypeAlias

from ..keys import any_case, normalise
from ..section import Section
from .acl import OneHost
from .mistake import Mistake, nearest, show, wrong
from .tls_client import RustlsTlsClient
from .value import Value

__all__ = ["DnsEncryption", "DnsProtocol", "parse_dns_protocol"]


class DnsProtocol(Enum):
    """What carries the questions; the values are the words of the configuration and of the resolve log."""

    TLS = "dns_over_tls"
    HTTPS = "dns_over_https"
    H3 = "dns_over_http/3"
    QUIC = "dns_over_quic"

    @property
    def port(self) -> int:
        """Where servers listen (RFC 7858, RFC 8484, RFC 9250)."""
        return 853 if self in (DnsProtocol.TLS, DnsProtocol.QUIC) else 443


_WORDS = {
    **dict.fromkeys(("tls", "dot", "dns_over_tls"), DnsProtocol.TLS),
    **dict.fromkeys(("https", "h2", "doh", "dns_over_https"), DnsProtocol.HTTPS),
    **dict.fromkeys(("h3", "http/3", "doh3", "dns_over_http/3"), DnsProtocol.H3),
    **dict.fromkeys(("quic", "doq", "dns_over_quic"), DnsProtocol.QUIC),
}


def parse_dns_protocol(data: object) -> DnsProtocol:
    """One of the words for a protocol, in any case, with `-` as good as `_`."""
    expected = f"one of {', '.join(protocol.value for protocol in DnsProtocol)}"
    word = normalise(data) if isinstance(data, str) else ""
    protocol = _WORDS.get(word)
    if protocol is None:
        suggestion = nearest(word, _WORDS)
        raise wrong(f"{show(data)} is not a protocol for name servers", expected=expected, suggestion=suggestion)
    return protocol


_Protocol: TypeAlias = Annotated[
    DnsProtocol,
    Value(
        "protocol for name servers",
        parse_dns_protocol,
        {"type": "string", "pattern": f"^({'|'.join(map(any_case, _WORDS))})$"},
        instance=DnsProtocol,
        display=lambda protocol: str(protocol.value),
    ),
]


class DnsEncryption(Section):
    """How name servers are asked under encryption, and who they have to be."""

    short_schema: ClassVar[Mapping[str, object] | None] = {"type": "string", "minLength": 1}
    short_forms: ClassVar[str] = "the value of tls_name alone"

    tls_name: OneHost
    """The name, or the address, that the servers' certificates have to be for."""
    protocol: _Protocol = DnsProtocol.TLS
    """What carries the questions: dns_over_tls (tls, dot), dns_over_https (https, h2, doh), dns_over_http/3 (h3, doh3)
    or dns_over_quic (quic, doq)."""
    tls_client: RustlsTlsClient = RustlsTlsClient()
    """TLS towards the servers."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        if self.protocol in (DnsProtocol.H3, DnsProtocol.QUIC):
            name, path = self.protocol.value, ("tls_client",)
            # The library tells a server the very name that it holds against the certificate.
            if self.tls_client.disable_sni:
                conflicts.append(Mistake(f"'disable_sni' does not go with {name}", path=path))
            for key in ("no_session_cache", "max_fragment_size"):
                if getattr(self.tls_client, key):
                    message = f"'{key}' has no effect with {name}: it keeps no sessions, and has no records"
                    notes.append(Mistake(message, path=path))
        return super().settle(conflicts, notes)

    @classmethod
    def from_short(cls, data: object) -> dict[str, Any]:
        return {"tls_name": data} if isinstance(data, str) else super().from_short(data)
