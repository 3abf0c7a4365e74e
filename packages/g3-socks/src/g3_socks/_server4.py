"""The server's half of a SOCKS4 handshake, with the names of SOCKS4a.

The sources are the two notes by Ying-Da Lee, "SOCKS: A protocol for TCP proxy across firewalls" and "SOCKS 4A: A simple
extension to SOCKS 4 protocol"; there is no RFC.
"""

from ipaddress import IPv4Address

from g3_machine import LocalProtocolError, Machine, RemoteProtocolError

from ._address import MAX_NAME_SIZE, Host, pack_port, read_name, told
from ._codes import Reply, Socks4Reply
from ._events import Bind, Connect, ServerEvent
from ._states import over, owe_answer, owe_two_answers

MAX_USER_ID_SIZE = 255
"""Bytes of a SOCKS4 USERID. The note sets no limit; user names elsewhere in SOCKS have at most 255 (RFC 1929), and
Unix login names at most 32."""

_HEAD_SIZE = 8


def refusal(code: Socks4Reply) -> bytes:
    """Return a reply without an address: DSTPORT and DSTIP of a refusal mean nothing."""
    return bytes((0, code, 0, 0, 0, 0, 0, 0))


_REJECTED = refusal(Socks4Reply.REJECTED)


class Socks4Server(Machine[ServerEvent]):
    """Yields one `Connect` or `Bind`, with the client's ``user_id``.

    Behind the last answer, ``take_unread()`` holds what the client sent ahead, for the tunnel to forward first.
    """

    __slots__ = ("_command", "_names", "_port", "_searched", "_user_id")
    _command: int
    _port: int
    _user_id: bytes

    def __init__(self, *, names: bool = True) -> None:
        """``names`` says whether the host names of SOCKS4a are taken."""
        super().__init__(Socks4Server._read_request)
        self._names = names
        self._searched = 0

    def grant(self, host: Host, port: int) -> None:
        """Answer a request with success and the bound address: DSTPORT, DSTIP.

        The reply has room for an IPv4 address alone: any other host is written as 0.0.0.0, which the client reads as
        the address of the server. Raises LocalProtocolError when no request waits for it, and for a bad host or port.
        """
        state = self._state
        if state is not owe_answer and state is not owe_two_answers:
            raise LocalProtocolError("grant() without a request")
        host = told(host)
        address = host.packed if isinstance(host, IPv4Address) else bytes(4)
        self._outbox += bytes((0, Socks4Reply.GRANTED)) + pack_port(port) + address
        self._state = over if state is owe_answer else owe_answer

    def refuse(self, code: Reply | Socks4Reply) -> None:
        """Answer a request with failure; each `Reply` of SOCKS5 is written as REJECTED. The connection ends then.

        Raises LocalProtocolError when no request waits for it, and for SUCCEEDED and GRANTED.
        """
        if self._state is not owe_answer and self._state is not owe_two_answers:
            raise LocalProtocolError("refuse() without a request")
        if code in (Reply.SUCCEEDED, Socks4Reply.GRANTED):
            raise LocalProtocolError(f"refuse() with {code!r}, which is no refusal")
        self._outbox += refusal(code if isinstance(code, Socks4Reply) else Socks4Reply.REJECTED)
        self._state = over

    def _read_request(self) -> ServerEvent | None:
        """SOCKS4: VN, CD, DSTPORT, DSTIP, USERID, NULL."""
        box = self._inbox
        size = len(box)
        if size and box[0] != 4:
            raise RemoteProtocolError(f"SOCKS version {box[0]}, not 4")
        if size > 1 and not 1 <= box[1] <= 2:
            raise RemoteProtocolError(f"command {box[1]}, not 1 or 2", _REJECTED)
        end = self._find_end(_HEAD_SIZE, MAX_USER_ID_SIZE, "USERID")
        if end is None:
            return None
        message = self._take(end + 1)
        self._command = message[1]
        self._port = int.from_bytes(message[2:4], "big")
        self._user_id = message[_HEAD_SIZE:end]
        # SOCKS4a: 0.0.0.x with a nonzero x, where no host can be, says that a name follows.
        if message[4:7] == b"\x00\x00\x00" and message[7]:
            if not self._names:
                raise RemoteProtocolError("a host name, which only SOCKS4a has", _REJECTED)
            self._state = Socks4Server._read_name
            return self._read_name()
        return self._ask(IPv4Address(message[4:8]))

    def _read_name(self) -> ServerEvent | None:
        """SOCKS4a, behind USERID: the host name, NULL."""
        end = self._find_end(0, MAX_NAME_SIZE, "host name")
        if end is None:
            return None
        return self._ask(read_name(self._take(end + 1)[:-1], _REJECTED))

    def _ask(self, host: Host) -> ServerEvent:
        if self._command == 1:
            self._state = owe_answer
            return Connect(host, self._port, self._user_id)
        self._state = owe_two_answers
        return Bind(host, self._port, self._user_id)

    def _find_end(self, start: int, limit: int, what: str) -> int | None:
        """Return where the NUL is that ends the string from ``start``, or None while it has not come."""
        box = self._inbox
        end = box.find(0, max(start, self._searched), start + limit + 1)
        if end >= 0:
            self._searched = 0
            return end
        if len(box) > start + limit:
            raise RemoteProtocolError(f"a {what} of more than {limit} bytes", _REJECTED)
        self._searched = len(box)
        return None

    def _read_eof(self) -> ServerEvent | None:
        raise RemoteProtocolError("the client closed before its request was complete")
