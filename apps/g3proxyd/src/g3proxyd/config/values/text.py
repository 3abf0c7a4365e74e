"""Text and names."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from ..nodes import Real
from .mistake import show, wrong
from .value import Value, list_of

__all__ = [
    "AsciiText",
    "HeaderName",
    "NodeName",
    "ServerId",
    "Text",
    "TextList",
    "parse_ascii",
    "parse_header_name",
    "parse_node_name",
    "parse_server_id",
    "parse_text",
]


_is_token = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch


def parse_text(data: object) -> str:
    """Text; a number is taken as text, a real number in the way it was written."""
    if isinstance(data, str):
        return data
    if isinstance(data, Real):
        return data.text
    if isinstance(data, int | float) and not isinstance(data, bool):
        return str(data)
    raise wrong(f"{show(data)} is not text", expected="text")


def parse_ascii(data: object) -> str:
    """Text of ASCII characters without control characters."""
    text = parse_text(data)
    if not text.isascii() or not text.isprintable():
        raise wrong(f"{show(text)} has other than printable ASCII characters", expected="ASCII text")
    return text


def parse_node_name(data: object) -> str:
    """The name of an object: not empty, of letters and digits of any script and the four characters `-_./`."""
    expected = "a name of letters, digits and -_./"
    if not isinstance(data, str):
        quotes = isinstance(data, int | float) and not isinstance(data, bool)
        raise wrong(f"{show(data)} is not a name", expected=f"{expected}, in quotes" if quotes else expected)
    if not data:
        raise wrong("the name is empty", expected=expected)
    strange = next((char for char in data if not char.isalnum() and char not in "-_./"), None)
    if strange is not None:
        raise wrong(f"{show(strange)} cannot be part of a name", expected=expected)
    return data


def parse_header_name(data: object) -> str:
    """The name of a header field: a token (RFC 9110 section 5.1), in lower case."""
    text = parse_ascii(data)
    if not _is_token(text):
        raise wrong(f"{show(text)} cannot be the name of a header", expected="letters, digits and -_")
    return text.lower()


def parse_server_id(data: object) -> str:
    """The name of a server in headers: printable ASCII without what separates parts of a value; spaces around it go."""
    text = parse_ascii(data).strip()
    strange = next((char for char in text if char in ";,"), None)
    if strange is not None:
        raise wrong(f"{show(strange)} separates parts of a header", expected="ASCII text without , and ;")
    if not text:
        raise wrong("the server id is empty", expected="ASCII text without , and ;")
    return text


Text: TypeAlias = Annotated[str, Value("text", parse_text, {"type": ["string", "number"]})]
TextList: TypeAlias = Annotated[
    tuple[str, ...],
    Value("text, or list of it", list_of(parse_text), {"type": ["string", "number", "array"]}, display=", ".join),
]
AsciiText: TypeAlias = Annotated[
    str, Value("ASCII text", parse_ascii, {"anyOf": [{"type": "number"}, {"type": "string", "pattern": "^[ -~]*$"}]})
]
HeaderName: TypeAlias = Annotated[
    str,
    Value(
        "header name",
        parse_header_name,
        {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$"}]},
    ),
]
ServerId: TypeAlias = Annotated[
    str,
    Value(
        "server id",
        parse_server_id,
        {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^[ -+\--:<-~]*[!-+\--:<-~][ -+\--:<-~]*$"}]},
    ),
]
NodeName: TypeAlias = Annotated[str, Value("name", parse_node_name, {"type": "string", "minLength": 1})]
