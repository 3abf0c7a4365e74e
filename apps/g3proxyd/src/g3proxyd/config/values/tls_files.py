"""Certificates and private keys: files in PEM form, read when the configuration is.

A value holds what the files say, not where they are: after a reload, a certificate that has been renewed under its old
name makes its server another one, and a file that has moved does not.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeAlias

from ...tls.pem import (
    Certificates,
    PemError,
    PrivateKey,
    facts_of,
    parse_certificates,
    parse_private_key,
    same_key,
)
from ...tls.settings import Pair
from ..keys import Aliases
from ..section import Section
from ..section_list import SectionList
from .mistake import Mistake, MistakeError, show, wrong
from .value import PATH, FileValue

__all__ = ["CertPair", "CertPairs", "TlsCertificates", "TlsPrivateKey", "check_pair", "pair_of"]

MAX_PEM_BYTES = 4 * 1024 * 1024
"""Bytes in a file: the bundle of all public authorities has a quarter of a megabyte."""

BEGIN = "-----BEGIN "
SOON = datetime.timedelta(days=7)
"""So long before its end a certificate is worth a warning."""


def read_pem(data: object, folder: Path) -> tuple[bytes, str]:
    """The text that a value stands for, and its source for messages: a path, or PEM itself. Raises MistakeError."""
    expected = "the path of a file in PEM form, or PEM itself"
    if not isinstance(data, str) or not data or "\0" in data:
        raise wrong(f"{show(data)} is not a path", expected=expected)
    if data.lstrip().startswith(BEGIN):
        return data.encode(), "inline"
    path = folder / data
    try:
        if not path.is_file():
            raise wrong(f"{show(data)}: {'not a regular file' if path.exists() else 'no such file'}", expected=expected)
        with path.open("rb") as file:
            text = file.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise wrong(f"{show(data)} cannot be read: {error.strerror or error}", expected=expected) from None
    if len(text) > MAX_PEM_BYTES:
        raise wrong(f"{show(data)} is larger than {MAX_PEM_BYTES} bytes", expected=expected)
    return text, str(path)


def load_certificates(data: object, folder: Path) -> Certificates:
    """The certificates of one file or of several, in their order. Raises MistakeError."""
    items = data if isinstance(data, list | tuple) else [data]
    if not items:
        raise wrong("the list is empty", expected="the paths of files in PEM form")
    blocks: list[bytes] = []
    sources: list[str] = []
    mistakes: list[Mistake] = []
    for index, item in enumerate(items):
        try:
            blocks.append(_parsed(item, folder, parse_certificates, sources))
        except MistakeError as error:
            mistakes += error.under(index) if isinstance(data, list | tuple) else error.mistakes
    if mistakes:
        raise MistakeError(*mistakes)
    return Certificates(b"".join(blocks), ", ".join(sources))


def load_private_key(data: object, folder: Path) -> PrivateKey:
    """The private key of a file. Raises MistakeError."""
    sources: list[str] = []
    pem = _parsed(data, folder, parse_private_key, sources)
    return PrivateKey(pem, sources[0])


def _parsed(data: object, folder: Path, parse: Callable[[bytes], bytes], sources: list[str]) -> bytes:
    text, source = read_pem(data, folder)
    sources.append(source)
    try:
        return parse(text)
    except PemError as error:
        raise wrong(f"{source}: {error}" if source != "inline" else str(error)) from None


def _nothing(value: object) -> str:
    """Certificates and keys are nobody's default."""
    return ""


TlsCertificates: TypeAlias = Annotated[
    Certificates,
    FileValue(
        "certificates",
        load_certificates,
        {"anyOf": [PATH, {"type": "array", "items": PATH, "minItems": 1}]},
        instance=Certificates,
        display=_nothing,
    ),
]
TlsPrivateKey: TypeAlias = Annotated[
    PrivateKey, FileValue("private key", load_private_key, instance=PrivateKey, display=_nothing)
]


class CertPair(Section):
    """A certificate with its chain, and its private key."""

    certificate: Annotated[TlsCertificates, Aliases("cert")]
    """The certificate, and those of its issuers behind it."""
    private_key: Annotated[TlsPrivateKey, Aliases("key")]
    """The key of the first certificate, not encrypted."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        check_pair(self.certificate, self.private_key, conflicts, notes)
        return {}

    @property
    def pair(self) -> Pair:
        """The same for those who know nothing of configurations."""
        return Pair(self.certificate, self.private_key)


CertPairs: TypeAlias = Annotated[
    tuple[CertPair, ...],
    SectionList(CertPair, least=1),
]


def check_pair(
    certificate: Certificates, key: PrivateKey, conflicts: list[Mistake], notes: list[Mistake], field: str = ""
) -> None:
    """Note whether the two do not belong together, and whether the certificate is out of its time."""
    if not same_key(certificate, key):
        message = f"the key does not belong to the first certificate of {certificate.source}"
        conflicts.append(Mistake(message, expected="its key", path=(field or "private_key",)))
    facts = facts_of(certificate)
    now = datetime.datetime.now(datetime.UTC)
    path = (field or "certificate",)
    if facts.not_after < now:
        notes.append(Mistake(f"the certificate has expired on {facts.not_after:%Y-%m-%d %H:%M} UTC", path=path))
    elif facts.not_after < now + SOON:
        notes.append(Mistake(f"the certificate expires on {facts.not_after:%Y-%m-%d %H:%M} UTC", path=path))
    if facts.not_before > now:
        notes.append(Mistake(f"the certificate is valid from {facts.not_before:%Y-%m-%d %H:%M} UTC on", path=path))


def pair_of(
    pair: CertPair | None,
    certificate: Certificates | None,
    key: PrivateKey | None,
    conflicts: list[Mistake],
    notes: list[Mistake],
) -> Pair | None:
    """The pair of a section that has one as `cert_pair`, or as `certificate` and `private_key`, or none."""
    if certificate is None and key is None:
        return pair.pair if pair is not None else None
    if pair is not None:
        conflicts.append(
            Mistake("given twice", expected="cert_pair, or certificate and private_key", path=("cert_pair",))
        )
        return None
    if certificate is None or key is None:
        given, missing = ("private_key", "certificate") if certificate is None else ("certificate", "private_key")
        conflicts.append(Mistake(f"the key {missing!r} is missing beside it", path=(given,)))
        return None
    check_pair(certificate, key, conflicts, notes)
    return Pair(certificate, key)
