"""The chunked transfer coding, walked over where it lies (RFC 9112 section 7.1)."""

import re
from enum import Enum

from ._errors import HttpError
from ._fields import split_fields
from ._grammar import FIELD_LINE, QUOTED_STRING, TOKEN
from ._limits import MAX_CONTENT_LENGTH, Limits
from ._pack import Field

FORBIDDEN_TRAILERS = frozenset(
    (
        b"authorization",
        b"connection",
        b"content-encoding",
        b"content-length",
        b"content-range",
        b"content-type",
        b"cookie",
        b"expect",
        b"host",
        b"keep-alive",
        b"max-forwards",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"set-cookie",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
"""RFC 9110 section 6.5.1: no framing, routing, authentication or content format after the content."""

_EXTENSION = rb"[ \t]*+;[ \t]*+" + TOKEN + rb"(?>(?:[ \t]*+=[ \t]*+(?:" + TOKEN + rb"|" + QUOTED_STRING + rb"))?)"
_match_size = re.compile(rb"([0-9A-Fa-f]{1,16}+)(?>(?:" + _EXTENSION + rb")*)\r\n").fullmatch
_match_next = re.compile(rb"\r\n([0-9A-Fa-f]{1,15})\r\n").match
_is_field_line = re.compile(FIELD_LINE).fullmatch


class _Part(Enum):
    SIZE = 0
    DATA = 1
    CRLF = 2
    TRAILER = 3
    END = 4


_SIZE, _DATA, _CRLF, _TRAILER, _END = _Part


class ChunkedBody:
    """The place that has been reached in a chunked body at the front of somebody's inbox.

    Walks over as many whole elements as have come (a size line, a piece of data, a CRLF, a trailer line), so that
    the bytes walked over before a fault are the same however the stream was split.
    """

    __slots__ = ("_error", "_left", "_limits", "_part", "_searched", "_trailer_size", "trailers")

    def __init__(self, limits: Limits, error: type[HttpError]) -> None:
        self.trailers: list[Field] = []
        self._limits = limits
        self._error = error
        self._part: _Part = _SIZE
        self._left = 0  # bytes of data before the CRLF of the chunk
        self._searched = 0  # bytes of an unfinished line that hold no LF
        self._trailer_size = 0

    @property
    def ended(self) -> bool:
        """Whether the empty line behind the last chunk has been walked over."""
        return self._part is _END

    def advance(self, box: bytearray, room: int, content: list[bytes] | None = None) -> int:
        """Walk on from the front of ``box`` and return how many bytes are walked over: they may be taken away.

        No element is begun beyond ``room`` bytes, and data stops there; a line may end a little later. ``content``
        collects the data. If the first element is faulty it raises the reader's error and walks nowhere; a
        fault further on ends the walk before it, and is raised the next time.
        """
        at = 0
        while at < room and self._part is not _END:
            try:
                if self._part is _DATA:
                    reached = self._data(box, at, room, content)
                elif self._part is _CRLF:
                    reached = self._crlf(box, at)
                else:
                    reached = self._line(box, at)
            except self._error:
                if at == 0:
                    raise
                break
            if reached == at:
                break
            at = reached
        return at

    def _data(self, box: bytearray, at: int, room: int, content: list[bytes] | None) -> int:
        """Chunk data, and many more chunks after it if their size lines are plain."""
        end = min(len(box), room)
        while at < end:
            size = min(self._left, end - at)
            if content is not None:
                content.append(bytes(box[at : at + size]))
            at += size
            self._left -= size
            if self._left:
                break
            found = _match_next(box, at)
            if found is None:
                self._part = _CRLF
                break
            at = found.end()
            self._left = int(found[1], 16)
            if not self._left:
                self._part = _TRAILER
                break
        return at

    def _crlf(self, box: bytearray, at: int) -> int:
        """CRLF behind the data: exactly these two bytes (CVE-2025-43859 was any two)."""
        if not box.startswith(b"\r\n"[: len(box) - at], at):
            raise self._error("chunk", "chunk data without its CRLF")
        if len(box) - at < 2:
            return at
        self._part = _SIZE
        return at + 2

    def _line(self, box: bytearray, at: int) -> int:
        """A size line, or a line of the trailer section."""
        longest = self._limits.body_line_length
        end = box.find(b"\n", at + self._searched, at + longest) + 1
        if not end:
            if len(box) - at >= longest:
                raise self._error("body_line_length", "a line in a chunked body that is too long", 413)
            self._searched = len(box) - at
            return at
        line = bytes(box[at:end])
        if self._part is _SIZE:
            self._read_size(line)
        else:
            self._read_trailer(line)
        self._searched = 0
        return end

    def _read_size(self, line: bytes) -> None:
        """RFC 9112 section 7.1: chunk-size [ chunk-ext ] CRLF."""
        found = _match_size(line)
        if found is None or (size := int(found[1], 16)) > MAX_CONTENT_LENGTH:
            raise self._error("chunk", "not a chunk size")
        self._left = size
        self._part = _DATA if size else _TRAILER

    def _read_trailer(self, line: bytes) -> None:
        """RFC 9112 section 7.1.2: a field line, or the empty line that ends the body."""
        if line == b"\r\n":
            self._part = _END
            return
        if not _is_field_line(line):
            raise self._error("trailer", "not a trailer field line")
        size = self._trailer_size + len(line)
        if size > self._limits.trailer_size:
            raise self._error("trailer_size", "a trailer section that is too large", 431)
        [(name, value)] = split_fields(line)
        if name.lower() in FORBIDDEN_TRAILERS:
            raise self._error("trailer", "a trailer field that would change how the message is read")
        self._trailer_size = size
        self.trailers.append((name, value.rstrip(b" \t")))
