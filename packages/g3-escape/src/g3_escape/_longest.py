"""Tables that answer with the longest record that matches: networks, domains, ends of names."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Generic, TypeAlias, TypeVar

from g3_acl import parse_host

T = TypeVar("T")

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_MAPPED = 0xFFFF
"""The upper 96 bits of ::ffff:0:0/96: sockets reach the IPv4 address itself through it."""


class Networks(Generic[T]):
    """Something for each of many networks; of those that hold an address the smallest counts.

    An IPv4-mapped IPv6 address is the IPv4 address, and so is a network of such.
    """

    __slots__ = ("_ipv4", "_ipv6")

    def __init__(self, entries: Mapping[Network, T]) -> None:
        """Raise ValueError for two networks that are the same."""
        ipv4: dict[int, dict[int, T]] = {}
        ipv6: dict[int, dict[int, T]] = {}
        for network, entry in entries.items():
            first, shift = int(network.network_address), network.max_prefixlen - network.prefixlen
            mapped = network.version == 6 and first >> 32 == _MAPPED and shift <= 32
            tables = ipv4 if network.version == 4 or mapped else ipv6
            table = tables.setdefault(shift, {})
            prefix = (first & 0xFFFF_FFFF if mapped else first) >> shift
            if prefix in table:
                raise ValueError(f"{network} stands there twice")
            table[prefix] = entry
        self._ipv4 = sorted(ipv4.items())
        self._ipv6 = sorted(ipv6.items())

    def find(self, address: Address) -> T | None:
        """Return what the smallest network that holds an address has, or None."""
        number = int(address)
        tables = self._ipv4
        if address.version == 6:
            if number >> 32 == _MAPPED:
                number &= 0xFFFF_FFFF
            else:
                tables = self._ipv6
        for shift, table in tables:
            prefix = number >> shift
            if prefix in table:
                return table[prefix]
        return None


class Domains(Generic[T]):
    """Something for each of many domains, found for all names below them too; the longest domain counts."""

    __slots__ = ("_depth", "_entries")

    def __init__(self, entries: Mapping[str, T]) -> None:
        """Raise HostError for what `parse_domain` refuses, ValueError for two domains that are the same."""
        self._entries = {parse_domain(domain): entry for domain, entry in entries.items()}
        if len(self._entries) < len(entries):
            raise ValueError("a domain stands there twice")
        self._depth = max((domain.count(".") + 1 for domain in self._entries), default=0)

    def find(self, name: str) -> tuple[str, T] | None:
        """Return the longest domain that is the name or above it, with what it has, or None."""
        # No domain has more labels than this: a name of 127 labels costs no more than one of a few.
        surplus = name.count(".") + 1 - self._depth
        if surplus > 0:
            name = name.split(".", surplus)[surplus] if self._depth else ""
        while name:
            if name in self._entries:
                return name, self._entries[name]
            name = name.partition(".")[2]
        return None


class Suffixes(Generic[T]):
    """Something for each of many ends of names, wherever they begin; the longest counts."""

    __slots__ = ("_tables",)

    def __init__(self, entries: Mapping[str, T]) -> None:
        """Raise ValueError for an empty suffix, and for two that are the same."""
        tables: dict[int, dict[str, T]] = {}
        for text, entry in entries.items():
            suffix = text.lower().removesuffix(".")
            if not suffix:
                raise ValueError("a suffix is not empty")
            table = tables.setdefault(len(suffix), {})
            if suffix in table:
                raise ValueError(f"the suffix {suffix!r} stands there twice")
            table[suffix] = entry
        self._tables = sorted(tables.items(), reverse=True)

    def find(self, name: str) -> T | None:
        """Return what the longest suffix of a name has, or None."""
        for length, table in self._tables:
            suffix = name[-length:]
            if suffix in table:
                return table[suffix]
        return None


def parse_domain(text: str) -> str:
    """Return a domain in its one spelling; a dot before it changes nothing.

    Raises HostError for what `parse_host` refuses, ValueError for an address.
    """
    host = parse_host(text.removeprefix("."))
    if not isinstance(host, str):
        raise ValueError(f"{host} is an address; a domain was expected")
    return host
