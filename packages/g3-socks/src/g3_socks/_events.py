"""What the peers of a SOCKS handshake tell each other; the requests are also what a client is built from."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from ._address import Host


@dataclass(frozen=True, slots=True)
class Credentials:
    """User name and password, 1 to 255 bytes each (RFC 1929 section 2); the server answers ``authenticate()``.

    The bytes have no encoding that the RFC knows. The password stays out of the repr. Compare it with
    ``hmac.compare_digest``, not with ``==``, which tells by its duration where the first difference is.
    """

    username: bytes
    password: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Connect:
    """A TCP connection to the host is asked for (RFC 1928 section 4); the server answers ``grant()`` or ``refuse()``.

    ``port`` is 0 to 65535. ``user_id`` is the USERID of SOCKS4, up to 255 bytes without a NUL, mostly empty and
    never proven; None means that SOCKS5 asked, which has no such field.
    """

    host: Host
    port: int
    user_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class Bind:
    """A TCP connection from the host is awaited (RFC 1928 section 4); fields as in `Connect`.

    The server answers twice: ``grant()`` with the address it listens on, then ``grant()`` with the address of the
    host that came; ``refuse()`` ends it at either point.
    """

    host: Host
    port: int
    user_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class UdpAssociate:
    """A UDP relay is asked for (RFC 1928 section 4); the server answers ``grant()`` with its address, or ``refuse()``.

    Host and port are those that the client will send from; 0.0.0.0 or :: and port 0 mean that it does not know yet.
    The association lives as long as the TCP connection (section 7). Nothing follows on that connection, so bytes
    behind the request are to be refused, not forwarded.
    """

    host: IPv4Address | IPv6Address
    port: int


@dataclass(frozen=True, slots=True)
class Granted:
    """The server granted the request; host and port are its BND.ADDR and BND.PORT (RFC 1928 section 6).

    For `Bind` it listens there, for `UdpAssociate` it takes datagrams there. An unspecified address (0.0.0.0 or ::)
    then stands for the address of the server itself.
    """

    host: Host
    port: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """The awaited host has connected to the server after a `Bind`; host and port are that host's."""

    host: Host
    port: int


Request = Connect | Bind | UdpAssociate
"""What a client may ask of a server; SOCKS4 knows no `UdpAssociate`."""

ServerEvent = Credentials | Connect | Bind | UdpAssociate
"""What a server machine yields."""

ClientEvent = Granted | Incoming
"""What a client machine yields."""
