"""Reads the first message of a TLS or TLCP client, and takes nothing away.

RFC 8446 section 5.1: a record has a type, a version, a length and a fragment; a message may be cut into records at any
byte. The first bytes tell whether a stream is TLS at all, and no text protocol begins with them.
"""

from typing import NoReturn

from g3_machine import LocalProtocolError, Machine, RemoteProtocolError

from ._alert import Alert
from ._errors import HelloError, NotTlsError
from ._hello import ClientHello
from ._parse import MESSAGE_HEAD_SIZE, parse_hello

DEFAULT_MAX_HELLO_SIZE = 16384
"""Bytes of a ClientHello. Browsers send up to 2 KiB, a hello with several post-quantum keys stays below 8 KiB."""

DEFAULT_MAX_RECORDS = 64
"""Records into which a ClientHello may be cut. One or two are usual; clients that hide the name from filters use up to
some dozens."""

MAX_RECORD_SIZE = 16384
"""Bytes of the fragment in a record (RFC 8446 section 5.1)."""

_RECORD_HEAD_SIZE = 5
_HANDSHAKE = 0x16
_CLIENT_HELLO = 1
_LEAST_HELLO_SIZE = 256
_MOST_HELLO_SIZE = 0xFFFFFF


class ClientHelloReader(Machine[ClientHello]):
    """Yields one `ClientHello`. ``take_unread()`` always holds everything, for the handshake or whoever reads it next.

    ``data_to_send()`` holds an alert after a `HelloError`, and nothing after a `NotTlsError`.
    """

    __slots__ = ("_at", "_max_records", "_max_size", "_message", "_need", "_records", "_taken", "_tlcp")
    _tlcp: bool  # known with the second byte of the first record

    def __init__(self, *, max_hello_size: int = DEFAULT_MAX_HELLO_SIZE, max_records: int = DEFAULT_MAX_RECORDS) -> None:
        """``max_hello_size`` is 256 to 16777215 bytes of the message, ``max_records`` 1 or more.

        Raises LocalProtocolError for others.
        """
        super().__init__(ClientHelloReader._read_hello)
        if not _LEAST_HELLO_SIZE <= max_hello_size <= _MOST_HELLO_SIZE:
            raise LocalProtocolError(f"max_hello_size {max_hello_size}, not {_LEAST_HELLO_SIZE} to {_MOST_HELLO_SIZE}")
        if max_records < 1:
            raise LocalProtocolError(f"max_records {max_records}, not 1 or more")
        self._max_size = max_hello_size
        self._max_records = max_records
        self._message = bytearray()
        self._need = 0  # bytes of the message, once its length is known
        self._at = 0  # where the current record begins in the inbox
        self._taken = 0  # how much of its fragment is in the message already
        self._records = 0  # those that are in the message as a whole

    def _read_hello(self) -> ClientHello | None:
        """RFC 8446 section 5.1: records, until they hold a whole message; all of them stay in the inbox."""
        box = self._inbox
        while True:
            self._check_record_head(box[self._at : self._at + _RECORD_HEAD_SIZE])
            start = self._at + _RECORD_HEAD_SIZE
            if len(box) < start:
                return None
            end = start + (box[start - 2] << 8 | box[start - 1])
            fragment = box[start + self._taken : end]
            self._taken += len(fragment)
            self._message += fragment
            self._check_message_head(end - start - self._taken)
            if start + self._taken < end:
                return None
            if len(self._message) == self._need:
                self._state = ClientHelloReader._over
                return parse_hello(bytes(self._message), self._tlcp)
            self._at, self._taken = end, 0
            self._records += 1

    def _check_record_head(self, head: bytearray) -> None:
        """RFC 8446 section 5.1: type, version (2), length (2); as much of it as has come.

        A server takes any minor version behind 03 (RFC 5246 appendix E.1). TLCP has 01 01 in every record.
        """
        size = len(head)
        if self._records == 0:
            if size and head[0] != _HANDSHAKE:
                raise NotTlsError("the stream does not begin with a handshake record")
            if size > 1:
                self._tlcp = head[1] == 1
                if head[1] not in (1, 3) or (self._tlcp and size > 2 and head[2] != 1):
                    raise NotTlsError("the stream begins with a record of neither TLS nor TLCP")
        elif size:
            if self._records >= self._max_records:
                self._fail("records", f"a ClientHello in more than {self._max_records} records", Alert.DECODE_ERROR)
            if head[0] != _HANDSHAKE:
                self._fail("record", "another record amid a ClientHello", Alert.UNEXPECTED_MESSAGE)
            if (size > 1 and head[1] != (1 if self._tlcp else 3)) or (self._tlcp and size > 2 and head[2] != 1):
                self._fail("record", "records of TLS and TLCP in one message", Alert.PROTOCOL_VERSION)
        if size > 3:
            length = head[3] << 8 | (head[4] if size > 4 else 0)
            if length > MAX_RECORD_SIZE:
                self._fail("record", f"a record of more than {MAX_RECORD_SIZE} bytes", Alert.RECORD_OVERFLOW)
            if size > 4 and not length:
                self._fail("record", "an empty handshake record", Alert.UNEXPECTED_MESSAGE)

    def _check_message_head(self, behind: int) -> None:
        """RFC 8446 section 4: type, length (3); as much of it as has come. ``behind`` bytes of the record are to come.

        A client says nothing between its hello and the server's answer, so nothing may follow in the record.
        """
        message = self._message
        size = len(message)
        if size and message[0] != _CLIENT_HELLO:
            self._fail("message", "a handshake message that is no ClientHello", Alert.UNEXPECTED_MESSAGE)
        if not self._need:
            come = message[1:MESSAGE_HEAD_SIZE]
            need = MESSAGE_HEAD_SIZE + int.from_bytes(come.ljust(3, b"\0"), "big")
            if need > self._max_size:
                self._fail("too_large", f"a ClientHello of more than {self._max_size} bytes", Alert.ILLEGAL_PARAMETER)
            if size >= MESSAGE_HEAD_SIZE:
                self._need = need
        if self._need and size + behind > self._need:
            self._fail("trailing", "bytes behind the ClientHello in its record", Alert.UNEXPECTED_MESSAGE)

    def _fail(self, reason: str, text: str, alert: Alert) -> NoReturn:
        raise HelloError(reason, text, alert, tlcp=self._tlcp)

    def _over(self) -> NoReturn:
        """The handshake, or another proxy, reads the same bytes next."""
        raise LocalProtocolError("next_event() after the ClientHello")

    def _read_eof(self) -> ClientHello | None:
        raise HelloError("closed", "the peer closed before its ClientHello was complete", None)


def is_client_hello(data: bytes | bytearray | memoryview) -> bool | None:
    """Tell by the first bytes of a stream whether it begins with a ClientHello, of TLS or TLCP.

    Six bytes are enough: handshake record, version, length, ClientHello. Returns None while fewer leave it open, and
    False at the first byte that cannot be.
    """
    start = data[: _RECORD_HEAD_SIZE + 1]
    reader = ClientHelloReader()
    reader.receive_data(start)
    try:
        reader.next_event()
    except RemoteProtocolError:
        return False
    return True if len(start) > _RECORD_HEAD_SIZE else None
