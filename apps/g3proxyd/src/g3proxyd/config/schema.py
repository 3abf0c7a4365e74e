"""The JSON Schema of the main file, for editors: generated from the models.

It describes what the loader accepts, with two differences: it wants `name` and `type` of objects, and other keys that
are required, in lower case as documented, where the loader takes any case; and it cannot follow paths and names to what
they stand for.
"""

from __future__ import annotations

from inspect import getdoc
from typing import Any, TypeAlias

from pydantic.fields import FieldInfo

from .controller import ControllerConfig
from .keys import any_case
from .kinds import KINDS, type_name
from .later import LATER_SECTIONS
from .log import LogConfig
from .module import ModuleConfig
from .runtime import RuntimeConfig
from .section import Key, Section, keys_of, value_of
from .section_choice import SectionChoice
from .section_list import SectionList
from .values.value import Value
from .worker import WorkerConfig

__all__ = ["main_file_schema"]

Schema: TypeAlias = dict[str, Any]

_EMPTY: Schema = {"anyOf": [{"type": "null"}, {"type": ["object", "array"], "maxProperties": 0, "maxItems": 0}]}


def main_file_schema() -> Schema:
    """The schema of a main file (JSON Schema 2020-12)."""
    definitions: dict[str, Schema] = {}
    maps: dict[str, type[Section]] = {
        "runtime": RuntimeConfig,
        "worker": WorkerConfig,
        "log": LogConfig,
        "controller": ControllerConfig,
    }
    sections: dict[str, Schema] = {
        name: {"description": getdoc(model), "anyOf": [{"type": "null"}, _reference(model, definitions)]}
        for name, model in maps.items()
    }
    sections |= {kind: _objects(kind, models, definitions) for kind, models in KINDS.items()}
    for name, reason in LATER_SECTIONS.items():
        sections[name] = _EMPTY | {"description": f"Not supported yet: {reason}."}
    sections["user"] = sections["user_group"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "g3proxyd",
        "description": "The main configuration file of g3proxyd.",
        "type": ["object", "null"],
        "properties": sections,
        "patternProperties": {f"^{any_case(name)}$": {"$ref": f"#/properties/{name}"} for name in sections},
        "additionalProperties": False,
        "$defs": definitions,
    }


def _objects(kind: str, models: tuple[type[ModuleConfig], ...], definitions: dict[str, Schema]) -> Schema:
    """A list of objects, in the file or in others."""
    types = [type_name(model) for model in models]
    thing: Schema = {
        "type": "object",
        "required": ["name", "type"],
        "properties": {
            "type": {"anyOf": [{"enum": [name.names[0] for name in types]}, *(_value(name) for name in types)]}
        },
        "allOf": [
            {"if": {"properties": {"type": _value(name)}}, "then": _reference(model, definitions)}
            for model, name in zip(models, types, strict=True)
        ],
    }
    path = {"type": "string", "minLength": 1, "description": f"A file with one {kind} per document, or a directory."}
    return {
        "description": f"The {kind}s: maps, and paths of files and directories that hold them.",
        "anyOf": [{"type": "null"}, path, {"type": "array", "items": {"anyOf": [path, thing]}}],
    }


def _reference(model: type[Section], definitions: dict[str, Schema]) -> Schema:
    """A reference to the schema of a section, which is put among the definitions."""
    name = model.__name__
    if name not in definitions:
        definitions[name] = {}
        definitions[name] = _section(model, definitions)
    return {"$ref": f"#/$defs/{name}"}


def _section(model: type[Section], definitions: dict[str, Schema]) -> Schema:
    """A map with its keys in all their spellings, and the short forms beside it."""
    place = f"#/$defs/{model.__name__}{'/then' if model.short_schema else ''}/properties"
    schema: Schema = {"description": getdoc(model), "type": "object", "additionalProperties": False}
    properties: dict[str, Schema] = {}
    patterns: dict[str, Schema] = {}
    for key in keys_of(model):
        properties[key.name] = _key(key, model.model_fields[key.field], definitions)
        for alias in key.aliases:
            properties[alias] = {"$ref": f"{place}/{key.name}"}
        for name in (key.name, *key.aliases):
            patterns[f"^{any_case(name)}$"] = {"$ref": f"{place}/{key.name}"}
    schema |= {"properties": properties, "patternProperties": patterns}
    required = [key for key in keys_of(model) if model.model_fields[key.field].is_required() and not key.deprecated]
    if required:
        schema["allOf"] = [{"anyOf": [{"required": [name]} for name in (key.name, *key.aliases)]} for key in required]
    if model.short_schema:
        return {"anyOf": [dict(model.short_schema), {"type": "object"}], "if": {"type": "object"}, "then": schema}
    return schema


def _key(key: Key, info: FieldInfo, definitions: dict[str, Schema]) -> Schema:
    if key.not_yet:
        return {"description": f"Not supported yet: {key.not_yet}.", "not": {}}
    value = value_of(info)
    if isinstance(value, type):
        schema = _reference(value, definitions)
    elif isinstance(value, SectionList):
        one = _reference(value.section, definitions)
        schema = {"anyOf": [one, {"type": "array", "items": one, "minItems": value.least}]}
    elif isinstance(value, SectionChoice):
        models = (_reference(model, definitions) for model in value.sections.values())
        schema = {"anyOf": [*models, *value.short_schemas]}
    else:
        schema = _value(value) if value is not None else {}
    notes = [info.description or ""]
    if key.deprecated:
        notes.append(f"Deprecated: use {key.field}.")
    if key.no_effect:
        notes.append(f"No effect here: {key.no_effect}.")
    if not info.is_required() and info.default is not None and value is not None and not isinstance(value, type):
        notes.append(f"Default: {value.display(info.default)}.")
    return schema | {"description": " ".join(notes)} | ({"deprecated": True} if key.deprecated else {})


def _value(value: Value) -> Schema:
    return {"title": value.name, **value.schema}
