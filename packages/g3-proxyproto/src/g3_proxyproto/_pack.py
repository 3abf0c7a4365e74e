"""The sender's half: headers to write before the first byte of a connection."""

from ipaddress import IPv4Address, IPv6Address

from g3_machine import LocalProtocolError

from ._binary import INET, INET6, SIGNATURE, UNIX, UNIX_SIZE
from ._checksum import crc32c
from ._header import Address, Command, Inet, Transport, Unix
from ._line import PREFIX
from ._tlv import Tlv, TlvType, pack_tlvs

_MAX_BODY_SIZE = 65535


def pack_v1(source: Inet | None = None, destination: Inet | None = None) -> bytes:
    """Return a header of version 1 for a TCP connection, or ``PROXY UNKNOWN`` where both addresses are None.

    IPv4-mapped IPv6 addresses are written as what they stand for if both sides can be, and zones are left out. Raises
    LocalProtocolError for one address alone, two of different families, and a port outside 0 to 65535.
    """
    if source is None and destination is None:
        return PREFIX + b"UNKNOWN\r\n"
    source, destination = _pair(source, destination)
    name = f"TCP{source.host.version}"
    return PREFIX + f"{name} {source.host} {destination.host} {source.port} {destination.port}\r\n".encode("ascii")


def pack_v2(
    source: Address | None = None,
    destination: Address | None = None,
    *tlvs: Tlv,
    command: Command = Command.PROXY,
    transport: Transport = Transport.STREAM,
    checksum: bool = False,
) -> bytes:
    """Return a header of version 2; UNSPEC, or LOCAL by ``command``, where both addresses are None.

    ``checksum`` puts a CRC32C behind the other TLVs. Addresses are treated as in `pack_v1`. Raises LocalProtocolError
    for what `pack_v1` does not take, for a path that has no room, an address with LOCAL, the transport UNSPEC with an
    address, a CRC32C among ``tlvs``, and more than 65535 bytes in all.
    """
    if source is None and destination is None:
        family, block, transport = 0, b"", Transport.UNSPEC
    elif command is Command.LOCAL or transport is Transport.UNSPEC:
        raise LocalProtocolError("addresses with LOCAL or UNSPEC, where they would be ignored")
    else:
        family, block = _addresses(source, destination)
    if any(tlv.type == TlvType.CRC32C for tlv in tlvs):
        raise LocalProtocolError("a CRC32C among the TLVs; checksum=True computes it")
    body = block + pack_tlvs((*tlvs, Tlv(TlvType.CRC32C, bytes(4))) if checksum else tlvs)
    if len(body) > _MAX_BODY_SIZE:
        raise LocalProtocolError(f"addresses and TLVs of {len(body)} bytes; {_MAX_BODY_SIZE} are the most")
    header = SIGNATURE + bytes((0x20 | command, family << 4 | transport)) + len(body).to_bytes(2, "big") + body
    return header[:-4] + crc32c(header).to_bytes(4, "big") if checksum else header


def _addresses(source: Address | None, destination: Address | None) -> tuple[int, bytes]:
    """Family and address block."""
    if isinstance(source, Unix) and isinstance(destination, Unix):
        return UNIX, _pack_path(source.path) + _pack_path(destination.path)
    if isinstance(source, Unix) or isinstance(destination, Unix):
        raise LocalProtocolError("a Unix address with one that is none")
    source, destination = _pair(source, destination)
    hosts = source.host.packed + destination.host.packed
    ports = source.port.to_bytes(2, "big") + destination.port.to_bytes(2, "big")
    return (INET if source.host.version == 4 else INET6), hosts + ports


def _pair(source: Inet | None, destination: Inet | None) -> tuple[Inet, Inet]:
    """Both addresses in one family, or LocalProtocolError."""
    if source is None or destination is None:
        raise LocalProtocolError("one address without the other")
    for port in (source.port, destination.port):
        if not 0 <= port <= 65535:
            raise LocalProtocolError(f"port {port}, not 0 to 65535")
    narrow = _narrow(source.host), _narrow(destination.host)
    if narrow[0].version == narrow[1].version:
        return Inet(narrow[0], source.port), Inet(narrow[1], destination.port)
    if source.host.version != destination.host.version:
        raise LocalProtocolError(f"{source.host} and {destination.host}: addresses of different families")
    return Inet(_zoneless(source.host), source.port), Inet(_zoneless(destination.host), destination.port)


def _narrow(host: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that a dual-stack socket tells as an IPv6 address."""
    return (isinstance(host, IPv6Address) and host.ipv4_mapped) or _zoneless(host)


def _zoneless(host: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """A zone identifier means nothing on another machine (RFC 4007 section 6)."""
    return IPv6Address(host.packed) if isinstance(host, IPv6Address) and host.scope_id else host


def _pack_path(path: bytes) -> bytes:
    """A path filled up with NULs; an abstract name may hold NULs, but not at its end."""
    if len(path) > UNIX_SIZE or (path[:1] != b"\0" and b"\0" in path) or path.endswith(b"\0"):
        raise LocalProtocolError(f"a Unix path of {len(path)} bytes: too long, or with a NUL that would be lost")
    return path.ljust(UNIX_SIZE, b"\0")
