"""Commands as bytes (RFC 959 section 4.1)."""

import re

from g3_machine import LocalProtocolError

MAX_COMMAND_LENGTH = 8192
"""Bytes of one command: PATH_MAX of Linux twice; most servers take less and say so."""

_is_verb = re.compile(rb"[A-Za-z]{3,4}+").fullmatch
_has_control = re.compile(rb"[\x00\r\n]").search


def pack_command(verb: bytes, argument: bytes | None = None) -> bytes:
    """Return a command line.

    A byte 255 of the argument is doubled, because the control connection is a Telnet stream (RFC 959 section 5.3).
    Raises LocalProtocolError, whose text never repeats the argument, for what is no verb, for an argument that would
    end the line, and for a command of more than `MAX_COMMAND_LENGTH` bytes.
    """
    if not _is_verb(verb):
        raise LocalProtocolError("a verb that is not three or four letters")
    if argument is None:
        return verb.upper() + b"\r\n"
    if _has_control(argument):
        raise LocalProtocolError("an argument that would end the command")
    line = b"%b %b\r\n" % (verb.upper(), argument.replace(b"\xff", b"\xff\xff"))
    if len(line) > MAX_COMMAND_LENGTH:
        raise LocalProtocolError("a command that is too long")
    return line
