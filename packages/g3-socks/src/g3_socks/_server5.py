"""The server's half of a SOCKS5 handshake (RFC 1928, RFC 1929)."""

from collections.abc import Sequence
from ipaddress import IPv4Address

from g3_machine import LocalProtocolError, Machine, RemoteProtocolError

from ._address import Host, message_size, pack_endpoint, read_endpoint, told
from ._codes import Method, Reply
from ._errors import MethodError
from ._events import Bind, Connect, Credentials, Request, ServerEvent, UdpAssociate
from ._states import over, owe_answer, owe_authenticate, owe_two_answers

_NO_ACCEPTABLE_METHODS = b"\x05\xff"
_AUTHENTICATION_FAILED = b"\x01\x01"
_UNSPECIFIED = IPv4Address(0)


def refusal(code: Reply) -> bytes:
    """Return a reply without an address: the RFC leaves BND.ADDR and BND.PORT of a refusal open, all say zeros."""
    return bytes((5, code, 0, 1, 0, 0, 0, 0, 0, 0))


_MALFORMED = refusal(Reply.GENERAL_FAILURE)
_WRONG_COMMAND = refusal(Reply.COMMAND_NOT_SUPPORTED)
_WRONG_ADDRESS = refusal(Reply.ADDRESS_TYPE_NOT_SUPPORTED)


class Socks5Server(Machine[ServerEvent]):
    """Yields at most one `Credentials` and then one `Connect`, `Bind` or `UdpAssociate`.

    Behind the last answer, ``take_unread()`` holds what the client sent ahead, for the tunnel to forward first.
    """

    __slots__ = ("_empty_password", "_methods")

    def __init__(
        self, *, methods: Sequence[Method] = (Method.NO_AUTHENTICATION,), empty_password: bool = False
    ) -> None:
        """``methods`` are those that we accept, the most wanted first; the client's order does not count.

        ``empty_password`` lets a password of no bytes through to `Credentials`: RFC 1929 demands at least one,
        yet curl and Go send none for a user without a password. Raises LocalProtocolError for no methods at all.
        """
        super().__init__(Socks5Server._read_greeting)
        self._methods = bytes(methods)
        self._empty_password = empty_password
        if not self._methods or self._methods.strip(b"\x00\x02"):
            raise LocalProtocolError(f"methods {list(methods)}: none, or some that we do not speak")

    def authenticate(self, ok: bool) -> None:
        """Answer `Credentials` (RFC 1929 section 2); after False the connection must be closed.

        Raises LocalProtocolError when no credentials wait for it.
        """
        if self._state is not owe_authenticate:
            raise LocalProtocolError("authenticate() without credentials")
        self._outbox += b"\x01\x00" if ok else _AUTHENTICATION_FAILED
        self._state = Socks5Server._read_request if ok else over

    def grant(self, host: Host, port: int) -> None:
        """Answer a request with success and the bound address (RFC 1928 section 6): BND.ADDR, BND.PORT.

        An IPv4-mapped IPv6 address is written as the IPv4 address that it stands for, a zone is left out. Raises
        LocalProtocolError when no request waits for it, and for a name or port that cannot be written.
        """
        state = self._state
        if state is not owe_answer and state is not owe_two_answers:
            raise LocalProtocolError("grant() without a request")
        self._outbox += b"\x05\x00\x00" + pack_endpoint(told(host), port)
        self._state = over if state is owe_answer else owe_answer

    def refuse(self, code: Reply) -> None:
        """Answer a request with failure (RFC 1928 section 6); the connection must then be closed within ten seconds.

        Raises LocalProtocolError when no request waits for it, and for a code that is no refusal of SOCKS5.
        """
        if self._state is not owe_answer and self._state is not owe_two_answers:
            raise LocalProtocolError("refuse() without a request")
        if not isinstance(code, Reply) or code is Reply.SUCCEEDED:
            raise LocalProtocolError(f"refuse() with {code!r}, which is no refusal of SOCKS5")
        self._outbox += refusal(code)
        self._state = over

    def _read_greeting(self) -> ServerEvent | None:
        """RFC 1928 section 3: VER, NMETHODS, METHODS."""
        box = self._inbox
        size = len(box)
        if size and box[0] != 5:
            raise RemoteProtocolError(f"SOCKS version {box[0]}, not 5")
        if size < 2:
            return None
        end = 2 + box[1]
        if size < end:
            return None
        for method in self._methods:
            if box.find(method, 2, end) >= 0:
                break
        else:
            first = box[2 : min(end, 10)].hex(" ")
            raise MethodError(f"no method of ours is among the {box[1]} offered ({first})", _NO_ACCEPTABLE_METHODS)
        del box[:end]
        if method:
            self._outbox += b"\x05\x02"
            self._state = Socks5Server._read_credentials
            return self._read_credentials()
        self._outbox += b"\x05\x00"
        self._state = Socks5Server._read_request
        return self._read_request()

    def _read_credentials(self) -> ServerEvent | None:
        """RFC 1929 section 2: VER, ULEN, UNAME, PLEN, PASSWD."""
        box = self._inbox
        size = len(box)
        if size and box[0] != 1:
            raise RemoteProtocolError(f"credentials version {box[0]}, not 1", _AUTHENTICATION_FAILED)
        if size < 2:
            return None
        if not box[1]:
            raise RemoteProtocolError("an empty user name", _AUTHENTICATION_FAILED)
        split = 2 + box[1]
        if size <= split:
            return None
        if not box[split] and not self._empty_password:
            raise RemoteProtocolError("an empty password", _AUTHENTICATION_FAILED)
        end = split + 1 + box[split]
        if size < end:
            return None
        message = self._take(end)
        self._state = owe_authenticate
        return Credentials(message[2:split], message[split + 1 :])

    def _read_request(self) -> ServerEvent | None:
        """RFC 1928 section 4: VER, CMD, RSV, ATYP, DST.ADDR, DST.PORT."""
        box = self._inbox
        size = len(box)
        if size and box[0] != 5:
            raise RemoteProtocolError(f"request version {box[0]}, not 5", _MALFORMED)
        if size > 1 and not 1 <= box[1] <= 3:
            raise RemoteProtocolError(f"command {box[1]}, not 1, 2 or 3", _WRONG_COMMAND)
        # "must be set to X'00'" (section 6); Tor insists on it as well, so clients comply.
        if size > 2 and box[2]:
            raise RemoteProtocolError(f"RSV {box[2]}, not 0", _MALFORMED)
        end = message_size(box, _WRONG_ADDRESS, _MALFORMED)
        if end is None or size < end:
            return None
        message = self._take(end)
        host, port = read_endpoint(message, _MALFORMED)
        return self._ask(message[1], host, port)

    def _ask(self, command: int, host: Host, port: int) -> Request:
        if command == 1:
            self._state = owe_answer
            return Connect(host, port)
        if command == 2:
            self._state = owe_two_answers
            return Bind(host, port)
        if isinstance(host, str):
            # PySocks says "0" where it means 0.0.0.0; any other name could not be compared with a datagram's source.
            if host != "0":
                raise RemoteProtocolError(f"UDP from the name {host!r}, not from an address", _WRONG_ADDRESS)
            host = _UNSPECIFIED
        self._state = owe_answer
        return UdpAssociate(host, port)

    def _read_eof(self) -> ServerEvent | None:
        raise RemoteProtocolError("the client closed before its request was complete")
