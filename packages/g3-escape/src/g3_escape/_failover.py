"""Failover: a route, and others that step in when it fails or is slow.

The primary route has a head start. When it has failed, or has not succeeded within the fallback delay, the next one
begins beside it, and so on; the first that succeeds wins. Without a fallback delay they are tried one after the other.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from g3_machine import LocalProtocolError

from ._actions import Action, Cancel, Dial, Done, Failed, Failure

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Fallback:
    """When another route steps in. All times are in seconds."""

    delay: float | None = 0.1
    """The head start of a route; None for no race: the next one begins only when it has failed."""
    each_timeout: float | None = None
    """The longest that one route may take; None leaves that to the route."""
    max_tries: int = 2
    """Routes that are tried: a primary one and a standby."""

    def __post_init__(self) -> None:
        """Raise ValueError for a negative time, and for ``max_tries`` below 1."""
        if min(self.delay or 0, self.each_timeout or 0) < 0:
            raise ValueError("times are not negative")
        if self.max_tries < 1:
            raise ValueError("max_tries is at least 1")


class Failover(Generic[A]):
    """One connection in the making. ``A`` is whatever the driver takes for a route, the name of an escaper perhaps.

    It begins at once. After creation and every call of another verb the driver takes `next_action` until it is None,
    and arms one timer for `next_timeout`. Times are seconds of a monotonic clock. When all routes have failed, the
    error to tell is that of the one that failed last.
    """

    __slots__ = ("_actions", "_attempts", "_deadlines", "_fallback", "_next_start", "_routes")

    def __init__(self, routes: Sequence[A], now: float, fallback: Fallback | None = None) -> None:
        """``routes`` in the order of preference; those behind the first ``max_tries`` play no part.

        Raises LocalProtocolError for no route at all.
        """
        if not routes:
            raise LocalProtocolError("there is no route to try")
        self._fallback = fallback or Fallback()
        self._routes = deque(routes[: self._fallback.max_tries])
        self._attempts = 0
        self._deadlines: dict[int, float | None] = {}
        """The attempts that run, and when each is over time."""
        self._next_start: float | None = None
        """When the next attempt may begin beside those that run."""
        self._actions: deque[Action[A]] = deque()
        self._dial(now)

    def attempt_succeeded(self, attempt: int) -> None:
        """The route is ready. Ignored, to be cancelled, when another one was faster or it was over time.

        Raises LocalProtocolError for a number that was never given out.
        """
        if self._forget(attempt):
            self._end(Done(attempt))

    def attempt_failed(self, attempt: int, now: float, *, retry: bool = True) -> None:
        """The route came to nothing; the next one begins at once. Ignored when the attempt was cancelled before.

        ``retry`` is False when no route would do better, as with a request that is forbidden or a client that left:
        then it is over, and what runs is cancelled. Raises LocalProtocolError for a number that was never given out.
        """
        if self._forget(attempt):
            if not retry:
                self._end(Failed(Failure.REFUSED))
            else:
                self._go_on(now)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called, or None for no time of its own."""
        times = [deadline for deadline in self._deadlines.values() if deadline is not None]
        if self._next_start is not None:
            times.append(self._next_start)
        return min(times, default=None)

    def handle_timeout(self, now: float) -> None:
        """Act on every timer that is due."""
        late = [number for number, deadline in self._deadlines.items() if deadline is not None and deadline <= now]
        for attempt in late:
            del self._deadlines[attempt]
            self._actions.append(Cancel(attempt, timed_out=True))
        if late:
            self._go_on(now)
        elif self._next_start is not None and self._next_start <= now:
            self._dial(now)

    def next_action(self) -> Action[A] | None:
        """Return, once, what is to be done now; None when there is nothing more before the next report or timer."""
        return self._actions.popleft() if self._actions else None

    def _go_on(self, now: float) -> None:
        """An attempt has failed: begin the next one, or find out that there is none."""
        if self._routes:
            self._dial(now)
        elif not self._deadlines:
            self._end(Failed(Failure.ATTEMPTS_FAILED))

    def _dial(self, now: float) -> None:
        delay, timeout, attempt = self._fallback.delay, self._fallback.each_timeout, self._attempts
        self._attempts += 1
        self._deadlines[attempt] = None if timeout is None else now + timeout
        self._actions.append(Dial(self._routes.popleft(), attempt))
        self._next_start = now + delay if self._routes and delay is not None else None

    def _end(self, outcome: Done | Failed) -> None:
        self._actions.extend(Cancel(other, timed_out=False) for other in self._deadlines)
        self._deadlines.clear()
        self._routes.clear()
        self._next_start = None
        self._actions.append(outcome)

    def _forget(self, attempt: int) -> bool:
        """Take the attempt off the list of those that run; whether it was there."""
        if not 0 <= attempt < self._attempts:
            raise LocalProtocolError(f"there is no attempt {attempt}")
        if attempt not in self._deadlines:
            return False
        del self._deadlines[attempt]
        return True
