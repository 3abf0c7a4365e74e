"""The header of SOCKS5 UDP datagrams (RFC 1928 section 7), read and written without touching the payload."""

from dataclasses import dataclass

from g3_machine import RemoteProtocolError

from ._address import ENDPOINT_AT, MAX_NAME_SIZE, Host, message_size, pack_endpoint, read_endpoint, told
from ._errors import FragmentError

MAX_HEADER_SIZE = ENDPOINT_AT + 4 + MAX_NAME_SIZE
"""Bytes of the longest header, 262: a receive buffer needs so much more than the largest payload."""


@dataclass(frozen=True, slots=True)
class Datagram:
    """A relayed datagram: where to (from the client) or where from (to the client), and a view of its payload.

    ``header_size`` is the offset of the payload in what was parsed, for callers that pass offsets on. The view
    borrows the caller's buffer: use it before the buffer is filled anew.
    """

    host: Host
    port: int
    payload: memoryview
    header_size: int


def parse_datagram(data: bytes | bytearray | memoryview) -> Datagram:
    """RFC 1928 section 7: RSV (2), FRAG, ATYP, DST.ADDR, DST.PORT, DATA.

    Raises FragmentError for a fragment, RemoteProtocolError for anything else that is no datagram: truncated, RSV other
    than zero, an unknown ATYP, an empty or impossible name. Such a datagram is to be dropped in silence, and the
    association goes on.
    """
    view = memoryview(data)
    if len(view) > ENDPOINT_AT:
        if view[0] or view[1]:
            raise RemoteProtocolError(f"RSV {view[0]:02x}{view[1]:02x}, not 0000")
        if view[2]:
            raise FragmentError(f"fragment {view[2] & 0x7F}")
        size = message_size(view)
        if size is not None and len(view) >= size:
            host, port = read_endpoint(bytes(view[:size]))
            return Datagram(host, port, view[size:], size)
    raise RemoteProtocolError(f"a datagram of {len(view)} bytes ends within its header")


def pack_header(host: Host, port: int) -> bytes:
    """Return the header that goes before a payload to or from this host; the payload is the caller's to append.

    An IPv4-mapped IPv6 address is written as the IPv4 address that it stands for, a zone is left out. Raises
    LocalProtocolError for a name or port that the header cannot hold.
    """
    return b"\x00\x00\x00" + pack_endpoint(told(host), port)
