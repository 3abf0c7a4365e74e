"""JSON that comes while the daemon runs, read by models as the configuration is."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from .nodes import Entry, KeyPath, Mapping, Node, Place, Scalar, Sequence, Source
from .reading import Reader, read
from .section import Section
from .values.mistake import Mistake, MistakeError, show, wrong

__all__ = ["parse_json", "read_json"]

Model = TypeVar("Model", bound=Section)


def parse_json(text: str) -> Any:
    """What a text says (RFC 8259). Raises MistakeError, also for a name that comes twice in one object."""
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except MistakeError:
        raise
    except RecursionError:
        raise wrong("the data is nested too deeply") from None
    except ValueError as error:
        raise wrong(f"the data is not JSON: {error}") from None


def read_json(model: type[Model], data: object, label: str) -> Model:
    """The model of an object of JSON, or of one of the model's short forms.

    Raises MistakeError; ``label`` tells which object it is, and begins each message.
    """
    reader = Reader(label)
    try:
        found = read(model, _node(data, ()), reader)
    except RecursionError:
        raise wrong(f"{label}: nested too deeply") from None
    if found is None:
        raise MistakeError(*(Mistake(str(replace(problem, place=None))) for problem in reader.problems))
    return found


_NOWHERE = Place(Source(Path("JSON"), ""), 1, 1)


def _node(data: object, path: KeyPath) -> Node:
    if isinstance(data, dict):
        return Mapping(
            _NOWHERE, path, {key: Entry(_NOWHERE, _node(value, (*path, key))) for key, value in data.items()}
        )
    if isinstance(data, list):
        return Sequence(_NOWHERE, path, tuple(_node(item, (*path, index)) for index, item in enumerate(data)))
    assert data is None or isinstance(data, str | int | float | bool)  # noqa: S101 - there is nothing else in JSON
    return Scalar(_NOWHERE, path, data)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise wrong(f"the name {show(twice)} comes twice in one object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise wrong(f"{name} is not a value of JSON")
