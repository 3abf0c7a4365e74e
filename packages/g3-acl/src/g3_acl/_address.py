"""IPv4 addresses that hide inside IPv6 ones (RFC 4291 section 2.5.5, RFC 6052, RFC 8215, RFC 3056, RFC 4380)."""

from ipaddress import IPv4Address, IPv6Address

_IPV4 = 0xFFFF_FFFF
MAPPED_PREFIX = 0xFFFF
"""The upper 96 bits of ::ffff:0:0/96: sockets reach the IPv4 address itself through it."""

# What stands before the last 32 bits, where these are an IPv4 address.
_PREFIXES_96 = frozenset(
    [
        0,  # ::/96, IPv4-compatible, RFC 4291 section 2.5.5.1
        0xFFFF_0000,  # ::ffff:0:0:0/96, IPv4-translated, RFC 2765
        0x0064_FF9B << 64,  # 64:ff9b::/96, NAT64, RFC 6052 section 2.1
    ]
)
_LOCAL_NAT64 = 0x0064_FF9B_0001  # 64:ff9b:1::/48, RFC 8215
_TEREDO = 0x2001_0000  # 2001::/32, RFC 4380 section 4
_6TO4 = 0x2002  # 2002::/16, RFC 3056 section 2

HIDING_PLACES = frozenset([0x0000, 0x0064, 0x2001, 0x2002])
"""The first 16 bits of every prefix in this file: a quick look that spares most addresses the long one."""


def unmap(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address behind an IPv4-mapped one (``::ffff:192.0.2.1``), else the address itself."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def embedded_ipv4(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address to which a translator or tunnel would carry packets for an IPv6 address, or None.

    It looks into IPv4-mapped, IPv4-compatible and IPv4-translated addresses, NAT64's 64:ff9b::/96, the last 32 bits of
    64:ff9b:1::/48, 6to4 and the client's part of Teredo. The prefix of a network's own translator looks like any other:
    whoever runs one adds it to the rules.
    """
    number = int(address)
    if number >> 32 == MAPPED_PREFIX:
        return IPv4Address(number & _IPV4)
    hidden = hidden_ipv4(number)
    return None if hidden is None else IPv4Address(hidden)


def hidden_ipv4(number: int) -> int | None:
    """The same for an address as a number that is not IPv4-mapped."""
    if number >> 112 not in HIDING_PLACES:
        return None
    low = number & _IPV4
    if number >> 32 in _PREFIXES_96:
        # Neither :: nor ::1 was ever meant to hold an IPv4 address.
        return low if number > 1 else None
    if number >> 80 == _LOCAL_NAT64:
        # RFC 6052 section 2.2 has layouts for shorter prefixes, which leave zeros at the end.
        return low or None
    if number >> 96 == _TEREDO:
        return low ^ _IPV4
    if number >> 112 == _6TO4:
        return number >> 80 & _IPV4
    return None
