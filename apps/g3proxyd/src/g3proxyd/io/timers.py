"""Coarse timers for very many waits.

Every wait of the proxy has a timeout, and nearly none of them ever fires. A timer of the event loop per wait would cost
more than the wait itself, so deadlines are attributes, and a wheel of buckets looks at them once in a while: to set a
deadline costs one store, and to be in the wheel costs one set entry per connection.
"""

import asyncio
from typing import Protocol

TICK = 0.25
"""Seconds between two looks at the wheel: a deadline is noticed at most this much late."""


class Timed(Protocol):
    """Something that waits now and then. The wheel owns ``bucket``; the waiter owns ``deadline``."""

    deadline: float | None
    """When the present wait ends, in seconds of the loop's clock; None while nothing is waited for."""
    bucket: int | None
    """The bucket of the wheel that holds this entry, or None."""

    def timed_out(self) -> None:
        """The deadline has passed; called once per deadline."""


class Wheel:
    """The deadlines of one event loop. It sleeps while it is empty."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tick: float = TICK) -> None:
        self._loop = loop
        self._tick = tick
        self._buckets: dict[int, set[Timed]] = {}
        self._handle: asyncio.TimerHandle | None = None
        self._next = 0

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def start(self, entry: Timed, seconds: float) -> None:
        """Set the deadline of the entry to so many seconds from now. Clear it with ``entry.deadline = None``."""
        deadline = entry.deadline = self._loop.time() + seconds
        bucket = entry.bucket
        # An entry whose bucket comes no later than its deadline is looked at in time, and moves on by itself.
        if bucket is None or bucket * self._tick > deadline:
            if bucket is not None:
                self._buckets[bucket].discard(entry)
            self._put(entry, deadline)

    def forget(self, entry: Timed) -> None:
        """Take the entry out for good, so that nothing keeps it alive."""
        entry.deadline = None
        if entry.bucket is not None:
            self._buckets[entry.bucket].discard(entry)
            entry.bucket = None

    def _put(self, entry: Timed, deadline: float) -> None:
        # The bucket that begins at or before the deadline, but never one that has passed.
        bucket = max(int(deadline / self._tick), self._next)
        entry.bucket = bucket
        self._buckets.setdefault(bucket, set()).add(entry)
        if self._handle is None:
            self._next = min(bucket, int(self._loop.time() / self._tick) + 1)
            self._handle = self._loop.call_at(self._next * self._tick, self._turn)

    def _turn(self) -> None:
        now = self._loop.time()
        last = int(now / self._tick)
        due: list[Timed] = []
        for bucket in [bucket for bucket in self._buckets if bucket <= last]:
            due.extend(self._buckets.pop(bucket))
        self._next = last + 1
        for entry in due:
            entry.bucket = None
            if entry.deadline is None:
                continue
            if entry.deadline <= now:
                entry.deadline = None
                entry.timed_out()
            else:
                self._put(entry, entry.deadline)
        if self._buckets:
            self._handle = self._loop.call_at(self._next * self._tick, self._turn)
        else:
            self._handle = None
