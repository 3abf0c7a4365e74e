"""The kinds of named objects, and which model a type stands for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from .escaper import ESCAPERS
from .keys import squash
from .module import ModuleConfig, TypeName
from .resolver import RESOLVERS
from .server import SERVERS
from .values.mistake import Mistake, MistakeError, nearest, show

__all__ = ["KINDS", "model_of", "type_name"]

KINDS: Mapping[str, tuple[type[ModuleConfig], ...]] = {
    "server": SERVERS,
    "escaper": ESCAPERS,
    "resolver": RESOLVERS,
}
"""The models of each kind; the kinds are the names of their sections."""


def type_name(model: type[ModuleConfig]) -> TypeName:
    """How the type of a model is spelled."""
    return next(item for item in model.model_fields["type"].metadata if isinstance(item, TypeName))


def model_of(kind: str, data: object) -> type[ModuleConfig]:
    """The model for the `type` of an object of this kind. Raises MistakeError."""
    spellings = _spellings(kind)
    supported = ", ".join(type_name(model).names[0] for model in KINDS[kind])
    if not isinstance(data, str):
        raise MistakeError(Mistake(f"{show(data)} is not a type of {kind}", f"one of {supported}"))
    model = spellings.get(squash(data))
    if model is not None:
        return model
    meant = nearest(squash(data), spellings)
    suggestion = None if meant is None else type_name(spellings[meant]).names[0]
    raise MistakeError(Mistake(f"{show(data)} is not a type of {kind}", f"one of {supported}", suggestion))


@cache
def _spellings(kind: str) -> Mapping[str, type[ModuleConfig]]:
    return {squash(name): model for model in KINDS[kind] for name in type_name(model).names}
