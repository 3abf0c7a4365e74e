"""The client's half of a SOCKS4 handshake, with the names of SOCKS4a; see `_server4` for the sources."""

from ipaddress import IPv4Address

from g3_machine import LocalProtocolError, Machine, RemoteProtocolError

from ._address import Host, pack_port, to_host
from ._codes import Socks4Reply, named
from ._errors import RefusedError
from ._events import Bind, ClientEvent, Connect, Granted, Incoming
from ._server4 import MAX_USER_ID_SIZE
from ._states import over

_REPLY_SIZE = 8
_NAME_FOLLOWS = b"\x00\x00\x00\x01"


class Socks4Client(Machine[ClientEvent]):
    """Yields one `Granted`, and after a `Bind` one `Incoming`; the request is due from the start.

    Behind the last reply, ``take_unread()`` holds what the host has said already: it belongs to the tunnel. A fault
    ends the handshake: `RefusedError`, or RemoteProtocolError for a server that breaks the protocol.
    """

    __slots__ = ("_incoming",)

    def __init__(self, request: Connect | Bind) -> None:
        """A name is sent as SOCKS4a; a ``user_id`` of None as an empty USERID.

        Raises LocalProtocolError for what SOCKS4 cannot carry: an IPv6 address, an address 0.0.0.1 to 0.0.0.255
        (which says that a name follows), a NUL in USERID.
        """
        super().__init__(Socks4Client._read_reply)
        self._incoming = isinstance(request, Bind)
        self._outbox += _pack_request(request)

    def _read_reply(self) -> ClientEvent | None:
        """SOCKS4: the only reply, or the first of two."""
        bound = self._read_bound()
        if bound is None:
            return None
        self._state = Socks4Client._read_incoming if self._incoming else over
        return Granted(*bound)

    def _read_incoming(self) -> ClientEvent | None:
        """BIND: the second reply, in the shape of the first."""
        bound = self._read_bound()
        if bound is None:
            return None
        self._state = over
        return Incoming(*bound)

    def _read_bound(self) -> tuple[Host, int] | None:
        """SOCKS4: VN, CD, DSTPORT, DSTIP."""
        box = self._inbox
        size = len(box)
        if size and box[0]:
            raise RemoteProtocolError(f"reply version {box[0]}, not 0")
        if size > 1 and box[1] != Socks4Reply.GRANTED:
            raise RefusedError(named(Socks4Reply, box[1]))
        if size < _REPLY_SIZE:
            return None
        message = self._take(_REPLY_SIZE)
        return IPv4Address(message[4:]), int.from_bytes(message[2:4], "big")

    def _read_eof(self) -> ClientEvent | None:
        raise RemoteProtocolError("the server closed before its reply was complete")


def _pack_request(request: Connect | Bind) -> bytes:
    """SOCKS4: VN, CD, DSTPORT, DSTIP, USERID, NULL; SOCKS4a: the host name, NULL."""
    host = to_host(request.host)
    name = b""
    if isinstance(host, str):
        address = _NAME_FOLLOWS
        name = host.encode("ascii") + b"\x00"
    elif isinstance(host, IPv4Address):
        address = host.packed
        if 0 < int(host) < 256:
            raise LocalProtocolError(f"host {host}: SOCKS4a reads it as the sign of a name")
    else:
        raise LocalProtocolError(f"host {host}: SOCKS4 has no IPv6 addresses")
    user_id = request.user_id or b""
    if b"\x00" in user_id or len(user_id) > MAX_USER_ID_SIZE:
        raise LocalProtocolError(f"user id {user_id!r}: a NUL, or more than {MAX_USER_ID_SIZE} bytes")
    head = bytes((4, 2 if isinstance(request, Bind) else 1))
    return head + pack_port(request.port) + address + user_id + b"\x00" + name
