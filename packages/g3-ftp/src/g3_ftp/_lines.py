"""Cutting a stream into lines of bounded length; each byte is looked at once."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from g3_machine import Machine

from ._errors import FtpError

E = TypeVar("E")


class LineMachine(Machine[E], Generic[E]):
    """A machine whose messages are lines."""

    __slots__ = ("_searched", "_start")

    def __init__(self, first: Callable[[Any], E | None]) -> None:
        super().__init__(first)
        self._searched = 0
        self._start = 0

    def _next_line(self, limit: int) -> bytes | None:
        """The next line of the inbox without its line end, or None. It stays in the inbox: see `_drop_lines`.

        ``limit`` is in bytes and counts the line end. A bare LF ends a line as well: servers on Unix send them, and
        nothing is passed on that could be read in another way. Raises FtpError for a line that is too long.
        """
        box, start = self._inbox, self._start
        end = box.find(b"\n", self._searched)
        if (len(box) if end < 0 else end + 1) - start > limit:
            raise FtpError("line", f"a line of more than {limit} bytes")
        if end < 0:
            self._searched = len(box)
            return None
        self._searched = self._start = end + 1
        return bytes(box[start : end - 1 if end > start and box[end - 1] == _CR else end])

    def _drop_lines(self) -> None:
        """Take the lines that were read out of the inbox."""
        del self._inbox[: self._start]
        self._searched -= self._start
        self._start = 0


_CR = 13
