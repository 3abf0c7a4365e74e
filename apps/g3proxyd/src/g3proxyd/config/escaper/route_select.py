"""The escaper that picks one of several by a policy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from g3_escape import MAX_NODES, PickPolicy

from ..keys import any_case, normalise
from ..module import NAME_SCHEMA, NameOf, TypeName
from ..nodes import Mapping, Node, Sequence
from ..values.mistake import Mistake, MistakeError, nearest, wrong
from ..values.text import parse_node_name
from ..values.upstream import Policy, parse_weight
from ..values.value import list_of
from .common import EscaperConfig

__all__ = ["RouteSelectConfig", "WeightedName"]

_KEYS = ("name", "weight")


@dataclass(frozen=True, slots=True)
class WeightedName:
    """One of several escapers."""

    name: str
    weight: float = 1.0
    """How much it gets beside the others; 0 is nothing, unless a request names it."""


def parse_weighted_name(data: object) -> WeightedName:
    """A name, or a map of `name` and `weight`."""
    if not isinstance(data, dict):
        return WeightedName(parse_node_name(data))
    name, weight = "", 1.0
    mistakes: list[Mistake] = []
    for written, value in data.items():
        key = normalise(str(written))
        try:
            if key == "name":
                name = parse_node_name(value)
            elif key == "weight":
                weight = parse_weight(value)
            else:
                raise wrong("unknown key", suggestion=nearest(key, _KEYS))
        except MistakeError as error:
            mistakes += error.under(written)
    if not name and not mistakes:
        mistakes.append(Mistake("the key 'name' is missing"))
    if mistakes:
        raise MistakeError(*mistakes)
    return WeightedName(name, weight)


_ONE: dict[str, Any] = {
    "anyOf": [
        NAME_SCHEMA,
        {
            "type": "object",
            "patternProperties": {
                f"^{any_case('name')}$": NAME_SCHEMA,
                f"^{any_case('weight')}$": {"type": ["number", "string"]},
            },
            "additionalProperties": False,
        },
    ]
}


class WeightedNames(NameOf):
    """Annotate a key with it: the name of an escaper, perhaps with a weight, or a list of such."""

    __slots__ = ()

    def __init__(self) -> None:
        schema = {"anyOf": [*_ONE["anyOf"], {"type": "array", "minItems": 1, "items": _ONE}]}
        super().__init__("escaper", "name of an escaper with a weight, or list of them", self._parse, schema)

    def names(self, value: Any) -> Iterable[str]:
        return (node.name for node in value)

    def places(self, node: Node) -> Iterable[Node]:
        for item in node.items if isinstance(node, Sequence) else (node,):
            if isinstance(item, Mapping):
                yield from (entry.value for key, entry in item.entries.items() if normalise(key) == "name")
            else:
                yield item

    def _parse(self, data: object) -> tuple[WeightedName, ...]:
        names = list_of(parse_weighted_name)(data)
        if not 0 < len(names) <= MAX_NODES:
            raise wrong(f"{len(names)} escapers", expected=f"1 to {MAX_NODES}")
        return names


class RouteSelectConfig(EscaperConfig):
    """Chooses the next escaper by the id in the request's path selection, or by a policy without one."""

    type: Annotated[Literal["route_select"], TypeName("route_select")] = "route_select"
    """What the object is."""
    next_nodes: Annotated[tuple[WeightedName, ...], WeightedNames()]
    """The escapers; one of weight 0 is for requests that name it."""
    next_pick_policy: Policy = PickPolicy.KETAMA
    """Which escaper a request gets. The consistent policies look at client, user name and target."""
