"""What a reload makes of two configurations: the one that serves and the one in the files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..config import Config
from ..config.conflicts import tls_in_tls
from ..config.graph import uses
from ..config.module import ModuleConfig
from ..control.operations import Change, Kind, ObjectChange, OperationError, Reason, no_such

__all__ = ["FIELDS", "changes", "fixed_changes", "merge"]

FIELDS = {Kind.RESOLVER: "resolvers", Kind.ESCAPER: "escapers", Kind.SERVER: "servers"}
"""Where a configuration has the objects of a kind."""

FIXED = ("runtime", "worker", "log", "controller")
"""Sections that are read at the start alone."""


def objects(config: Config, kind: Kind) -> Mapping[str, ModuleConfig]:
    """The objects of a kind by name; none of a kind that this version does not have."""
    found: Mapping[str, ModuleConfig] = getattr(config, FIELDS[kind]) if kind in FIELDS else {}
    return found


def merge(old: Config, new: Config, kind: Kind | None = None, name: str | None = None) -> Config:
    """All objects of the new configuration, or the old ones with one of the new.

    The sections that are fixed at the start stay. Raises OperationError when nobody has the object, or when what comes
    of it does not hold together.
    """
    if kind is None or name is None:
        return replace(new, **{section: getattr(old, section) for section in FIXED})
    before, after = objects(old, kind), objects(new, kind)
    if name not in before and name not in after:
        raise no_such(kind.value, name, {*before, *after})
    merged: dict[str, Any] = {known: model for known, model in before.items() if known != name or name in after}
    if name in after:
        merged[name] = after[name]
    changed: dict[str, Any] = {FIELDS[kind]: merged}
    result = replace(old, **changed)
    check(result)
    return result


def check(config: Config) -> None:
    """Raise OperationError if the objects do not hold together.

    An object may name another that is not there, names may lead in a circle, two servers may listen on one address, and
    TLS may end twice.
    """
    faults = [f"{kind.value} {name} leads back to itself" for kind, name in circles(config)]
    for kind in FIELDS:
        for name, model in objects(config, kind).items():
            for target, missing in uses(model):
                if missing not in objects(config, Kind(target)):
                    faults.append(f"{kind.value} {name} uses the {target} {missing!r}, which is not there")
    listening: dict[tuple[object, ...], str] = {}
    for name, server in config.servers.items():
        listen = getattr(server, "listen", None)
        if listen is not None:
            other = listening.setdefault((type(listen), str(listen.address), listen.interface), name)
            if other != name:
                faults.append(f"server {name} and server {other} both listen on {listen.address}")
    faults += [
        f"server {name} ends TLS, and server {inner} behind it would ask for TLS again"
        for name, inner in tls_in_tls(config.servers)
    ]
    if faults:
        text = "this one object does not fit to what serves; reload everything, or the others first"
        raise OperationError(Reason.CONFIGURATION, text, faults)


def circles(config: Config) -> Iterator[tuple[Kind, str]]:
    """The objects that lead back to themselves by the names in them."""
    for kind in FIELDS:
        for name in objects(config, kind):
            reached: set[tuple[Kind, str]] = set()
            ahead = [(kind, name)]
            while ahead:
                model = objects(config, ahead[-1][0]).get(ahead.pop()[1])
                found = {(Kind(to), its) for to, its in uses(model)} - reached if model is not None else set()
                reached |= found
                ahead += found
            if (kind, name) in reached:
                yield kind, name


def changes(old: Config, new: Config) -> tuple[ObjectChange, ...]:
    """What becomes of each object; one that uses a rebuilt one is rebuilt itself."""
    found: dict[tuple[Kind, str], Change] = {}

    def changed(kind: Kind, name: str) -> Change:
        key = (kind, name)
        if key not in found:
            before, after = objects(old, kind).get(name), objects(new, kind).get(name)
            if before is None:
                found[key] = Change.ADDED
            elif after is None:
                found[key] = Change.REMOVED
            elif before == after and all(changed(Kind(to), its) is Change.KEPT for to, its in uses(after)):
                found[key] = Change.KEPT
            else:
                found[key] = Change.REBUILT
        return found[key]

    return tuple(
        ObjectChange(kind, name, changed(kind, name))
        for kind in FIELDS
        for name in dict.fromkeys((*objects(old, kind), *objects(new, kind)))
    )


def fixed_changes(old: Config, new: Config) -> list[str]:
    """Sentences about changes that only a restart or an upgrade brings."""
    return [
        f"the section {section!r} has changed: that takes effect with a restart or an upgrade"
        for section in FIXED
        if getattr(old, section) != getattr(new, section)
    ]
