"""Tags of metrics."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from .mistake import Mistake, MistakeError, show, wrong
from .text import parse_text
from .value import Value

__all__ = ["MetricsTags", "parse_metrics_tags"]


def parse_metrics_tags(data: object) -> dict[str, str]:
    """A map of tag names to tag values; both have the characters of object names, and a value may be empty."""
    expected = "a map of tag names to values of letters, digits and -_./"
    if not isinstance(data, dict):
        raise wrong(f"{show(data)} is not a map", expected=expected)
    tags: dict[str, str] = {}
    mistakes: list[Mistake] = []
    for name, value in data.items():
        try:
            text = parse_text(value)
        except MistakeError as error:
            mistakes += error.under(name)
            continue
        if not name or not _allowed(name) or not _allowed(text):
            mistakes.append(Mistake(f"{show(f'{name}={text}')} is not a tag", expected=expected, path=(name,)))
        tags[name] = text
    if mistakes:
        raise MistakeError(*mistakes)
    return tags


def _allowed(text: str) -> bool:
    return all(char.isalnum() or char in "-_./" for char in text)


MetricsTags: TypeAlias = Annotated[
    dict[str, str],
    Value(
        "metrics tags",
        parse_metrics_tags,
        {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
    ),
]
