"""Ways out that are published while the daemon runs."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from .errors import ConnectReason, TcpConnectError

if TYPE_CHECKING:
    from ..config.escaper.floating import Publication


class Floating(ABC):
    """An escaper that takes published data."""

    config_type: str
    """The type in the configuration, which `Publication.type` has to be."""

    @abstractmethod
    def publish(self, publication: "Publication") -> None:
        """Go these ways from now on. What is connected stays so."""

    @property
    @abstractmethod
    def ways(self) -> int:
        """How many ways there are at present."""


class Expiring(Protocol):
    """Something that is published."""

    @property
    def id(self) -> str | None: ...

    @property
    def expire(self) -> float | None: ...


T = TypeVar("T", bound=Expiring)


class Alive(Generic[T]):
    """What was published, without what has expired. Asking costs the same however much that is."""

    def __init__(self, published: Iterable[T] = (), guard: float = 0.0) -> None:
        """What expires within ``guard`` seconds is as good as expired."""
        self._guard = guard
        self._items = sorted(published, key=_lifetime, reverse=True)
        self._named: dict[str, list[T]] = {}
        for item in self._items:
            if item.id is not None:
                self._named.setdefault(item.id, []).append(item)

    def all(self) -> Sequence[T]:
        """Everything that is alive; not to be kept."""
        items, now = self._items, time.time() + self._guard
        while items and _lifetime(items[-1]) <= now:
            items.pop()
        return items

    def named(self, name: str) -> Sequence[T]:
        """Everything of this name that is alive; names need not be unique."""
        return self.of(self._named.get(name, ()))

    def of(self, items: Iterable[T]) -> Sequence[T]:
        """Those that are alive."""
        now = time.time() + self._guard
        return [item for item in items if _lifetime(item) > now]


def _lifetime(item: Expiring) -> float:
    return float("inf") if item.expire is None else item.expire


def not_usable(detail: str) -> TcpConnectError:
    """There is no way out at present."""
    return TcpConnectError(ConnectReason.ESCAPER_NOT_USABLE, detail=detail)
