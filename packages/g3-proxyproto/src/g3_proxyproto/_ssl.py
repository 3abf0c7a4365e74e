"""The SSL TLV: what the sender knows about the TLS connection that it took from the client (section 2.2.6)."""

from collections.abc import Iterable
from dataclasses import dataclass

from g3_machine import LocalProtocolError

from ._errors import HeaderError
from ._tlv import SslType, Tlv, TlvType, find, pack_tlvs, parse_tlvs, text

CLIENT_SSL = 0x01
"""Bit of ``client``: the client came over TLS."""
CLIENT_CERT_CONN = 0x02
"""Bit of ``client``: it showed a certificate on this connection."""
CLIENT_CERT_SESS = 0x04
"""Bit of ``client``: it has shown one at least once in this TLS session."""

_HEAD_SIZE = 5
_ASCII = (
    SslType.VERSION,
    SslType.CIPHER,
    SslType.SIG_ALG,
    SslType.KEY_ALG,
    SslType.GROUP,
    SslType.SIG_SCHEME,
)


@dataclass(frozen=True, slots=True)
class Ssl:
    """The value of an SSL TLV.

    ``client`` has the CLIENT bits. ``verify`` is 0 if the client's certificate was verified, and something else (a
    code of the sender's TLS library) if it was not, or if there was none. ``tlvs`` are all TLVs within, raw.
    """

    client: int
    verify: int
    tlvs: tuple[Tlv, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether the client has shown a certificate, here or earlier in its session, that was found good."""
        return not self.verify and bool(self.client & (CLIENT_CERT_CONN | CLIENT_CERT_SESS))

    @property
    def version(self) -> str | None:
        """The version of TLS, as the sender spells it (``"TLSv1.3"``)."""
        return self._text(SslType.VERSION)

    @property
    def cn(self) -> str | None:
        """The common name in the client's certificate."""
        return self._text(SslType.CN)

    @property
    def cipher(self) -> str | None:
        """The cipher suite, as the sender spells it (``"ECDHE-RSA-AES128-GCM-SHA256"``)."""
        return self._text(SslType.CIPHER)

    def _text(self, kind: int) -> str | None:
        value = find(self.tlvs, kind)
        return None if value is None else value.decode()


def parse_ssl(value: bytes) -> Ssl:
    """Section 2.2.6: client (1), verify (4), TLVs.

    Raises HeaderError for a value that is too short, TLVs that don't fit, a registered type that comes twice, and
    text that is none.
    """
    if len(value) < _HEAD_SIZE:
        raise HeaderError("tlv", f"SSL of less than {_HEAD_SIZE} bytes")
    tlvs = parse_tlvs(value[_HEAD_SIZE:])
    for kind in SslType:
        values = [tlv.value for tlv in tlvs if tlv.type == kind]
        if len(values) > 1:
            raise HeaderError("tlv", f"two TLVs of the type {kind.name} within SSL")
        if values and kind != SslType.CLIENT_CERT:
            text(values[0], "ascii" if kind in _ASCII else "utf-8", f"{kind.name} within SSL")
    return Ssl(value[0], int.from_bytes(value[1:_HEAD_SIZE], "big"), tlvs)


def pack_ssl(client: int, verify: int, tlvs: Iterable[Tlv] = ()) -> Tlv:
    """Return an SSL TLV; raises LocalProtocolError for numbers that have no room: 255 and 2**32 - 1 are the most."""
    if not 0 <= client <= 255 or not 0 <= verify < 1 << 32:
        raise LocalProtocolError(f"client {client}, verify {verify}: more than 1 and 4 bytes hold")
    return Tlv(TlvType.SSL, bytes((client,)) + verify.to_bytes(4, "big") + pack_tlvs(tlvs))
