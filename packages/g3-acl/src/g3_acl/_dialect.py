"""What Rust's regular expressions and RE2's write alike and mean differently, found before it can do harm.

Configurations are written for Rust's regex crate. RE2 is its model and reads nearly all of it in the same way, and what
it does not know at all it refuses by itself. A few things, though, it would take for something else without a word.
"""

import re

_ESCAPE = r"(?P<escape>\\(?:[pPx]\{[^}]*\}|b\{|.))"
_OUTSIDE = re.compile(_ESCAPE + r"|(?P<count>\{\d+(?:,\d*)?\})|(?P<brace>\{)|(?P<open>\[\^?\]?)", re.DOTALL)
_INSIDE = re.compile(
    _ESCAPE + r"|(?P<posix>\[:\^?[a-z]+:\])|(?P<nested>\[)|(?P<operator>&&|--|~~)|(?P<close>\])", re.DOTALL
)

_FAULTS = {
    "brace": "a brace that repeats nothing has to be written as \\{",
    "nested": "a class inside a class is not supported; a bracket has to be written as \\[",
    "operator": "operators between classes are not supported: &&, -- and ~~",
}
_ESCAPE_FAULTS = {
    "\\<": "\\< is not supported, \\b is",
    "\\>": "\\> is not supported, \\b is",
    "\\b{": "\\b{...} is not supported, \\b is",
    "\\C": "\\C is not part of the syntax",
    "\\Q": "\\Q is not part of the syntax",
    "\\E": "\\E is not part of the syntax",
}


def dialect_fault(pattern: str) -> str | None:
    """Return what is wrong with a pattern, for people, or None when Rust and RE2 read it alike.

    One difference remains: outside ASCII ``\\d``, ``\\s``, ``\\w`` and ``\\b`` know no letters here. Hosts are ASCII.
    """
    reader, at = _OUTSIDE, 0
    while found := reader.search(pattern, at):
        fault = _FAULTS.get(found.lastgroup or "") or _ESCAPE_FAULTS.get(found.group())
        if fault:
            return fault
        if found.lastgroup == "open":
            reader = _INSIDE
        elif found.lastgroup == "close":
            reader = _OUTSIDE
        at = found.end()
    return None
