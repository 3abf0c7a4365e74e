"""The client's half of a SOCKS5 handshake (RFC 1928, RFC 1929)."""

from g3_machine import LocalProtocolError, Machine, RemoteProtocolError

from ._address import Host, message_size, pack_endpoint, read_endpoint
from ._codes import Reply, named
from ._errors import AuthenticationError, MethodError, RefusedError
from ._events import Bind, ClientEvent, Connect, Credentials, Granted, Incoming, Request, UdpAssociate
from ._states import over

_COMMANDS: dict[type[Request], int] = {Connect: 1, Bind: 2, UdpAssociate: 3}
_NO_ACCEPTABLE_METHODS = 0xFF


class Socks5Client(Machine[ClientEvent]):
    """Yields one `Granted`, and after a `Bind` one `Incoming`; the greeting is due from the start.

    Behind the last reply, ``take_unread()`` holds what the host has said already: it belongs to the tunnel. A fault
    ends the handshake: `MethodError`, `AuthenticationError`, `RefusedError`, or RemoteProtocolError for a server
    that breaks the protocol.
    """

    __slots__ = ("_incoming", "_login", "_request")

    def __init__(self, request: Request, credentials: Credentials | None = None) -> None:
        """The credentials are offered, and sent only if the server chooses them over none.

        Raises LocalProtocolError for a request or credentials that SOCKS5 cannot carry.
        """
        super().__init__(Socks5Client._read_method)
        command = bytes((5, _COMMANDS[type(request)], 0))
        self._request = command + pack_endpoint(request.host, request.port)
        self._incoming = isinstance(request, Bind)
        self._login = _pack_credentials(credentials) if credentials else b""
        self._outbox += b"\x05\x02\x02\x00" if credentials else b"\x05\x01\x00"

    def _read_method(self) -> ClientEvent | None:
        """RFC 1928 section 3: VER, METHOD."""
        box = self._inbox
        size = len(box)
        if size and box[0] != 5:
            raise RemoteProtocolError(f"SOCKS version {box[0]}, not 5")
        if size < 2:
            return None
        method = self._take(2)[1]
        if method == _NO_ACCEPTABLE_METHODS:
            raise MethodError("the server accepts none of our methods")
        if method == 0:
            return self._ask()
        if method != 2 or not self._login:
            raise RemoteProtocolError(f"the server chose method {method}, which we did not offer")
        self._outbox += self._login
        self._state = Socks5Client._read_status
        return self._read_status()

    def _read_status(self) -> ClientEvent | None:
        """RFC 1929 section 2: VER, STATUS."""
        box = self._inbox
        size = len(box)
        if size and box[0] != 1:
            raise RemoteProtocolError(f"credentials version {box[0]}, not 1")
        if size < 2:
            return None
        status = self._take(2)[1]
        if status:
            raise AuthenticationError(status)
        return self._ask()

    def _ask(self) -> ClientEvent | None:
        self._login = b""
        self._outbox += self._request
        self._state = Socks5Client._read_reply
        return self._read_reply()

    def _read_reply(self) -> ClientEvent | None:
        """RFC 1928 section 6: the only reply, or the first of two."""
        bound = self._read_bound()
        if bound is None:
            return None
        self._state = Socks5Client._read_incoming if self._incoming else over
        return Granted(*bound)

    def _read_incoming(self) -> ClientEvent | None:
        """BIND: the second reply, in the shape of the first."""
        bound = self._read_bound()
        if bound is None:
            return None
        self._state = over
        return Incoming(*bound)

    def _read_bound(self) -> tuple[Host, int] | None:
        """RFC 1928 section 6: VER, REP, RSV, ATYP, BND.ADDR, BND.PORT."""
        box = self._inbox
        size = len(box)
        if size and box[0] != 5:
            raise RemoteProtocolError(f"reply version {box[0]}, not 5")
        # Tailscale and others end a refusal early or fill it with zeros: nothing behind REP matters in it.
        if size > 1 and box[1] != Reply.SUCCEEDED:
            raise RefusedError(named(Reply, box[1]))
        # "must be set to X'00'"; Go's client insists on it as well, so servers comply.
        if size > 2 and box[2]:
            raise RemoteProtocolError(f"RSV {box[2]}, not 0")
        end = message_size(box)
        if end is None or size < end:
            return None
        return read_endpoint(self._take(end))

    def _read_eof(self) -> ClientEvent | None:
        raise RemoteProtocolError("the server closed before its reply was complete")


def _pack_credentials(credentials: Credentials) -> bytes:
    """RFC 1929 section 2: VER, ULEN, UNAME, PLEN, PASSWD."""
    username, password = credentials.username, credentials.password
    if not 1 <= len(username) <= 255:
        raise LocalProtocolError(f"a user name of {len(username)} bytes, not 1 to 255")
    if not 1 <= len(password) <= 255:
        raise LocalProtocolError(f"a password of {len(password)} bytes, not 1 to 255")
    return bytes((1, len(username))) + username + bytes((len(password),)) + password
