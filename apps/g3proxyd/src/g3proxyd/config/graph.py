"""The objects of a configuration and what they use, drawn by Graphviz, Mermaid or PlantUML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from .config import Config
from .module import ModuleConfig, NameOf
from .section import Section
from .section_list import SectionList

__all__ = ["FORMATS", "bottom_up", "draw", "names", "uses"]

Node: TypeAlias = tuple[str, str]
"""Kind and name of an object."""


def draw(config: Config, form: str) -> str:
    """Draw the graph; `form` is one of FORMATS."""
    objects: dict[Node, ModuleConfig] = {
        (kind, name): model
        for kind, models in (("server", config.servers), ("escaper", config.escapers), ("resolver", config.resolvers))
        for name, model in models.items()
    }
    ids = {node: f"{node[0]}_{number}" for number, node in enumerate(objects)}
    return "\n".join(FORMATS[form](ids, objects)) + "\n"


def uses(model: Section) -> Iterator[Node]:
    """Kind and name of the objects that an object names, each once, those in the sections within it as well."""
    yield from dict.fromkeys(names(model))


def names(model: Section) -> Iterator[Node]:
    """The same in the order of the keys, as often as they are named."""
    for field, info in type(model).model_fields.items():
        value = getattr(model, field)
        for item in info.metadata:
            if isinstance(item, NameOf) and value is not None:
                yield from ((item.kind, name) for name in item.names(value))
            elif isinstance(item, SectionList):
                for section in value:
                    yield from names(section)


def bottom_up(objects: Mapping[str, ModuleConfig], kind: str) -> list[str]:
    """The names of the objects of one kind, each behind those that it leads to; there are no circles."""
    order: dict[str, None] = {}
    ahead = list(reversed(tuple(objects)))
    while ahead:
        missing = [name for to, name in uses(objects[ahead[-1]]) if to == kind and name not in order]
        if missing:
            ahead += missing
        else:
            order[ahead.pop()] = None
    return list(order)


def _kinds(ids: Mapping[Node, str]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """For each kind, the names and ids of its objects."""
    for kind in dict.fromkeys(kind for kind, _ in ids):
        yield kind, [(name, ids[kind, name]) for found, name in ids if found == kind]


def _edges(ids: Mapping[Node, str], objects: Mapping[Node, ModuleConfig]) -> Iterator[tuple[str, str, str]]:
    """Both ends of each use, and the kind of the object that is used."""
    for node, model in objects.items():
        for target in uses(model):
            yield ids[node], ids[target], target[0]


def _graphviz(ids: Mapping[Node, str], objects: Mapping[Node, ModuleConfig]) -> Iterator[str]:
    yield "digraph g3proxyd {"
    yield "  rankdir=LR; node [shape=box];"
    for kind, members in _kinds(ids):
        yield f'  subgraph cluster_{kind} {{ label="{kind}";'
        yield from (f'    {node} [label="{name}"];' for name, node in members)
        yield "  }"
    for source, target, kind in _edges(ids, objects):
        yield f"  {source} -> {target}{' [style=dotted]' if kind == 'resolver' else ''};"
    yield "}"


def _mermaid(ids: Mapping[Node, str], objects: Mapping[Node, ModuleConfig]) -> Iterator[str]:
    yield "flowchart LR"
    for kind, members in _kinds(ids):
        yield f"  subgraph {kind}"
        yield from (f'    {node}["{name}"]' for name, node in members)
        yield "  end"
    for source, target, kind in _edges(ids, objects):
        yield f"  {source} {'-.->' if kind == 'resolver' else '-->'} {target}"


def _plantuml(ids: Mapping[Node, str], objects: Mapping[Node, ModuleConfig]) -> Iterator[str]:
    yield "@startuml"
    yield "left to right direction"
    for kind, members in _kinds(ids):
        yield f'package "{kind}" {{'
        yield from (f'  component "{name}" as {node}' for name, node in members)
        yield "}"
    for source, target, kind in _edges(ids, objects):
        yield f"{source} {'..>' if kind == 'resolver' else '-->'} {target}"
    yield "@enduml"


FORMATS = {"graphviz": _graphviz, "mermaid": _mermaid, "plantuml": _plantuml}
"""The languages that graphs can be written in."""
