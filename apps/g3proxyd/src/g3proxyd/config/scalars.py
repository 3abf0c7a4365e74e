"""What an unquoted word in YAML means: the core schema of YAML 1.2.2 (section 10.3.2).

PyYAML follows YAML 1.1, where `22:22` is 1342, `010` is 8, `1_000` is a number and `on` a boolean; upstream's reader
follows 1.2, and operators do not expect the other. Infinity and not-a-number stay text: no key takes them.
"""

from __future__ import annotations

import re

from .nodes import Real

__all__ = ["resolve"]

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_PREFIXED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_REAL = re.compile(r"[+-]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_MAX_NUMBER_CHARS = 64  # no key takes a longer number, and turning digits into a number costs their square


def resolve(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar."""
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if len(text) > _MAX_NUMBER_CHARS or text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _PREFIXED.fullmatch(text):
        return int(text, 0)
    if _REAL.fullmatch(text):
        return Real(text)
    return text
