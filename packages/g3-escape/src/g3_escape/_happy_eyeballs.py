"""Happy eyeballs version 2: which address to try when (RFC 8305).

The machine is told what names resolved to and how attempts went, and answers with what to do next. A few rules make up
all of it:

- Nothing is tried before the preferred family is resolved, unless the other one is, has addresses, and the preferred
  one stays silent for the resolution delay (section 3).
- The addresses of the two families take turns, after a run of the preferred one (section 4).
- An attempt begins when the one before it has failed, or has had the connection attempt delay to itself (section 5).
- The first attempt that succeeds wins. An attempt that is over time has failed.
- Addresses that come late join at the next turn of their family, and begin at once if nothing else keeps us busy.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from g3_machine import LocalProtocolError

from ._actions import Action, Cancel, Dial, Done, Failed, Failure
from ._family import Family

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient to be. All times are in seconds; the defaults are those of RFC 8305 section 8 where it has one."""

    resolution_delay: float = 0.05
    """How long addresses of the other family wait for the preferred one."""
    second_resolution_timeout: float = 2.0
    """How long to wait for the second family once the first one has led nowhere."""
    first_address_family_count: int = 1
    """Addresses of the preferred family that are tried before the two take turns; 0 begins with the other one."""
    connection_attempt_delay: float = 0.25
    """The head start of an attempt; section 8 recommends 0.1 to 2."""
    max_tries: int = 3
    """Addresses that are tried of each family."""
    each_timeout: float = 30.0
    """The longest that one attempt may take."""

    def __post_init__(self) -> None:
        """Raise ValueError for a negative number, and for ``max_tries`` below 1."""
        times = (
            self.resolution_delay,
            self.second_resolution_timeout,
            self.connection_attempt_delay,
            self.each_timeout,
        )
        if min(*times, self.first_address_family_count) < 0:
            raise ValueError("times and counts are not negative")
        if self.max_tries < 1:
            raise ValueError("max_tries is at least 1")


class HappyEyeballs(Generic[A]):
    """One connection in the making. ``A`` is whatever the driver takes for an address; it must be hashable.

    After every call of another verb the driver takes `next_action` until it is None, and arms one timer for
    `next_timeout`. Times are seconds of a monotonic clock.
    """

    __slots__ = (
        "_actions",
        "_attempts",
        "_deadlines",
        "_families",
        "_last",
        "_next_start",
        "_over",
        "_pace",
        "_queues",
        "_second_deadline",
        "_shuffle",
        "_start_deadline",
        "_started",
        "_unresolved",
        "_used",
    )

    def __init__(
        self,
        families: Sequence[Family],
        pace: Pace | None = None,
        shuffle: Callable[[list[A]], object] | None = None,
    ) -> None:
        """``families`` are those that are being resolved, the preferred one first: one or two.

        ``shuffle`` puts the addresses of one family in order, in place, before the first ``max_tries`` of them are
        taken: `random.shuffle` for instance. Without it they are tried in the order in which they come.

        Raises LocalProtocolError for no family at all or the same one twice.
        """
        if not families or len(set(families)) != len(families):
            raise LocalProtocolError("one or two different families")
        self._families = tuple(families)
        self._pace = pace or Pace()
        self._shuffle = shuffle
        self._unresolved = set(families)
        self._queues: dict[Family, deque[A]] = {family: deque() for family in families}
        self._used = 0
        """Addresses of the preferred family that were tried."""
        self._last: Family | None = None
        """The family that was tried last."""
        self._attempts = 0
        self._deadlines: dict[int, float] = {}
        """When each running attempt is over time."""
        self._started = False
        """Whether attempts may begin: the resolution delay is behind us."""
        self._start_deadline: float | None = None
        self._next_start: float
        """The earliest time for the next attempt while others run; the first attempt sets it."""
        self._second_deadline: float | None = None
        self._actions: deque[Action[A]] = deque()
        self._over = False

    def add_addresses(self, family: Family, addresses: Sequence[A], now: float) -> None:
        """The family is resolved; no addresses is an answer as well. An address that comes twice is tried once.

        Raises LocalProtocolError when the family was not asked for or has been resolved before.
        """
        if family not in self._unresolved:
            raise LocalProtocolError(f"{family.name} is not being resolved")
        self._unresolved.discard(family)
        if self._over:
            return
        unique = list(dict.fromkeys(addresses))
        if self._shuffle is not None:
            self._shuffle(unique)
        self._queues[family].extend(unique[: self._pace.max_tries])
        if family is self._families[0] or self._families[0] not in self._unresolved:
            self._start()
        elif unique:
            self._start_deadline = now + self._pace.resolution_delay
        self._proceed(now)

    def resolution_failed(self, family: Family, now: float) -> None:
        """The family could not be resolved: the same as no addresses. Raises as `add_addresses` does."""
        self.add_addresses(family, (), now)

    def attempt_succeeded(self, attempt: int) -> None:
        """The attempt is connected. Ignored, to be cancelled, when another one was faster or it was over time.

        Raises LocalProtocolError for a number that was never given out.
        """
        if self._forget(attempt):
            self._actions.extend(Cancel(other, timed_out=False) for other in self._deadlines)
            self._deadlines.clear()
            self._end(Done(attempt))

    def attempt_failed(self, attempt: int, now: float) -> None:
        """The attempt came to nothing; the next one begins at once. Ignored when the attempt was cancelled before.

        Raises LocalProtocolError for a number that was never given out.
        """
        if self._forget(attempt):
            self._next_start = now
            self._proceed(now)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called, or None for no time of its own."""
        times = list(self._deadlines.values())
        if self._deadlines and any(self._queues.values()):
            times.append(self._next_start)
        if self._start_deadline is not None:
            times.append(self._start_deadline)
        if self._second_deadline is not None:
            times.append(self._second_deadline)
        return min(times, default=None)

    def handle_timeout(self, now: float) -> None:
        """Act on every timer that is due."""
        for attempt in [attempt for attempt, deadline in self._deadlines.items() if deadline <= now]:
            del self._deadlines[attempt]
            self._actions.append(Cancel(attempt, timed_out=True))
            self._next_start = now
        if self._start_deadline is not None and self._start_deadline <= now:
            self._start()
        if self._second_deadline is not None and self._second_deadline <= now:
            self._end(Failed(Failure.RESOLUTION_TIMEOUT))
        self._proceed(now)

    def next_action(self) -> Action[A] | None:
        """Return, once, what is to be done now; None when there is nothing more before the next report or timer."""
        return self._actions.popleft() if self._actions else None

    def _start(self) -> None:
        self._started = True
        self._start_deadline = None

    def _proceed(self, now: float) -> None:
        """Begin the attempt whose time has come, or find out that none will come."""
        if self._over:
            return
        if self._started and any(self._queues.values()) and (not self._deadlines or self._next_start <= now):
            self._dial(now)
        if self._deadlines:
            self._second_deadline = None
        elif not self._unresolved:
            self._end(Failed(Failure.ATTEMPTS_FAILED if self._attempts else Failure.NO_ADDRESS))
        elif self._started and self._second_deadline is None:
            self._second_deadline = now + self._pace.second_resolution_timeout

    def _dial(self, now: float) -> None:
        family = self._next_family()
        attempt = self._attempts
        self._attempts += 1
        self._last = family
        self._used += family is self._families[0]
        self._deadlines[attempt] = now + self._pace.each_timeout
        self._next_start = now + self._pace.connection_attempt_delay
        self._actions.append(Dial(self._queues[family].popleft(), attempt))

    def _next_family(self) -> Family:
        """The family whose turn it is among those that have addresses left (RFC 8305 section 4)."""
        waiting = [family for family in self._families if self._queues[family]]
        if len(waiting) == 1 or self._used < self._pace.first_address_family_count:
            return waiting[0]
        return waiting[0] if self._last is waiting[1] else waiting[1]

    def _end(self, outcome: Done | Failed) -> None:
        self._over = True
        self._second_deadline = None
        self._actions.append(outcome)

    def _forget(self, attempt: int) -> bool:
        """Take the attempt off the list of those that run; whether it was there."""
        if not 0 <= attempt < self._attempts:
            raise LocalProtocolError(f"there is no attempt {attempt}")
        return self._deadlines.pop(attempt, None) is not None
