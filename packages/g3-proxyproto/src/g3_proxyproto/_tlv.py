"""TLVs: type (1 byte), length (2 bytes), value (section 2.2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from g3_machine import LocalProtocolError

from ._errors import HeaderError

TLV_HEAD_SIZE = 3

MAX_UNIQUE_ID_SIZE = 128
"""Bytes of a UNIQUE_ID (section 2.2.5)."""


class TlvType(IntEnum):
    """The registered types. 0xE0 to 0xEF belong to applications, 0xF0 to 0xF7 to experiments (section 2.2.8)."""

    ALPN = 0x01
    AUTHORITY = 0x02
    CRC32C = 0x03
    NOOP = 0x04
    UNIQUE_ID = 0x05
    SSL = 0x20
    NETNS = 0x30


class SslType(IntEnum):
    """The registered types of TLVs within an SSL TLV; the last three are the specification's newest."""

    VERSION = 0x21
    CN = 0x22
    CIPHER = 0x23
    SIG_ALG = 0x24
    KEY_ALG = 0x25
    GROUP = 0x26
    SIG_SCHEME = 0x27
    CLIENT_CERT = 0x28


@dataclass(frozen=True, slots=True)
class Tlv:
    """One TLV, its value as it stands on the wire. ``type`` is an int; `TlvType` has names for the registered ones."""

    type: int
    value: bytes


def find(tlvs: Iterable[Tlv], kind: int) -> bytes | None:
    """Return the value of the first TLV of this type, or None."""
    return next((tlv.value for tlv in tlvs if tlv.type == kind), None)


def parse_tlvs(data: bytes) -> tuple[Tlv, ...]:
    """Read TLVs that fill ``data`` exactly; raises HeaderError if they don't. Their values are not looked at."""
    tlvs = []
    at, end = 0, len(data)
    while at < end:
        start = at + TLV_HEAD_SIZE
        at = start + int.from_bytes(data[at + 1 : start], "big")
        if start > end or at > end:
            raise HeaderError("tlv", "a TLV that goes beyond the end of what holds it")
        tlvs.append(Tlv(data[start - TLV_HEAD_SIZE], data[start:at]))
    return tuple(tlvs)


def pack_tlvs(tlvs: Iterable[Tlv]) -> bytes:
    """Write TLVs one behind the other; raises LocalProtocolError for a type or a length that has no room."""
    packed = bytearray()
    for tlv in tlvs:
        if not 0 <= tlv.type <= 255 or len(tlv.value) > 65535:
            raise LocalProtocolError(f"a TLV of type {tlv.type} and {len(tlv.value)} bytes: 255 and 65535 are the most")
        packed += bytes((tlv.type,)) + len(tlv.value).to_bytes(2, "big") + tlv.value
    return bytes(packed)


def check_tlvs(tlvs: Iterable[Tlv]) -> None:
    """Check what the specification says about the values of registered types; types that it leaves open may hold
    anything, any number of times.

    Raises HeaderError also for a registered type that comes twice, since two readers might choose differently; only
    NOOP, which nobody reads, may. The checksum is the reader's to verify.
    """
    seen = set()
    for tlv in tlvs:
        if tlv.type not in _REGISTERED or tlv.type == TlvType.NOOP:
            continue
        if tlv.type in seen:
            raise HeaderError("tlv", f"two TLVs of the type {TlvType(tlv.type).name}")
        seen.add(tlv.type)
        if tlv.type == TlvType.CRC32C and len(tlv.value) != 4:
            raise HeaderError("tlv", "a CRC32C that has not 4 bytes")
        if tlv.type == TlvType.UNIQUE_ID and len(tlv.value) > MAX_UNIQUE_ID_SIZE:
            raise HeaderError("tlv", f"a UNIQUE_ID of more than {MAX_UNIQUE_ID_SIZE} bytes")
        if tlv.type == TlvType.AUTHORITY:
            text(tlv.value, "utf-8", "AUTHORITY")
        if tlv.type == TlvType.NETNS:
            text(tlv.value, "ascii", "NETNS")


def text(value: bytes, encoding: str, what: str) -> str:
    """Return the text that a value spells, or raise HeaderError."""
    try:
        return value.decode(encoding)
    except UnicodeDecodeError:
        raise HeaderError("tlv", f"{what} that is not {encoding.upper()}") from None


_REGISTERED = frozenset(TlvType)
