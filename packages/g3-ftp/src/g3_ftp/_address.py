"""Addresses of data connections (RFC 959 sections 4.1.2 and 4.2, RFC 2428)."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from g3_machine import LocalProtocolError

from ._errors import FtpError
from ._reply import Reply

_PASSIVE, _EXTENDED_PASSIVE = 227, 229
_search_six = re.compile(rb"(?<![0-9,])" + rb",".join([rb"([0-9]{1,3}+)"] * 6) + rb"(?![0-9,])").search
_search_extended = re.compile(rb"\(([!-/:-~])\1\1([0-9]{1,5}+)\1\)").search
_match_extended = re.compile(rb"([!-/:-~])([12])\1([0-9A-Fa-f:.]{2,45}+)\1([0-9]{1,5}+)\1").fullmatch


def parse_passive(reply: Reply) -> tuple[IPv4Address, int]:
    """Return address and port of a 227 reply to PASV.

    RFC 1123 section 4.1.2.6: the six numbers may stand anywhere in the text. Beware of the address: a server behind a
    translator tells one that cannot be reached, a hostile one that of a third party. Raises FtpError.
    """
    found = _search_six(reply.lines[-1]) if reply.code == _PASSIVE else None
    if found is None:
        raise FtpError("passive", "no address in the reply to PASV")
    return _six(*map(int, found.groups()))


def parse_extended_passive(reply: Reply) -> int:
    """Return the port of a 229 reply to EPSV (RFC 2428 section 3); its address is that of the control connection.

    Raises FtpError.
    """
    found = _search_extended(reply.lines[-1]) if reply.code == _EXTENDED_PASSIVE else None
    if found is None:
        raise FtpError("passive", "no port in the reply to EPSV")
    return _port(int(found[2]))


def parse_port(argument: bytes) -> tuple[IPv4Address, int]:
    """Return address and port of a PORT command. Raises FtpError."""
    found = _search_six(argument)
    if found is None or found[0] != argument:
        raise FtpError("port", "PORT wants six numbers")
    return _six(*map(int, found.groups()))


def parse_extended_port(argument: bytes) -> tuple[IPv4Address | IPv6Address, int]:
    """Return address and port of an EPRT command (RFC 2428 section 2). Raises FtpError."""
    found = _match_extended(argument)
    if found is None:
        raise FtpError("port", "EPRT wants protocol, address and port")
    _, protocol, text, port = found.groups()
    try:
        address = (IPv4Address if protocol == b"1" else IPv6Address)(text.decode("ascii"))
    except AddressValueError:
        raise FtpError("port", "not an address of the protocol that EPRT names") from None
    return address, _port(int(port))


def pack_passive(address: IPv4Address, port: int) -> bytes:
    """Return ``h1,h2,h3,h4,p1,p2``, the argument of PORT and the middle of a 227 reply.

    Raises LocalProtocolError for a port that is not 1 to 65535.
    """
    numbers = (*address.packed, *_checked(port).to_bytes(2, "big"))
    return b",".join(b"%d" % number for number in numbers)


def pack_extended_port(address: IPv4Address | IPv6Address, port: int) -> bytes:
    """Return the argument of EPRT (RFC 2428 section 2). Raises LocalProtocolError as `pack_passive` does."""
    protocol = 1 if address.version == 4 else 2
    return f"|{protocol}|{address}|{_checked(port)}|".encode("ascii")


def _six(one: int, two: int, three: int, four: int, high: int, low: int) -> tuple[IPv4Address, int]:
    if max(one, two, three, four, high, low) > 255:
        raise FtpError("port", "a number of an address above 255")
    return IPv4Address(bytes((one, two, three, four))), _port(high << 8 | low)


def _port(port: int) -> int:
    if not 1 <= port <= 65535:
        raise FtpError("port", "a port out of range")
    return port


def _checked(port: int) -> int:
    if not 1 <= port <= 65535:
        raise LocalProtocolError("a port out of range")
    return port
