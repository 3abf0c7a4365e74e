"""Reading heads: the whole head with one pattern when it lies there and is tidy, else line by line.

Both ways find the same fault at the same byte: each pattern for a whole head is made of the patterns for its
lines, and whatever it does not match is walked over line by line. Line by line is also how a head that
comes in pieces is read, so that each byte is looked at a fixed number of times and a faulty line is refused before
the rest of the head has come.
"""

import re
from collections.abc import Callable
from typing import ClassVar, TypeVar

from ._body import BodyReader
from ._errors import HttpError
from ._fields import Block, pack_block, split_fields
from ._framing import NONE
from ._grammar import FIELD_LINE
from ._limits import Limits

H = TypeVar("H")

_is_field_line = re.compile(FIELD_LINE).fullmatch
_LINE_STARTS = frozenset(b"\r!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
"""What a line of a head can begin with: a token, or the CR of an empty line."""

_SHORTEST_LINE = 6
"""Bytes of a tidy field line at the least: to count lines is dear."""


class HeadReader(BodyReader[H]):
    """Reads one head per event and hands its parts to ``_build``."""

    __slots__ = ("_block", "_empty_lines", "_field_count", "_first", "_keep_alive", "_line", "_searched")

    _tidy_head: ClassVar[re.Pattern[bytes]]
    """A whole head of tidy field lines: three groups of the first line, then the block of fields."""
    _first_line: ClassVar[re.Pattern[bytes]]
    """The first line: the same three groups."""
    _empty_lines_allowed: ClassVar[int] = 0

    def __init__(self, first: Callable[..., H | None], limits: Limits) -> None:
        super().__init__(first)
        self.limits = limits
        self._begin_body(NONE, None)
        self._keep_alive = True  # whether another head may follow
        self._empty_lines = 0
        self._begin_head()

    @property
    def head_begun(self) -> bool:
        """Whether a part of the next head has come: patience with an idle peer ends where its head begins."""
        return bool(self._inbox)

    def _begin_head(self) -> None:
        self._searched = 0  # up to here no LF belongs to the line that is being read
        self._line = 0  # where that line begins
        self._first: re.Match[bytes] | None = None  # what the first line said
        self._block = 0  # where the first field line begins
        self._field_count = 0

    def _read_head(self) -> H | None:
        """RFC 9112 section 2.1: start-line CRLF *( field-line CRLF ) CRLF."""
        box = self._inbox
        if not box:
            return None
        if not self._searched:
            found = self._tidy_head.match(box)
            if found is not None:
                size = found.end()
                one, two, three, block = found.groups()
                limits = self.limits
                few = size < _SHORTEST_LINE * limits.fields or block.count(b"\n") <= limits.fields + 1
                if few and size <= limits.head_size and size <= limits.line_length:
                    if size == len(box):
                        box.clear()
                    else:
                        del box[:size]
                    self._empty_lines = 0
                    return self._build(one, two, three, block, size)
        return self._read_lines()

    def _read_lines(self) -> H | None:
        box = self._inbox
        while True:
            start = self._line
            stop = min(start + self.limits.line_length, self.limits.head_size)
            end = 0
            if start < stop:
                if start < len(box) and box[start] not in _LINE_STARTS:
                    raise self._line_error(bytes(box[start : start + 1]))
                end = box.find(b"\n", self._searched, stop) + 1
            if not end:
                if len(box) >= stop:
                    raise self._size_error(start)
                self._searched = len(box)
                return None
            line = bytes(box[start:end])
            if line == b"\r\n" and self._first is not None:
                return self._finish(self._first, start, end)
            if line == b"\r\n":
                self._skip_empty_line()
            else:
                self._read_line(line)
                self._line = self._searched = end

    def _read_line(self, line: bytes) -> None:
        if self._first is None:
            found = self._first_line.fullmatch(line)
            if found is None:
                raise self._line_error(line)
            self._first = found
            self._block = len(line)
            return
        if not _is_field_line(line):
            raise self._line_error(line)
        self._field_count += 1
        if self._field_count > self.limits.fields:
            raise self._error("field_count", "too many field lines", 431)

    def _finish(self, first: re.Match[bytes], start: int, end: int) -> H:
        lines = bytes(self._inbox[self._block : start])
        block = pack_block([(name, value.rstrip(b" \t")) for name, value in split_fields(lines)])
        del self._inbox[:end]
        self._begin_head()
        self._empty_lines = 0
        return self._build(first[1], first[2], first[3], block, end)

    def _skip_empty_line(self) -> None:
        """RFC 9112 section 2.2: a server SHOULD ignore at least one empty line before the request line."""
        if self._empty_lines == self._empty_lines_allowed:
            raise self._error("empty_lines", "empty lines before the first line of a head")
        self._empty_lines += 1
        del self._inbox[:2]
        self._searched = 0

    def _line_error(self, line: bytes) -> HttpError:
        if self._first is None:
            return self._first_line_error(line)
        if line in (b" ", b"\t"):
            # RFC 9112 section 5.2: a server MUST either reject obs-fold or replace it.
            return self._error("field", "a field line that continues the one before")
        if line[-1:] == b"\n" and line[-2:] != b"\r\n":
            return self._error("field", "a field line that ends with LF alone")
        return self._error("field", "not a field line")

    def _size_error(self, start: int) -> HttpError:
        status = 414 if self._first is None else 431
        if start + self.limits.line_length <= self.limits.head_size:
            return self._error("line_length", "a line that is too long", status)
        return self._error("head_size", "a head that is too large", status)

    def _first_line_error(self, line: bytes) -> HttpError:
        raise NotImplementedError

    def _build(self, one: bytes, two: bytes, three: bytes, block: Block, size: int) -> H:
        raise NotImplementedError
