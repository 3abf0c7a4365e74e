"""What a supervisor asks of its workers. Each request has an answer: a value, or an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ..config import Config
from ..config.escaper.floating import Publication
from ..config.values.resolve import QueryStrategy
from ..worker.worker import Quit
from .sockets import Key

__all__ = [
    "Abandon",
    "Commit",
    "End",
    "ForceQuit",
    "Offline",
    "Plan",
    "Prepare",
    "Publish",
    "Request",
    "Resolve",
    "Start",
    "Stay",
]

Plan: TypeAlias = Mapping[str, tuple[Key, ...]]
"""The sockets that one worker listens on, by the name of their server."""


@dataclass(frozen=True, slots=True)
class Start:
    """The first request: it is answered once everything of the configuration is built."""


@dataclass(frozen=True, slots=True)
class Prepare:
    """Build what is new in this configuration. The sockets ``new`` come along as descriptors."""

    config: Config
    plan: Plan
    new: tuple[Key, ...]
    columns: Mapping[str, int]
    """Where counters begin, see `shared.memory.Layout`."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Serve with what was prepared."""


@dataclass(frozen=True, slots=True)
class Abandon:
    """Drop what was prepared."""


@dataclass(frozen=True, slots=True)
class Stay:
    """Go offline soon (False), or stay after all: see `Worker.stay`."""

    online: bool


@dataclass(frozen=True, slots=True)
class End:
    """End; it is answered at once."""

    how: Quit


@dataclass(frozen=True, slots=True)
class Offline:
    """The servers that accept nothing any more: answered with how many connections each name has yet."""


@dataclass(frozen=True, slots=True)
class ForceQuit:
    """End the connections of retired servers: of those with this name, or of all. Answered with their number."""

    name: str | None


@dataclass(frozen=True, slots=True)
class Resolve:
    """Ask a resolver: answered with addresses as text, best first."""

    resolver: str
    domain: str
    strategy: QueryStrategy
    delay: float


@dataclass(frozen=True, slots=True)
class Publish:
    """Let the escapers of this name go the published ways, those of a later configuration too."""

    escaper: str
    publication: Publication


Request: TypeAlias = Start | Prepare | Commit | Abandon | Stay | End | Offline | ForceQuit | Resolve | Publish
