"""The client's half of a control connection (RFC 959)."""

import re

from g3_machine import LocalProtocolError

from ._command import pack_command
from ._errors import FtpError
from ._limits import DEFAULT_LIMITS, Limits
from ._lines import LineMachine
from ._reply import Reply

SERVICE_CLOSES = 421
"""The reply that a server may send unasked, before it closes (RFC 959 section 4.2)."""

_match_first = re.compile(rb"([1-5][0-9]{2})(?>([ -])(.*+)|)", re.DOTALL).fullmatch


class FtpClient(LineMachine[Reply]):
    """Yields one `Reply` after the other: first the greeting, then what answers each `command`.

    One command at a time: the next may be given when a reply has come that is not preliminary. A reply that answers
    nothing is a fault, but for 421. The end of the stream is a fault: a session ends with the reply to QUIT.
    """

    __slots__ = ("_code", "_lines", "_owed", "limits")

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(FtpClient._read_reply)
        self.limits = limits
        self._owed = True  # the greeting
        self._code = b""
        self._lines: list[bytes] = []

    @property
    def waiting(self) -> bool:
        """Whether the server owes a reply."""
        return self._owed

    def command(self, verb: bytes, argument: bytes | None = None) -> None:
        """Send a command. Raises LocalProtocolError while a reply is owed, and as `pack_command` does."""
        if self._owed:
            raise LocalProtocolError("a command before the reply to the one before")
        self._outbox += pack_command(verb, argument)
        self._owed = True

    def _read_reply(self) -> Reply | None:
        """RFC 959 section 4.2: one line, or lines from ``123-`` to one that begins with the same code and a space."""
        while (line := self._next_line(self.limits.line_length)) is not None:
            if not self._code:
                found = _match_first(line)
                if found is None:
                    raise FtpError("reply", "not a reply code")
                code, mark, text = found.groups()
                if not self._owed and int(code) != SERVICE_CLOSES:
                    raise FtpError("unasked", "a reply that answers no command")
                last = mark != b"-"
                if not last:
                    self._code = code
                self._lines.append(text or b"")
            else:
                code = self._code
                # A space must follow the code, but some servers end with the bare code.
                last = line[:3] == code and line[3:4] in (b" ", b"")
                self._lines.append(line[4:] if last else line)
            if last:
                return self._finish(int(code))
            if len(self._lines) >= self.limits.reply_lines:
                raise FtpError("lines", f"a reply of more than {self.limits.reply_lines} lines")
        return None

    def _finish(self, code: int) -> Reply:
        reply = Reply(code, tuple(self._lines))
        self._drop_lines()
        self._lines.clear()
        self._code = b""
        self._owed = reply.preliminary
        return reply

    def _read_eof(self) -> Reply | None:
        raise FtpError("closed", "the server closed the control connection")
