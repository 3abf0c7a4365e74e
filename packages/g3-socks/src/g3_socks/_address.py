"""Hosts and ports as SOCKS writes them: ATYP, ADDR, PORT (RFC 1928 section 5)."""

import re
from ipaddress import IPv4Address, IPv6Address

from g3_machine import LocalProtocolError, RemoteProtocolError

Host = IPv4Address | IPv6Address | str
"""An address, or a name of 1 to 255 ASCII bytes that is not an address in disguise: ``"192.0.2.1"`` is read as an
IPv4Address, ``"2001:db8::1"`` as an IPv6Address. A name is as the peer wrote it, in its case and with its dots."""

MAX_NAME_SIZE = 255
"""Bytes of a host name: what the length byte of RFC 1928 section 5 can say; a DNS name has at most 253 (RFC 1035)."""

IPV4 = 0x01
NAME = 0x03
IPV6 = 0x04

ENDPOINT_AT = 3
"""Where ATYP stands in requests, replies and datagrams alike."""

# Graphic ASCII without the characters that could end a host in a URL or in "host:port" (the URL Standard's forbidden
# domain code points): a name that has passed can be put into the next protocol as it is.
_NAME = re.compile(rb"[!\"$&-.0-9;=A-Z_`a-z{}~]+")


def read_name(raw: bytes, refusal: bytes = b"") -> Host:
    """Return the name that the bytes spell, or the address if they spell one.

    Raises RemoteProtocolError, with ``refusal`` as its reply, for what no host name holds: NUL and other controls,
    spaces, bytes above ASCII, delimiters of URLs and zone identifiers; and for a length other than 1 to 255.
    """
    if not 1 <= len(raw) <= MAX_NAME_SIZE:
        raise RemoteProtocolError(f"a host name of {len(raw)} bytes, not 1 to {MAX_NAME_SIZE}", refusal)
    if _NAME.fullmatch(raw):
        name = raw.decode("ascii")
        # Only what ends in a digit can be an IPv4 address, and asking IPv4Address costs more than the whole request.
        return _read_ipv4(name) if name[-1].isdigit() else name
    if b":" in raw and b"%" not in raw:
        try:
            return IPv6Address(raw.decode("ascii"))
        except ValueError:
            pass
    raise RemoteProtocolError(f"no host has the name {raw!r}", refusal)


def message_size(message: bytearray | memoryview, bad_type: bytes = b"", bad_name: bytes = b"") -> int | None:
    """Return the size of a message that ends with ATYP, ADDR and PORT, or None while too little of it has come.

    Raises RemoteProtocolError for an unknown ATYP and for an empty name; the reply is ``bad_type`` or ``bad_name``.
    """
    size = len(message)
    if size <= ENDPOINT_AT:
        return None
    kind = message[ENDPOINT_AT]
    if kind == IPV4:
        return ENDPOINT_AT + 7
    if kind == IPV6:
        return ENDPOINT_AT + 19
    if kind != NAME:
        raise RemoteProtocolError(f"address type {kind}, not 1, 3 or 4", bad_type)
    if size == ENDPOINT_AT + 1:
        return None
    length = message[ENDPOINT_AT + 1]
    if not length:
        raise RemoteProtocolError("a host name of 0 bytes, not 1 to 255", bad_name)
    return ENDPOINT_AT + 4 + length


def read_endpoint(message: bytes, bad_name: bytes = b"") -> tuple[Host, int]:
    """Return host and port of a whole message, of the size that `message_size` told.

    Raises what `read_name` raises, with ``bad_name`` as the reply.
    """
    kind = message[ENDPOINT_AT]
    port = int.from_bytes(message[-2:], "big")
    if kind == IPV4:
        return IPv4Address(message[ENDPOINT_AT + 1 : -2]), port
    if kind == IPV6:
        return IPv6Address(message[ENDPOINT_AT + 1 : -2]), port
    return read_name(message[ENDPOINT_AT + 2 : -2], bad_name), port


def to_host(host: Host) -> Host:
    """Return the host as `read_name` would give it; raises LocalProtocolError for a name that it would not take."""
    if not isinstance(host, str):
        return host
    if not host.isascii():
        raise LocalProtocolError(f"host {host!r}: not ASCII, as its IDNA form would be")
    try:
        return read_name(host.encode("ascii"))
    except RemoteProtocolError as error:
        raise LocalProtocolError(f"host {host!r}: {error}") from error


def told(host: Host) -> Host:
    """Return the address of a socket as a peer should hear it.

    A dual-stack socket names IPv4 peers by IPv4-mapped addresses: those become the IPv4 addresses that they stand for.
    A zone identifier ("fe80::1%eth0") means nothing on another machine (RFC 4007 section 6): it is left out.
    Raises what `to_host` raises.
    """
    if isinstance(host, str):
        host = to_host(host.partition("%")[0] if ":" in host else host)
    if isinstance(host, IPv6Address):
        return host.ipv4_mapped or (IPv6Address(host.packed) if host.scope_id else host)
    return host


def pack_endpoint(host: Host, port: int) -> bytes:
    """Return ATYP, ADDR and PORT.

    Raises LocalProtocolError for a bad name, an address with a zone identifier, or a port outside 0 to 65535.
    """
    host = to_host(host)
    if isinstance(host, IPv4Address):
        return b"\x01" + host.packed + pack_port(port)
    if isinstance(host, IPv6Address):
        if host.scope_id:
            raise LocalProtocolError(f"host {host}: its zone means nothing to the peer")
        return b"\x04" + host.packed + pack_port(port)
    name = host.encode("ascii")
    return bytes((NAME, len(name))) + name + pack_port(port)


def pack_port(port: int) -> bytes:
    """Return the two bytes of a port; raises LocalProtocolError outside 0 to 65535."""
    try:
        return port.to_bytes(2, "big")
    except OverflowError:
        raise LocalProtocolError(f"port {port}, not 0 to 65535") from None


def _read_ipv4(name: str) -> Host:
    try:
        return IPv4Address(name)
    except ValueError:
        return name
