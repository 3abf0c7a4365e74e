"""Field sections: which fields travel on, and which steer the message on this connection (RFC 9110 section 7.6.1)."""

import re
from collections.abc import Callable, Collection, Iterable

from ._errors import HttpError
from ._framing import Control
from ._pack import Field

Block = bytes
"""Field lines in one spelling: an LF, then each as ``Name: value`` or ``Name:`` with CRLF. So each line stands between
two LFs, and is cut out together with the first of them and its CR.

Most fields of a message only travel through. To keep their lines together costs a third of making objects of them.
"""

Split = Callable[[Block], list[bytes]]

HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"http2-settings",  # RFC 9113 section 3.2.1: for an upgrade to h2c, which no proxy passes on
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
"""Fields that mean this connection alone, in requests and responses."""

REQUEST_CONTROL = HOP_BY_HOP | {b"content-length", b"expect", b"host"}
RESPONSE_CONTROL = HOP_BY_HOP | {b"content-length"}

FORWARDED_FIELDS = frozenset((b"forwarded", b"x-forwarded-for"))
"""What tells the client's address; for the ``drop`` argument of `forward_request`."""

_HARMLESS_OPTIONS = frozenset((b"close", b"keep-alive", b"te", b"transfer-encoding", b"upgrade"))
_PROTECTED = frozenset((b"content-length", b"expect", b"host", b"max-forwards", b"via"))

split_fields = re.compile(rb"([^:]++):[ \t]*+([^\r]*+)\r\n").findall
"""Splits field lines whose grammar has been checked; whitespace stays at the end of values."""

split_block = re.compile(rb"\n([^:\n]++): ?+([^\r]*+)\r").findall
"""Splits a block into its fields."""


def _any_case(names: Iterable[bytes]) -> bytes:
    """A pattern for these names in any case: a tree of their letters, so that most other names fail at their first.

    No name is the beginning of another.
    """
    tails: dict[int, list[bytes]] = {}
    for name in filter(None, sorted(names)):
        tails.setdefault(name[0], []).append(name[1:])
    branches = [_any_letter(first) + _any_case(rest) for first, rest in tails.items()]
    return b"(?:%b)" % b"|".join(branches)


def _any_letter(letter: int) -> bytes:
    upper, lower = bytes((letter,)).upper(), bytes((letter,)).lower()
    return re.escape(lower) if upper == lower else b"[%b%b]" % (upper, lower)


def _splitter(names: frozenset[bytes]) -> Split:
    return re.compile(rb"\n(" + _any_case(names) + rb"): ?+([^\r]*+)\r").split


split_request = _splitter(REQUEST_CONTROL)
split_response = _splitter(RESPONSE_CONTROL)
"""For `sort_fields`: cuts a block at the fields that steer the message."""


def pack_block(fields: Iterable[Field]) -> Block:
    """Return fields that have been checked as a block."""
    return b"\n" + b"".join([b"%b: %b\r\n" % field if field[1] else b"%b:\r\n" % field[0] for field in fields])


class Fields:
    """The fields of a head, one by one for those who look at them."""

    __slots__ = ()

    block: Block
    end_to_end_block: Block

    @property
    def fields(self) -> list[Field]:
        """All fields in their order and spelling, as received."""
        return split_block(self.block)

    @property
    def end_to_end(self) -> list[Field]:
        """The fields that travel on: all but those in ``control`` and those that Connection names."""
        return split_block(self.end_to_end_block)

    def remove(self, names: Collection[bytes]) -> None:
        """Let the fields of these lower-case names travel no further."""
        self.end_to_end_block = without(self.end_to_end_block, names)  # type: ignore[misc]  # a slot of the heads


def sort_fields(block: Block, split: Split) -> tuple[Block, Control]:
    """Part the fields that travel on from those that steer the message.

    The latter are keyed by lower-case name; values of repeated fields are joined with a comma, as RFC 9110
    section 5.3 allows, so that a second Content-Length or Host can never pass for one number or one host.
    """
    parts = split(block)  # lines that travel on, a name, its value, lines, a name, ...
    if len(parts) == 1:
        return block, {}
    if len(parts) == 4:
        return parts[0] + parts[3], {parts[1].lower(): parts[2]}
    control: Control = {}
    for name, value in zip(parts[1::3], parts[2::3], strict=True):
        lower = name.lower()
        control[lower] = control[lower] + b", " + value if lower in control else value
    return b"".join(parts[::3]), control


def drop_named(block: Block, control: Control, options: frozenset[bytes], error: type[HttpError]) -> Block:
    """Return the fields that Connection does not name.

    RFC 9110 section 7.6.1: intermediaries MUST remove the fields that Connection names. Whoever names a field that
    frames or routes the message, or stops loops, wants it read differently behind us: ``error``, reason
    ``connection``.
    """
    named = options - _HARMLESS_OPTIONS
    if not named:
        return block
    if named & _PROTECTED:
        raise error("connection", "Connection names a field that is not its to remove")
    if b"trailer" in named:
        control.pop(b"trailer", None)
    return without(block, named)


def without(block: Block, names: Collection[bytes]) -> Block:
    """Return the block without the fields of these lower-case names."""
    return pack_block(field for field in split_block(block) if field[0].lower() not in names)


def field_value(fields: Iterable[Field], name: bytes) -> bytes | None:
    """Return the value of the first field with this lower-case name, or None."""
    for spelt, value in fields:
        if spelt.lower() == name:
            return value
    return None


def field_values(fields: Iterable[Field], name: bytes) -> list[bytes]:
    """Return the values of all fields with this lower-case name."""
    return [value for spelt, value in fields if spelt.lower() == name]
