"""The receiver's half of the PROXY protocol: one header, and nothing behind it."""

from collections.abc import Collection
from typing import NoReturn

from g3_machine import LocalProtocolError, Machine

from ._binary import HEAD_SIZE, SIGNATURE, addresses_size, check_head, check_tlv_lengths, parse_message
from ._errors import HeaderError
from ._header import Header
from ._line import MAX_LINE_SIZE, PREFIX, parse_line

DEFAULT_MAX_BODY_SIZE = 4096
"""Bytes behind the first 16 of a version 2 header. The format has room for 65535; addresses take 216 at most, and
what senders add is short, but for a client's certificate. nginx takes 4096 in all."""

_LEAST_BODY_SIZE = 216
_MOST_BODY_SIZE = 65535


class HeaderReader(Machine[Header]):
    """Yields one `Header`; behind it ``take_unread()`` holds what the connection itself begins with.

    Whether a peer may send a header is decided by its address before a byte is read, and then it has to: the
    specification forbids to guess (section 2). A stream that begins otherwise is refused at the first byte that shows
    it.
    """

    __slots__ = ("_limit", "_tlv_at", "_versions")
    _tlv_at: int

    def __init__(self, *, versions: Collection[int] = (1, 2), max_body_size: int = DEFAULT_MAX_BODY_SIZE) -> None:
        """``versions`` are those that we accept, 1 and 2; ``max_body_size`` is 216 to 65535 bytes of version 2.

        Raises LocalProtocolError for others.
        """
        super().__init__(HeaderReader._read_start)
        if not versions or not {1, 2}.issuperset(versions):
            raise LocalProtocolError(f"versions {list(versions)}: none, or others than 1 and 2")
        if not _LEAST_BODY_SIZE <= max_body_size <= _MOST_BODY_SIZE:
            raise LocalProtocolError(f"max_body_size {max_body_size}, not {_LEAST_BODY_SIZE} to {_MOST_BODY_SIZE}")
        self._versions = frozenset(versions)
        self._limit = max_body_size

    def _read_start(self) -> Header | None:
        """Section 2: PROXY and a space, or the signature of version 2. They stay in the inbox."""
        box = self._inbox
        if not box:
            return None
        version = 1 if box[0] == PREFIX[0] else 2
        start = PREFIX if version == 1 else SIGNATURE
        if version not in self._versions or not start.startswith(bytes(box[: len(start)])):
            wanted = " or ".join(map(str, sorted(self._versions)))
            raise HeaderError("signature", f"the stream does not begin with a PROXY header of version {wanted}")
        if len(box) < len(start):
            return None
        self._state = HeaderReader._read_line if version == 1 else HeaderReader._read_head
        return self._state(self)

    def _read_line(self) -> Header | None:
        """Section 2.1: PROXY, protocol, addresses, ports, CRLF."""
        return self._tell(parse_line(bytes(self._inbox[:MAX_LINE_SIZE])))

    def _read_head(self) -> Header | None:
        """Section 2.2: the first 16 bytes of version 2. They stay in the inbox."""
        box = self._inbox
        check_head(box, self._limit)
        if len(box) < HEAD_SIZE:
            return None
        self._tlv_at = HEAD_SIZE + addresses_size(box)
        self._state = HeaderReader._read_body
        return self._read_body()

    def _read_body(self) -> Header | None:
        """Section 2.2: addresses, TLVs; or what a LOCAL or UNSPEC header has in their place."""
        box = self._inbox
        end = HEAD_SIZE + int.from_bytes(box[14:HEAD_SIZE], "big")
        if self._tlv_at > HEAD_SIZE:
            self._tlv_at = check_tlv_lengths(box, self._tlv_at, end)
        if len(box) < end:
            return None
        return self._tell(parse_message(bytes(box[:end])))

    def _tell(self, header: Header | None) -> Header | None:
        if header is not None:
            del self._inbox[: header.size]
            self._state = HeaderReader._over
        return header

    def _over(self) -> NoReturn:
        """The connection belongs to the next protocol."""
        raise LocalProtocolError("next_event() after the header")

    def _read_eof(self) -> Header | None:
        raise HeaderError("closed", "the peer closed before its PROXY header was complete")
