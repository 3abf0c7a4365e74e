"""The body of a version 2 header: addresses and TLVs (section 2.2)."""

from ipaddress import IPv4Address, IPv6Address

from ._checksum import crc32c
from ._errors import HeaderError
from ._header import Address, Command, Header, Inet, Transport, Unix
from ._ssl import parse_ssl
from ._tlv import TLV_HEAD_SIZE, TlvType, check_tlvs, find, parse_tlvs

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
HEAD_SIZE = 16
UNIX_SIZE = 108

ADDRESSES_SIZE = (0, 12, 36, 2 * UNIX_SIZE)
"""Bytes of both addresses (and ports) by family: UNSPEC, INET, INET6, UNIX."""

INET, INET6, UNIX = 1, 2, 3


def check_head(head: bytes | bytearray, limit: int) -> None:
    """Section 2.2: signature (12), version and command, family and protocol, length (2).

    ``head`` may be a beginning, and more may follow. Raises HeaderError at the first byte that is wrong.
    """
    size = len(head)
    if size > 12:
        if head[12] >> 4 != 2:
            raise HeaderError("version", "the signature of version 2 with another version behind it")
        if head[12] & 15 > Command.PROXY:
            raise HeaderError("command", "a command other than LOCAL and PROXY")
    # The family of a LOCAL header is ignored.
    if size > 13 and head[12] & 15:
        if head[13] >> 4 > UNIX:
            raise HeaderError("family", "an address family other than UNSPEC, INET, INET6 and UNIX")
        if head[13] & 15 > Transport.DGRAM:
            raise HeaderError("transport", "a transport protocol other than UNSPEC, STREAM and DGRAM")
    if size > 14:
        length = head[14] << 8 | (head[15] if size > 15 else 0)
        if length > limit:
            raise HeaderError("too_large", f"more than {limit} bytes behind the first {HEAD_SIZE}")
        if size > 15 and length < addresses_size(head):
            raise HeaderError("length", "no room for the addresses of the family")


def addresses_size(head: bytes | bytearray) -> int:
    """Return how many bytes of the body are addresses to be read; 0 where the whole body is to be ignored."""
    known = head[12] & 15 and head[13] & 15
    return ADDRESSES_SIZE[head[13] >> 4] if known else 0


def check_tlv_lengths(box: bytearray, at: int, end: int) -> int:
    """Go from TLV to TLV, from offset ``at``, as far as their lengths have come; return the offset of the next.

    Raises HeaderError for one that goes beyond ``end``.
    """
    size = len(box)
    while at != end:
        start = at + TLV_HEAD_SIZE
        # The first byte of the length can say that it is too much.
        length = box[at + 1] << 8 if size > at + 1 else 0
        if size >= start:
            length |= box[at + 2]
        if start + length > end:
            raise HeaderError("tlv", "a TLV that goes beyond the end of what holds it")
        if size < start:
            break
        at = start + length
    return at


def parse_message(message: bytes) -> Header:
    """Read a whole header that `check_head` has passed; raises HeaderError for what a TLV holds."""
    command, transport = Command(message[12] & 15), Transport.UNSPEC
    size = addresses_size(message)
    if not size:
        if command:
            transport = Transport(message[13] & 15)
        return Header(2, command, transport, None, None, (), message[HEAD_SIZE:], len(message))
    source, destination = _parse_addresses(message[13] >> 4, message[HEAD_SIZE : HEAD_SIZE + size])
    tlvs = parse_tlvs(message[HEAD_SIZE + size :])
    check_tlvs(tlvs)
    value = find(tlvs, TlvType.SSL)
    if value is not None:
        parse_ssl(value)
    if find(tlvs, TlvType.CRC32C) is not None:
        _verify(message, HEAD_SIZE + size)
    return Header(2, command, Transport(message[13] & 15), source, destination, tlvs, b"", len(message))


def _verify(message: bytes, at: int) -> None:
    """Section 2.2.3: the checksum is that of the whole header with the checksum's bytes as zeros."""
    at = _checksum_at(message, at)
    if crc32c(message[:at] + bytes(4) + message[at + 4 :]) != int.from_bytes(message[at : at + 4], "big"):
        raise HeaderError("checksum", "a CRC32C that is not the header's")


def _checksum_at(message: bytes, at: int) -> int:
    """Return where the value of the CRC32C TLV stands; ``at`` is the offset of the first TLV, and there is one."""
    while message[at] != TlvType.CRC32C:
        at += TLV_HEAD_SIZE + int.from_bytes(message[at + 1 : at + TLV_HEAD_SIZE], "big")
    return at + TLV_HEAD_SIZE


def _parse_addresses(family: int, block: bytes) -> tuple[Address, Address]:
    """Section 2.2: source address, destination address, source port, destination port; no ports in UNIX."""
    if family == UNIX:
        return Unix(_path(block[:UNIX_SIZE])), Unix(_path(block[UNIX_SIZE:]))
    kind, size = (IPv4Address, 4) if family == INET else (IPv6Address, 16)
    ports = block[2 * size :]
    return (
        Inet(kind(block[:size]), int.from_bytes(ports[:2], "big")),
        Inet(kind(block[size : 2 * size]), int.from_bytes(ports[2:], "big")),
    )


def _path(field: bytes) -> bytes:
    """A path ends at its first NUL, as in C; an abstract name begins with one and is filled up with others."""
    return field.rstrip(b"\0") if field[0] == 0 else field.partition(b"\0")[0]
