"""What a header says: the one event of the reader, and the addresses in it."""

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address

from ._ssl import Ssl, parse_ssl
from ._tlv import Tlv, TlvType, find


class Command(IntEnum):
    """Who opened the connection (section 2.2)."""

    LOCAL = 0
    """The proxy itself, for a health check: use the addresses of the connection."""
    PROXY = 1
    """A client of the proxy."""


class Transport(IntEnum):
    """What the client speaks to the proxy (section 2.2); version 1 knows STREAM, and UNSPEC for UNKNOWN."""

    UNSPEC = 0
    STREAM = 1
    DGRAM = 2


@dataclass(frozen=True, slots=True)
class Inet:
    """An IP address and a port, 0 to 65535."""

    host: IPv4Address | IPv6Address
    port: int


@dataclass(frozen=True, slots=True)
class Unix:
    """The path of a Unix socket, at most 108 bytes: empty if it has none, with a leading NUL if it is abstract."""

    path: bytes


Address = Inet | Unix


@dataclass(frozen=True, slots=True)
class Header:
    """A whole header.

    ``source`` and ``destination`` are the client's address and the one that it connected to, both `Inet` of one
    family or both `Unix`. Both are None where the header tells none: LOCAL, UNSPEC, UNKNOWN. Use those of the
    connection then. ``tlvs`` are raw and in order; what is registered has been checked, the checksum too. ``opaque`` is
    the body of a LOCAL or UNSPEC header, which the specification wants ignored; some senders put TLVs there, for
    `parse_tlvs`. ``size`` counts the bytes of the header.
    """

    version: int
    command: Command
    transport: Transport
    source: Address | None
    destination: Address | None
    tlvs: tuple[Tlv, ...] = ()
    opaque: bytes = b""
    size: int = 0

    @property
    def alpn(self) -> bytes | None:
        """The protocol within (section 2.2.1), such as ``b"h2"``."""
        return find(self.tlvs, TlvType.ALPN)

    @property
    def authority(self) -> str | None:
        """The host name that the client asked for, the SNI as a rule (section 2.2.2)."""
        value = find(self.tlvs, TlvType.AUTHORITY)
        return None if value is None else value.decode()

    @property
    def unique_id(self) -> bytes | None:
        """What the sender calls this connection (section 2.2.5)."""
        return find(self.tlvs, TlvType.UNIQUE_ID)

    @property
    def netns(self) -> str | None:
        """The sender's network namespace (section 2.2.7)."""
        value = find(self.tlvs, TlvType.NETNS)
        return None if value is None else value.decode()

    @property
    def ssl(self) -> Ssl | None:
        """The client's TLS connection (section 2.2.6)."""
        value = find(self.tlvs, TlvType.SSL)
        return None if value is None else parse_ssl(value)
