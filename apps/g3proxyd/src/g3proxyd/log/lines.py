"""Records as lines: JSON for programs, fields for people.

Whatever a value holds, a record is one line, and a terminal shows it as text: a client must not be able to forge a
record, or to speak to an operator's terminal, by asking for a strange name.
"""

from typing import Any

import msgspec

from . import encode

_encoder = msgspec.json.Encoder(enc_hook=str)


def json_line(record: dict[str, Any], now: float) -> bytes:
    """The record, which is used up, as one line of JSON; ``now``, in seconds since 1970, becomes its ``report_ts``.

    A value that JSON does not know is shown by its str(), whose exceptions are raised.
    """
    for name in [name for name, value in record.items() if value is None]:
        del record[name]
    record["report_ts"] = int(now)
    try:
        line = _encoder.encode(record)
    except UnicodeEncodeError:
        line = _encoder.encode({name: _without_surrogates(value) for name, value in record.items()})
    if not line.isascii():
        line = escape(line.decode()).encode()
    return line + b"\n"


def text_line(record: dict[str, Any], now: float) -> bytes:
    """The record as one line for people: time, type, ``name=value`` and the message. Raises as `json_line` does."""
    parts = [encode.rfc3339(now), _word(record.get("log_type", "-"))]
    parts.extend(
        f"{name}={_word(value)}"
        for name, value in record.items()
        if value is not None and name not in {"log_type", "msg", "daemon_name", "pid"}
    )
    if message := record.get("msg"):
        parts.append(f"- {escape(str(message))}")
    return (" ".join(parts) + "\n").encode("utf-8", "backslashreplace")


def escape(text: str) -> str:
    r"""The text with everything that does not print as ``\u`` and four hexadecimal digits, as JSON has it."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    if char > "\uffff":
        pair = char.encode("utf-16-be")
        return f"\\u{pair[:2].hex()}\\u{pair[2:].hex()}"
    return f"\\u{ord(char):04x}"


def _word(value: object) -> str:
    """A value, in quotes unless it is clearly one word."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if text and text.isprintable() and not any(char in text for char in ' "=\\'):
        return text
    return '"' + escape(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def _without_surrogates(value: object) -> object:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
