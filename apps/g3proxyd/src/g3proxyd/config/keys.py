"""How keys and type names are spelled, and what can be said about a key beside its value."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Aliases", "NoEffect", "NotYet", "OldNames", "any_case", "normalise", "squash"]


def normalise(name: str) -> str:
    """Lower case, and `_` for `-`: `Tcp-Keepalive` is `tcp_keepalive`."""
    return name.lower().replace("-", "_")


def squash(name: str) -> str:
    """A type name without what may be left out: `HttpProxy`, `http-proxy` and `http_proxy` are the same type."""
    return normalise(name).replace("_", "")


def any_case(word: str) -> str:
    """A regular expression for a word in any case, with `-` as good as `_`."""
    return "".join("[_-]" if char in "_-" else f"[{char.upper()}{char}]" if char.isalpha() else char for char in word)


class Aliases(tuple[str, ...]):
    """Other names of a key, as good as the first."""

    __slots__ = ()

    def __new__(cls, *names: str) -> Aliases:
        return super().__new__(cls, names)


class OldNames(tuple[str, ...]):
    """Names of a key that still work and call for a warning; the first is the one that documentation lists."""

    __slots__ = ()

    def __new__(cls, *names: str) -> OldNames:
        return super().__new__(cls, names)


@dataclass(frozen=True, slots=True)
class NotYet:
    """A key of the configuration language that is refused by name until a later part of the project brings it."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoEffect:
    """A key that is accepted with a warning, because there is nothing here that it could change."""

    reason: str
