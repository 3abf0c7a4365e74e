"""Rules that lead to a next escaper: `exact_match`, `subnet_match` and their like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from ..keys import any_case, normalise
from ..module import NAME_SCHEMA, NameOf
from ..nodes import Mapping as MappingNode
from ..nodes import Node, Scalar, Sequence
from ..values.mistake import Mistake, MistakeError, nearest, show, wrong
from ..values.text import parse_node_name

__all__ = ["NextRules"]

_NEXT = ("next", "escaper")

Rules: TypeAlias = dict[Any, str]
"""The name of the next escaper for each of the things that lead there, in the order in which they were given."""


class NextRules(NameOf):
    """Annotate a key with it: a list of maps with `next` and things that lead there, or one map from names to such.

    Nothing may lead to two escapers.
    """

    __slots__ = ("_keys", "_parse_items")

    def __init__(
        self, keys: tuple[str, ...], parse_items: Callable[[Any], Iterable[object]], schema: Mapping[str, object]
    ) -> None:
        """``keys`` are the names of the key that holds the things, the first the common one.

        ``parse_items`` reads one thing or a list of them; ``schema`` is that of one.
        """
        self._keys = keys
        self._parse_items = parse_items
        items = {"anyOf": [schema, {"type": "array", "items": schema}]}
        names = {f"^{any_case(key)}$": NAME_SCHEMA for key in _NEXT}
        rule = {
            "type": "object",
            "patternProperties": {**names, **{f"^{any_case(key)}$": items for key in keys}},
            "additionalProperties": False,
        }
        by_name = {"type": "object", "propertyNames": {"minLength": 1}, "additionalProperties": items}
        super().__init__(
            "escaper",
            f"list of maps of `next` and `{keys[0]}`, or map from `next` to `{keys[0]}`",
            self._parse,
            {"anyOf": [{"type": "array", "items": rule}, by_name]},
            lambda _: "",
        )

    def names(self, value: Rules) -> Iterable[str]:
        return value.values()

    def places(self, node: Node) -> Iterable[Node]:
        if isinstance(node, MappingNode):
            return [Scalar(entry.place, (*node.path, name), name) for name, entry in node.entries.items()]
        rules = node.items if isinstance(node, Sequence) else ()
        return [
            entry.value
            for rule in rules
            if isinstance(rule, MappingNode)
            for key, entry in rule.entries.items()
            if normalise(key) in _NEXT
        ]

    def _parse(self, data: object) -> Rules:
        if not isinstance(data, dict | list | tuple):
            raise wrong(f"{show(data)} is not a list of rules", expected=f"maps of next and {self._keys[0]}")
        found: Rules = {}
        mistakes: list[Mistake] = []
        for place, rule in data.items() if isinstance(data, dict) else enumerate(data):
            try:
                by_name = isinstance(data, dict)
                name, items = (parse_node_name(place), self._parse_items(rule)) if by_name else self._rule(rule)
                for item in items:
                    if found.setdefault(item, name) != name:
                        raise wrong(f"{_told(item)} leads to {found[item]!r} already")
            except MistakeError as error:
                mistakes += error.under(place)
        if mistakes:
            raise MistakeError(*mistakes)
        return found

    def _rule(self, data: object) -> tuple[str, Iterable[object]]:
        if not isinstance(data, dict):
            raise wrong(f"{show(data)} is not a map", expected=f"a map of next and {self._keys[0]}")
        name = ""
        items: Iterable[object] = ()
        seen: set[str] = set()
        mistakes: list[Mistake] = []
        for written, value in data.items():
            key = self._meant(str(written))
            try:
                if key in seen:
                    raise wrong("given twice")
                seen.add(key)
                if key == "next":
                    name = parse_node_name(value)
                elif key:
                    items = tuple(self._parse_items(value))
                else:
                    known = (*_NEXT, *self._keys)
                    raise wrong("unknown key", suggestion=nearest(normalise(str(written)), known))
            except MistakeError as error:
                mistakes += error.under(written)
        if "next" not in seen:
            mistakes.append(Mistake("the key 'next' is missing"))
        if mistakes:
            raise MistakeError(*mistakes)
        return name, items

    def _meant(self, written: str) -> str:
        """The first name of a key; empty for one that is not known."""
        key = normalise(written)
        return "next" if key in _NEXT else self._keys[0] if key in self._keys else ""


def _told(item: object) -> str:
    """A thing in a message; a pattern has its parent behind it."""
    if isinstance(item, tuple):
        parent, pattern = item
        return show(pattern) + (f" below {parent}" if parent else "")
    return show(str(item))
