"""Regular expressions that every Python from our floor on matches in the same way.

Before Python 3.11.5 a possessive quantifier behind a group, as in ``(?:ab*)*+``, could take a part of what the group
matched and drop the rest (cpython#106052): a head would be read as one that it is not. Debian 12 has 3.11.2. Behind a
single character or set (``[a-z]++``) they are sound, and so are atomic groups (``(?>...)``).
"""

import ast
import re
from pathlib import Path

import pytest

from tools.workspace import ROOT, members

POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:[*+?]|\{[0-9,]*\})\+")
SET = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
SOURCES = [path for member in members() for path in sorted(member.source.rglob("*.py"))]


def possessive_groups(path: Path) -> list[str]:
    """The places of possessive quantifiers behind groups, in any text or bytes."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            found += [f"{path.relative_to(ROOT)}:{node.lineno}: {text}"] * has_possessive_group(text)
    return found


def has_possessive_group(text: str) -> bool:
    return POSSESSIVE_GROUP.search(SET.sub("[]", text)) is not None


def test_no_possessive_quantifier_behind_a_group() -> None:
    assert [place for path in SOURCES for place in possessive_groups(path)] == []


@pytest.mark.parametrize("pattern", [r"(?:a)*+", r"(a)++", r"(?:[)]b)?+", r"(?:a|b){1,3}+", r"((?:a)*+)b"])
def test_the_search_finds(pattern: str) -> None:
    assert has_possessive_group(pattern)


@pytest.mark.parametrize("pattern", [r"[a-z]++", r"a*+", r"(?>a*)b", r"(?:a)+b", r"\)++", r"[()*+]", r"[])*+]"])
def test_the_search_leaves_alone(pattern: str) -> None:
    assert not has_possessive_group(pattern)
