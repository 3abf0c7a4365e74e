"""The reference pages of the documentation, generated from the models.

`python -m g3proxyd.config.reference > docs/configuration-reference.md` writes them anew; a test checks that they are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import getdoc

from pydantic.fields import FieldInfo

from .controller import LocalController
from .escaper.route_geoip import GeoRuleConfig
from .kinds import type_name
from .later import LATER_SECTIONS
from .listing import all_sections
from .log import LoggerConfig
from .log_drivers import FluentdConfig, SyslogConfig
from .module import ModuleConfig
from .section import Key, Section, keys_of, value_of
from .section_list import SectionList
from .server.http_rproxy import HttpRproxyHost
from .values.username_params import UsernameParams
from .values.value import Value

__all__ = ["reference"]

_INTRODUCTION = """\
# Configuration reference

Every key of every object, generated from the program's own models. How files are found and read, and how the values in
the column *Value* are written, is explained in [Configuration](configuration.md).

Keys may be written in any case and with `-` for `_`. Keys marked *not supported yet* are refused by name; keys marked
*no effect* are accepted with a warning.
"""


def reference() -> str:
    """The page, as Markdown."""
    return "\n".join(_page())


def _page() -> Iterator[str]:
    yield _INTRODUCTION
    sections = all_sections()
    maps: dict[str, type[Section]] = {}
    for name, section in sections.items():
        if section in (SyslogConfig, FluentdConfig):
            continue
        yield from _section(_title(name, section), section, maps)
    yield "## Sections and types that are not supported yet\n"
    for name, reason in LATER_SECTIONS.items():
        yield f"- `{name}`: {reason}."
    for name in ("log.driver_syslog", "log.driver_fluentd"):
        keys = ", ".join(f"`{key.name}`" for key in keys_of(sections[name]))
        yield f"- keys of the log driver `{name.removeprefix('log.driver_')}`: {keys}."
    yield "\n## Maps that are values of keys\n"
    done: set[type[Section]] = set()
    while waiting := [section for section in maps.values() if section not in done]:
        for section in waiting:
            done.add(section)
            if section not in sections.values():
                yield from _section(section.__name__, section, maps, level=3)


def _title(name: str, section: type[Section]) -> str:
    top, _, part = name.partition(".")
    if issubclass(section, ModuleConfig):
        return f"{top}: {part}"
    # Keys lead to them by these names.
    if section in (LoggerConfig, LocalController, GeoRuleConfig, HttpRproxyHost, UsernameParams):
        return section.__name__
    return top if part in (top, "root") else f"{top}: {part}"


def _section(title: str, section: type[Section], maps: dict[str, type[Section]], level: int = 2) -> Iterator[str]:
    yield f"{'#' * level} {title}\n"
    yield f"{getdoc(section)}\n"
    if issubclass(section, ModuleConfig):
        others = type_name(section).names[1:]
        if others:
            yield f"Other names of the type: {', '.join(f'`{name}`' for name in others)}.\n"
    if section.short_forms:
        yield f"Instead of a map: {section.short_forms}.\n"
    yield "| Key | Value | Default | Meaning |"
    yield "| --- | --- | --- | --- |"
    for key in keys_of(section):
        info = section.model_fields[key.field]
        value = value_of(info)
        inner = value.section if isinstance(value, SectionList) else value
        if isinstance(inner, type):
            maps.setdefault(inner.__name__, inner)
        cells = (_names(key), _value(value), _default(key, info, value), _meaning(key, info))
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""


def _names(key: Key) -> str:
    return "<br>".join(f"`{name}`" for name in (key.name, *key.aliases))


def _value(value: Value | type[Section] | None) -> str:
    if value is None:
        return ""
    if isinstance(value, type):
        return f"[{value.__name__}](#{value.__name__.lower()})"
    return value.name


def _default(key: Key, info: FieldInfo, value: Value | type[Section] | None) -> str:
    if info.is_required():
        return "required"
    if key.deprecated or not isinstance(value, Value) or info.default is None or info.default_factory is not None:
        return ""
    text = value.display(info.default)
    return f"`{text}`" if text and info.default != () else ""


def _meaning(key: Key, info: FieldInfo) -> str:
    if key.deprecated:
        text = f"Deprecated: use `{key.field}`."
    else:
        text = " ".join((info.description or "").split())
    if key.not_yet:
        text += f" *Not supported yet: {key.not_yet}.*"
    if key.no_effect:
        text += f" *No effect: {key.no_effect}.*"
    return text


if __name__ == "__main__":
    sys.stdout.write(reference())
