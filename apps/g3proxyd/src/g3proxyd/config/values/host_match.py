"""Something for each of several hosts: which of them a host gets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

from g3_acl import Host

from ..keys import any_case, normalise
from .acl import parse_domain, parse_host
from .mistake import Mistake, MistakeError, nearest, show, wrong
from .numbers import BOOLEAN_FORMS, parse_boolean
from .value import list_of

__all__ = ["HostMatch", "check_keys", "host_match_schema", "match_hosts", "parse_host_match"]

T = TypeVar("T")
U = TypeVar("U")

_KEYS = ("exact_match", "child_match", "set_default")


@dataclass(frozen=True, slots=True)
class HostMatch(Generic[T]):
    """What hosts get. Names are in the one spelling of `g3_acl.parse_host`."""

    exact: Mapping[Host, T]
    children: Mapping[str, T]
    """By parent domain; names below it and the domain itself get this."""
    default: T | None

    def map(self, make: Callable[[T], U]) -> HostMatch[U]:
        """The same hosts with what ``make`` makes, once, of each thing that hosts get."""
        things = [*self.exact.values(), *self.children.values(), *([] if self.default is None else [self.default])]
        made = {key: make(thing) for key, thing in {id(thing): thing for thing in things}.items()}
        return HostMatch(
            MappingProxyType({host: made[id(thing)] for host, thing in self.exact.items()}),
            MappingProxyType({domain: made[id(thing)] for domain, thing in self.children.items()}),
            None if self.default is None else made[id(self.default)],
        )

    def find(self, host: Host) -> T | None:
        """An exact match wins, then the longest parent domain, then the default."""
        found = self.exact.get(host)
        if found is None and self.children and isinstance(host, str):
            name = host
            while found is None and name:
                found = self.children.get(name)
                name = name.partition(".")[2]
        return self.default if found is None else found


def match_hosts(entries: Iterable[tuple[Iterable[Host], Iterable[str], bool, T]]) -> HostMatch[T]:
    """What is found by exact hosts, by domains, and by all others if so, of each entry. Raises MistakeError."""
    exact: dict[Host, T] = {}
    children: dict[str, T] = {}
    defaults: list[T] = []
    mistakes: list[Mistake] = []
    for hosts, domains, is_default, value in entries:
        for host in hosts:
            if host in exact:
                mistakes.append(Mistake(f"{host} is matched twice"))
            exact[host] = value
        for domain in domains:
            if domain in children:
                mistakes.append(Mistake(f"{domain} is matched twice"))
            children[domain] = value
        if is_default and defaults:
            mistakes.append(Mistake("there is a default already"))
        defaults += [value] * is_default
    if mistakes:
        raise MistakeError(*mistakes)
    return HostMatch(MappingProxyType(exact), MappingProxyType(children), defaults[0] if defaults else None)


def parse_host_match(parse: Callable[[dict[str, object]], T]) -> Callable[[object], HostMatch[T]]:
    """A parser of one map or a list of maps. ``parse`` makes of a map, without the keys for hosts, what they get."""

    def parse_all(data: object) -> HostMatch[T]:
        exact: dict[Host, T] = {}
        children: dict[str, T] = {}
        defaults: list[T] = []
        mistakes: list[Mistake] = []
        entries = list(enumerate(data)) if isinstance(data, list | tuple) else [(None, data)]
        for index, entry in entries:
            try:
                _add(entry, parse, exact, children, defaults)
            except MistakeError as error:
                mistakes += error.mistakes if index is None else error.under(index)
        if not entries:
            mistakes.append(Mistake("no host at all", "one map or a list of maps"))
        if mistakes:
            raise MistakeError(*mistakes)
        return HostMatch(MappingProxyType(exact), MappingProxyType(children), defaults[0] if defaults else None)

    return parse_all


def _add(
    data: object,
    parse: Callable[[dict[str, object]], T],
    exact: dict[Host, T],
    children: dict[str, T],
    defaults: list[T],
) -> None:
    """Read one map, and add what it says to what is known."""
    if not isinstance(data, dict):
        raise wrong(f"{show(data)} is not a map", expected="a map with exact_match, child_match or set_default")
    written = {normalise(str(key)): key for key in data}
    value = parse({str(key): each for key, each in data.items() if normalise(str(key)) not in _KEYS})
    mistakes: list[Mistake] = []
    for key, table, read in (("exact_match", exact, parse_host), ("child_match", children, parse_domain)):
        if key not in written:
            continue
        try:
            for host in list_of(read)(data[written[key]]):
                if host in table:
                    raise wrong(f"{host} is matched twice")
                table[host] = value
        except MistakeError as error:
            mistakes += error.under(written[key])
    is_default = not {"exact_match", "child_match"} & written.keys()
    if "set_default" in written:
        try:
            is_default = parse_boolean(data[written["set_default"]]) or is_default
        except MistakeError as error:
            mistakes += error.under(written["set_default"])
    if is_default and defaults:
        mistakes.append(Mistake("there is a default already"))
    if mistakes:
        raise MistakeError(*mistakes)
    if is_default:
        defaults.append(value)


def check_keys(data: Mapping[str, object], known: Mapping[str, Callable[[object], object]]) -> dict[str, object]:
    """The values of a map by their normalised keys, each read by its parser. Raises MistakeError."""
    found: dict[str, object] = {}
    mistakes: list[Mistake] = []
    for written, value in data.items():
        key = normalise(written)
        try:
            if key not in known:
                raise wrong("unknown key", suggestion=nearest(key, (*known, *_KEYS)))
            if key in found:
                raise wrong("given twice")
            found[key] = known[key](value)
        except MistakeError as error:
            mistakes += error.under(written)
    if mistakes:
        raise MistakeError(*mistakes)
    return found


def host_match_schema(keys: Mapping[str, object]) -> dict[str, object]:
    """The JSON Schema of one map or a list of maps; ``keys`` has the schemas of the object's own keys."""
    hosts = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    own = {f"^{any_case(key)}$": schema for key, schema in keys.items()}
    matches = {f"^{any_case(key)}$": hosts for key in ("exact_match", "child_match")}
    default = {f"^{any_case('set_default')}$": {"anyOf": BOOLEAN_FORMS}}
    one = {"type": "object", "patternProperties": {**own, **matches, **default}, "additionalProperties": False}
    return {"anyOf": [one, {"type": "array", "minItems": 1, "items": one}]}
