"""How much an FTP server may send of anything that is kept in memory."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one session; lengths are bytes with the line end."""

    line_length: int = 2048
    """One line of a reply: RFC 959 sets none, and a reply with a path of PATH_MAX on Linux has some 4,200 bytes."""
    reply_lines: int = 128
    """Lines of one reply: banners and help texts have some dozens."""
    entry_length: int = 2048
    """One line of a listing: a name has at most 255 bytes on most systems, a link names two."""
    entries: int = 1024
    """Lines of one listing."""


DEFAULT_LIMITS = Limits()
