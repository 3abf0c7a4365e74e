"""The pieces of RFC 9110 and RFC 9112 grammar that several modules share, as patterns over bytes.

Each repetition is possessive: a pattern that fails, fails without trying the input twice.
"""

import re

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
"""RFC 9110 section 5.6.2."""

FIELD_VALUE = rb"[\t\x20-\x7e\x80-\xff]*+"
"""RFC 9110 section 5.5 with the whitespace around it; no control character but HTAB."""

FIELD_LINE = TOKEN + rb":" + FIELD_VALUE + rb"\r\n"
"""RFC 9112 section 5: nothing stands between the name and its colon, and no line continues another."""

TIDY_FIELD_LINE = TOKEN + rb": [\x21-\x7e\x80-\xff]" + FIELD_VALUE + rb"(?<![ \t])\r\n"
"""A field line with a value, and one space around it: the usual case, which travels on as it is."""

QUOTED_STRING = rb'"(?>(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]++|\\[\t\x20-\x7e\x80-\xff])*)"'
"""RFC 9110 section 5.6.4."""

is_token = re.compile(TOKEN).fullmatch
is_field_value = re.compile(FIELD_VALUE).fullmatch

_sub_percent = re.compile(rb"%([0-9A-Fa-f]{2})").sub


def percent_decode(text: bytes) -> bytes:
    """Put the bytes in that percent-encoding stands for (RFC 3986 section 2.1); a lone ``%`` stays."""
    return _sub_percent(lambda found: bytes((int(found[1], 16),)), text)
