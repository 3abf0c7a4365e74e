"""Field sections: which fields travel on, and which steer the message on this connection (RFC 9110 section 7.6.1)."""

import re
from collections.abc import Iterable

from ._errors import HttpError
from ._framing import Control
from ._pack import Field

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


def sort_fields(fields: list[Field], control_names: frozenset[bytes]) -> tuple[list[Field], Control]:
    """Part the fields that travel on from those that steer the message.

    The latter are keyed by lower-case name; values of repeated fields are joined with a comma, as RFC 9110
    section 5.3 allows, so that a second Content-Length or Host can never pass for one number or one host.
    """
    end_to_end: list[Field] = []
    keep = end_to_end.append
    control: Control = {}
    repeated: list[tuple[bytes, bytes]] = []
    for field in fields:
        name = field[0].lower()
        if name not in control_names:
            keep(field)
        elif name in control:
            repeated.append((name, field[1]))
        else:
            control[name] = field[1]
    if repeated:
        _join_repeated(control, repeated)
    return end_to_end, control


def drop_named(
    end_to_end: list[Field], control: Control, options: frozenset[bytes], error: type[HttpError]
) -> list[Field]:
    """Return the fields that Connection does not name.

    RFC 9110 section 7.6.1: intermediaries MUST remove the fields that Connection names. Whoever names a field that
    frames or routes the message, or stops loops, wants it read differently behind us: ``error``, reason
    ``connection``.
    """
    named = options - _HARMLESS_OPTIONS
    if not named:
        return end_to_end
    if named & _PROTECTED:
        raise error("connection", "Connection names a field that is not its to remove")
    if b"trailer" in named:
        control.pop(b"trailer", None)
    return [field for field in end_to_end if field[0].lower() not in named]


def field_value(fields: Iterable[Field], name: bytes) -> bytes | None:
    """Return the value of the first field with this lower-case name, or None."""
    for spelt, value in fields:
        if spelt.lower() == name:
            return value
    return None


def field_values(fields: Iterable[Field], name: bytes) -> list[bytes]:
    """Return the values of all fields with this lower-case name."""
    return [value for spelt, value in fields if spelt.lower() == name]


def _join_repeated(control: Control, repeated: list[tuple[bytes, bytes]]) -> None:
    lists: dict[bytes, list[bytes]] = {}
    for name, value in repeated:
        lists.setdefault(name, [control[name]]).append(value)
    for name, values in lists.items():
        control[name] = b", ".join(values)
