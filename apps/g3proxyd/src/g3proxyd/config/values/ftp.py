"""FTP towards the remote side, for requests that ask for an ftp URI."""

from __future__ import annotations

from typing import Annotated

from ..keys import Aliases
from ..section import Section
from .duration import Duration, format_duration
from .mistake import Mistake
from .numbers import Boolean, PositiveCount

__all__ = ["FtpClient", "FtpControl", "FtpTransfer"]

LINE_MIN = 16  # a reply code with its line end has six bytes; the shortest useful reply is not much longer
LIST_ALL_MAX = 300.0


def _too_short(key: str, size: int) -> list[Mistake]:
    return [Mistake(f"{size} is too small", expected=f"at least {LINE_MIN}", path=(key,))] if size < LINE_MIN else []


class FtpControl(Section):
    """The control connection."""

    max_line_len: Annotated[PositiveCount, Aliases("max_line_length")] = 2048
    """Bytes in a line of a reply; at least 16."""
    max_multi_lines: PositiveCount = 128
    """Lines in a reply."""
    command_timeout: Duration = 10.0
    """Time for the reply to a command."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        conflicts += _too_short("max_line_len", self.max_line_len)
        return {}


class FtpTransfer(Section):
    """Data connections."""

    list_max_line_len: Annotated[PositiveCount, Aliases("list_max_line_length")] = 2048
    """Bytes in a line of a listing; at least 16."""
    list_max_entries: PositiveCount = 1024
    """Lines in a listing; a longer one is cut off, and the client notices."""
    list_all_timeout: Duration = 120.0
    """Time for a whole listing; at most 5 minutes."""
    end_wait_timeout: Duration = 2.0
    """Time from the end of a download to the server's word that it was all."""

    def settle(self, conflicts: list[Mistake], notes: list[Mistake]) -> dict[str, object]:
        conflicts += _too_short("list_max_line_len", self.list_max_line_len)
        if self.list_all_timeout <= LIST_ALL_MAX:
            return {}
        message = f"{format_duration(self.list_all_timeout)} is too long: {format_duration(LIST_ALL_MAX)} is used"
        notes.append(Mistake(message, path=("list_all_timeout",)))
        return {"list_all_timeout": LIST_ALL_MAX}


class FtpClient(Section):
    """FTP towards the remote side."""

    control: FtpControl = FtpControl()
    """The control connection."""
    transfer: FtpTransfer = FtpTransfer()
    """Data connections."""
    connect_timeout: Duration = 30.0
    """Time to connect, for each of the two connections."""
    greeting_timeout: Duration = 10.0
    """Time for the server to say that it is ready."""
    always_try_epsv: Boolean = True
    """Ask for a data connection with EPSV even if the server does not say that it knows it."""
