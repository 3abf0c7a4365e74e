"""Versions of TLS, names of cipher suites, and names to verify."""

from __future__ import annotations

import re
import ssl
from typing import Annotated, TypeAlias

from ..later import TLCP
from .mistake import Mistake, MistakeError, show, wrong
from .text import parse_text
from .value import Value

__all__ = ["Ciphers", "TlsProtocol", "TlsVersion", "format_version", "parse_protocol", "parse_version"]

VERSIONS = {
    "0": ssl.TLSVersion.TLSv1,
    "1": ssl.TLSVersion.TLSv1_1,
    "2": ssl.TLSVersion.TLSv1_2,
    "3": ssl.TLSVersion.TLSv1_3,
}
_match_version = re.compile(r"(?:tls)?v?1[._]?([0-3])", re.IGNORECASE | re.ASCII).fullmatch
_EXPECTED = "1.0, 1.1, 1.2 or 1.3"
_PROTOCOLS = "tls1.0, tls1.1, tls1.2 or tls1.3"
MAX_CIPHERS = 128  # more than OpenSSL knows


def parse_version(data: object) -> ssl.TLSVersion:
    """A version: 1.2 or `1.2`, `tls12`, `tls1.2`, `tls1_2`, in any case."""
    text = data if isinstance(data, str) else parse_text(data) if isinstance(data, float) else ""
    found = _match_version(text)
    if found is None:
        raise wrong(f"{show(data)} is not a version of TLS", expected=_EXPECTED)
    return VERSIONS[found[1]]


def parse_protocol(data: object) -> ssl.TLSVersion:
    """The one version to speak: `tls1.2`, `tls12` and so on, in any case."""
    word = data.lower() if isinstance(data, str) else ""
    if word.startswith("tlcp"):
        raise MistakeError(Mistake(f"not supported yet: {TLCP}", unsupported=True))
    if word.startswith("ssl"):
        raise wrong(f"{show(data)} is broken, and the TLS library does not know it any more", expected=_PROTOCOLS)
    if not word.startswith("tls"):
        raise wrong(f"{show(data)} is not a protocol", expected=_PROTOCOLS)
    return parse_version(word)


def parse_ciphers(data: object) -> tuple[str, ...]:
    """Cipher suites by OpenSSL's names: text with colons between them, or a list."""
    items = data if isinstance(data, list | tuple) else [data]
    names = [name.strip() for item in items for name in (item.split(":") if isinstance(item, str) else [""])]
    if not 0 < len(names) <= MAX_CIPHERS or not all(name and name.isascii() and name.isprintable() for name in names):
        raise wrong(
            f"{show(data)} is not a list of cipher suites", expected="names with colons between them, or a list"
        )
    return tuple(names)


def format_version(version: ssl.TLSVersion) -> str:
    """As the configuration writes it: `1.2`."""
    return next((f"1.{word}" for word, known in VERSIONS.items() if known is version), "")


_WORD = r"(([tT][lL][sS])?[vV]?1[._]?[0-3])"

TlsVersion: TypeAlias = Annotated[
    ssl.TLSVersion,
    Value(
        "TLS version",
        parse_version,
        {"anyOf": [{"enum": [1.0, 1.1, 1.2, 1.3]}, {"type": "string", "pattern": f"^{_WORD}$"}]},
        instance=ssl.TLSVersion,
        display=format_version,
    ),
]
TlsProtocol: TypeAlias = Annotated[
    ssl.TLSVersion,
    Value(
        "TLS protocol",
        parse_protocol,
        {"type": "string", "pattern": "^[tT][lL][sS][vV]?1[._]?[0-3]$"},
        instance=ssl.TLSVersion,
        display=format_version,
    ),
]
Ciphers: TypeAlias = Annotated[
    tuple[str, ...],
    Value(
        "cipher suites",
        parse_ciphers,
        {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string", "minLength": 1}}]},
        display=":".join,
    ),
]
