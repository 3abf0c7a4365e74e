"""Listings of directories: their lines, and what the lines say (RFC 959 LIST, RFC 3659 section 7)."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from ._errors import FtpError
from ._facts import parse_time
from ._limits import DEFAULT_LIMITS, Limits
from ._lines import LineMachine


class Kind(Enum):
    """What an entry of a directory is."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a directory."""

    name: bytes
    kind: Kind
    size: int | None = None
    """Bytes, of a file; None where the server does not say."""
    modified: datetime | None = None
    """In UTC; only MLSD tells it in a form that means the same everywhere."""
    target: bytes | None = None
    """What a link stands for, where the server says so."""


class ListingReader(LineMachine[bytes]):
    """Yields the lines of a listing without their line ends; None after ``receive_eof`` is its end."""

    __slots__ = ("_count", "limits")

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(ListingReader._read_line)
        self.limits = limits
        self._count = 0

    def _read_line(self) -> bytes | None:
        line = self._next_line(self.limits.entry_length)
        return None if line is None else self._counted(line)

    def _read_eof(self) -> bytes | None:
        """The last line may lack its end."""
        if not self._inbox:
            return None
        self._start = self._searched = len(self._inbox)
        return self._counted(bytes(self._inbox))

    def _counted(self, line: bytes) -> bytes:
        self._drop_lines()
        self._count += 1
        if self._count > self.limits.entries:
            raise FtpError("entries", f"a listing of more than {self.limits.entries} entries")
        return line


_KINDS = {b"-": Kind.FILE, b"d": Kind.DIRECTORY, b"l": Kind.LINK}
_MLSX_KINDS = {b"file": Kind.FILE, b"dir": Kind.DIRECTORY, b"cdir": Kind.DIRECTORY, b"pdir": Kind.DIRECTORY}
_match_unix = re.compile(
    rb"([-bcdlps])[-rwxsStTlL]{9}[+.@]? +[0-9]+ +[^ ]+ +[^ ]+ +(?:([0-9]{1,19})|[0-9]+, *[0-9]+)"
    rb" +[A-Za-z]{3} +[0-9]{1,2} +(?:[0-9]{4}|[0-9]{1,2}:[0-9]{2}) ([^\x00]+)"
).fullmatch
_match_dos = re.compile(
    rb"[0-9]{2}-[0-9]{2}-(?:[0-9]{2}|[0-9]{4}) +[0-9]{2}:[0-9]{2}(?:[AaPp][Mm])?"
    rb" +(?:<[A-Z]+>|([0-9]{1,19})) +([^\x00]+)"
).fullmatch
_match_size = re.compile(rb"[0-9]{1,19}+").fullmatch


def parse_list_line(line: bytes) -> Entry | None:
    """Read a line of LIST as servers on Unix and on Windows write it; None for any other, as ``total 12``.

    No standard says how such a line looks (RFC 959 section 4.1.3: for people); MLSD is for programs.
    """
    found = _match_unix(line)
    if found is not None:
        letter, size, name = found.groups()
        kind = _KINDS.get(letter, Kind.OTHER)
        target = None
        if kind is Kind.LINK:
            name, arrow, rest = name.partition(b" -> ")
            target = rest if arrow else None
        return Entry(name, kind, int(size) if size and kind is Kind.FILE else None, target=target)
    found = _match_dos(line)
    if found is None:
        return None
    size, name = found.groups()
    return Entry(name, Kind.FILE if size else Kind.DIRECTORY, int(size) if size else None)


def parse_facts_line(line: bytes) -> Entry | None:
    """Read a line of MLSD, or the middle one of MLST: ``type=file;size=12; name`` (RFC 3659 section 7.2).

    None for what is no such line. Facts that are unknown or wrong are left out.
    """
    facts, space, name = line.lstrip(b" ").partition(b" ")
    if not space or not name or (facts and not facts.endswith(b";")):
        return None
    values = {}
    for fact in facts.split(b";"):
        key, _, value = fact.partition(b"=")
        values[key.lower()] = value
    kind_name = values.get(b"type", b"").lower()
    kind = _MLSX_KINDS.get(kind_name, Kind.LINK if kind_name.startswith(b"os.unix=sl") else Kind.OTHER)
    size = values.get(b"size", b"")
    return Entry(
        name,
        kind,
        int(size) if _match_size(size) and kind is Kind.FILE else None,
        parse_time(values.get(b"modify", b"")),
    )
