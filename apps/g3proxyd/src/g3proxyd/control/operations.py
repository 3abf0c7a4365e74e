"""What the control socket can ask of the daemon: the supervisor implements it, the server speaks it as HTTP."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from ..config.values.mistake import nearest
from ..config.values.resolve import QueryStrategy

__all__ = [
    "Change",
    "Kind",
    "ObjectChange",
    "OperationError",
    "Operations",
    "Reason",
    "ReloadReport",
    "ServerStatus",
    "WorkerStatus",
    "no_such",
]


class Kind(enum.Enum):
    """The kinds of named objects, as the control interface spells them."""

    USER_GROUP = "user-group"
    RESOLVER = "resolver"
    AUDITOR = "auditor"
    ESCAPER = "escaper"
    SERVER = "server"

    @property
    def section(self) -> str:
        """The name of the configuration's section."""
        return self.value.replace("-", "_")


class Reason(enum.Enum):
    """Why an operation was refused. The value goes to the client."""

    INVALID = "invalid"
    """An argument or the published data cannot be understood."""
    NOT_FOUND = "not_found"
    """There is no object of that name; see `no_such`."""
    STATE = "state"
    """Right in itself, and not now: nothing to cancel, the sockets are closed, another upgrade is under way."""
    UNSUPPORTED = "unsupported"
    """This type of object cannot do it."""
    CONFIGURATION = "configuration"
    """The configuration files cannot be used; the problems go into `OperationError.details`."""
    RESOLUTION = "resolution"
    """The name could not be resolved."""
    FAILED = "failed"
    """The daemon tried and could not: a worker did not answer, an address could not be listened on."""


class OperationError(Exception):
    """An operation that is refused or has failed. Raised by Operations only; any other exception is a fault of ours."""

    def __init__(self, reason: Reason, text: str, details: Iterable[str] = ()) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        """One sentence for people."""
        self.details = tuple(details)
        """Further lines: the problems of a configuration, each as `file:line:column: key: what is wrong`."""


def no_such(what: str, name: str, known: Iterable[str]) -> OperationError:
    """The error for a name that nobody has, with the nearest of those that exist.

    ``what`` is a kind of object as people call it: "server", "offline server".
    """
    names = sorted(known)
    text = f"there is no {what} named {name!r}"
    meant = nearest(name, names)
    if meant is not None:
        text += f"; did you mean {meant!r}?"
    elif not names:
        text += f"; there is no {what} at all"
    return OperationError(Reason.NOT_FOUND, text)


class Change(enum.Enum):
    """What a reload did with one object."""

    ADDED = "added"
    REBUILT = "rebuilt"
    REMOVED = "removed"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """What a reload did with one object."""

    kind: Kind
    name: str
    change: Change


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """A reload that every worker has applied."""

    objects: tuple[ObjectChange, ...]
    warnings: tuple[str, ...] = ()
    """Warnings of the configuration files, each as `file:line:column: key: text`."""


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One server, summed over all workers."""

    name: str
    online: bool
    """It accepts connections. False for one that a reload has replaced or removed and that still has connections."""
    alive_tasks: int
    total_connections: int
    total_tasks: int


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One worker process."""

    number: int
    pid: int
    state: str
    """One word for people: starting, running, draining, ..."""


class Operations(Protocol):
    """What the daemon can be asked to do. Each method may raise OperationError, and may be called at any time."""

    async def version(self) -> str:
        """The version of the daemon."""

    async def workers(self) -> tuple[WorkerStatus, ...]:
        """The worker processes by number."""

    async def servers(self) -> tuple[ServerStatus, ...]:
        """All servers by name, offline ones too."""

    async def offline(self) -> None:
        """Begin the graceful end, as SIGTERM does. A second call changes nothing."""

    async def cancel_shutdown(self) -> None:
        """Take back `offline` while the listening sockets are still open; else Reason.STATE."""

    async def force_quit(self, name: str) -> None:
        """End all connections of the offline server of this name."""

    async def force_quit_all(self) -> None:
        """End all connections of all offline servers."""

    async def names(self, kind: Kind) -> tuple[str, ...]:
        """The objects of a kind; none if the configuration language has the kind and this version has not."""

    async def reload(self, kind: Kind | None = None, name: str | None = None) -> ReloadReport:
        """Read the configuration files again and apply them, or one object of them: kind and name, or neither.

        Nothing has changed when it raises.
        """

    async def server_status(self, name: str) -> ServerStatus:
        """One server."""

    async def resolver_query(
        self, name: str, domain: str, strategy: QueryStrategy, resolution_delay_ms: int
    ) -> tuple[str, ...]:
        """The addresses of a domain, best first; the delay (0 to 65535 ms) is the wait for the preferred family."""

    async def escaper_publish(self, name: str, data: str) -> tuple[str, ...]:
        """Give an escaper new peers or addresses. ``data`` is JSON text; what it means is the escaper's business.

        Returns what the publisher should know, such as parts that were refused while others were taken.
        """

    async def user_group_list_static(self, name: str) -> tuple[str, ...]:
        """The names of the users that the configuration has."""

    async def user_group_list_dynamic(self, name: str) -> tuple[str, ...]:
        """The names of the users that were published or fetched."""

    async def user_group_publish_dynamic(self, name: str, users: str) -> None:
        """Replace the dynamic users; ``users`` is JSON text, an array of users."""
