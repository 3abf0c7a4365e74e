"""Limits that hold over all workers, exact to one unit.

Their memory is mapped before the first fork. The supervisor gives a name its slot (`Limits.add`) before it tells the
workers, and takes back what a dead worker held (`Limits.forget`). A worker makes a `SharedLimit` or a `SharedRate` of a
slot; another one of the same slot with a changed limit goes on with the same holdings.

No state spans two stores: wherever a worker is killed, what it leaves behind is whole, and never lets too much through.
"""

import math
import mmap
from types import MappingProxyType

from . import mutex
from .memory import Counters, Layout
from .mutex import Mutex, check_platform

SLOTS = 65536
"""Limits of 20,000 users, three each. Only used pages are memory: 128 bytes a slot and 8 more for each worker."""

MAX_LIMIT = (1 << 63) - 1
"""Of units held at once, and of tokens."""

MAX_NOW = (1 << 62) - 1
"""Nanoseconds, 146 years: of the clock, and of the time in which a bucket fills."""

_SLOT = 2 * mutex.SIZE
_STATE = mutex.SIZE // 8
_DUE, _PART, _MADE = range(3)


class Limits:
    """The memory of all limits. Make it before the first fork."""

    def __init__(self, rows: int, slots: int = SLOTS) -> None:
        """``rows`` is the number of workers.

        Raises OSError if the kernel grants no memory, and UnsupportedPlatformError where such limits cannot be had.
        """
        check_platform()
        self._held = Counters(rows, slots)
        self._layout = Layout(slots)
        self._memory = mmap.mmap(-1, slots * _SLOT)
        self._cells = memoryview(self._memory).cast("Q")

    @property
    def slots(self) -> MappingProxyType[str, int]:
        """The slot of each name, as the workers have to learn it."""
        return MappingProxyType(self._layout.columns)

    def add(self, name: str) -> int:
        """The slot of this name: a new one, or what it has already. For the supervisor. Raises ValueError if full."""
        slot = self._layout.add(name)
        if not self._state(slot)[_MADE]:
            Mutex(self._memory, slot * _SLOT, new=True)
            self._state(slot)[_MADE] = 1
        return slot

    def forget(self, row: int) -> None:
        """Take back what a dead worker held, before it is replaced. For the supervisor. Raises IndexError."""
        self._held.zero(row, range(self._layout.used))

    def limit(self, slot: int, row: int, limit: int) -> "SharedLimit":
        """Units of this slot, for the worker with this row. Raises IndexError, and ValueError for a bad limit."""
        held = self._held.column(slot)
        if not 0 <= row < len(held):
            raise IndexError(f"there is no row {row} among {len(held)}")
        return SharedLimit(self.mutex(slot), held, row, limit)

    def rate(self, slot: int, tokens: int, period: int = 1_000_000_000, burst: int | None = None) -> "SharedRate":
        """Tokens of this slot: so many per period in nanoseconds. See `SharedRate`. Raises IndexError, ValueError."""
        return SharedRate(self.mutex(slot), self._state(slot), tokens, period, burst)

    def mutex(self, slot: int) -> Mutex:
        """What guards this slot. Raises IndexError, also for a slot that has no name yet."""
        if not self._state(slot)[_MADE]:
            raise IndexError(f"slot {slot} has no name yet")
        return Mutex(self._memory, slot * _SLOT)

    def _state(self, slot: int) -> memoryview:
        if not 0 <= slot < self._held.columns:
            raise IndexError(f"there is no slot {slot} among {self._held.columns}")
        first = slot * _SLOT // 8 + _STATE
        return self._cells[first : first + 3]


class SharedLimit:
    """At most ``limit`` units are held at once by all workers together: connections or requests of one user, say.

    A cell per worker says what it holds. To acquire takes the mutex and adds the cells up; to release is one store in a
    cell of its own. One thread of each worker does both.
    """

    __slots__ = ("_held", "_mutex", "_row", "limit")

    def __init__(self, mutex: Mutex, held: memoryview, row: int, limit: int) -> None:
        """Made by `Limits.limit`."""
        if not 0 <= limit <= MAX_LIMIT:
            raise ValueError(f"a limit is from 0 to {MAX_LIMIT}, not {limit}")
        self.limit = limit
        """May be changed at any time; then nothing is granted until less than this is held."""
        self._mutex = mutex
        self._held = held
        self._row = row

    @property
    def held(self) -> int:
        """Units that all workers hold now."""
        return sum(self._held)

    def acquire(self, n: int = 1) -> bool:
        """Hold ``n`` more units, if there are so many left; else hold none of them. Never waits for units."""
        if n < 1:
            raise ValueError(f"only one unit or more can be acquired, not {n}")
        held = self._held
        with self._mutex:
            if sum(held) + n > self.limit:
                return False
            held[self._row] += n
        return True

    def release(self, n: int = 1) -> None:
        """Hold ``n`` units less. Raises ValueError if this worker doesn't hold as many."""
        # Without the mutex: who acquires at this moment sees these units as held or as free, and both are true.
        own = self._held[self._row]
        if not 1 <= n <= own:
            raise ValueError(f"cannot release {n} of {own} units")
        self._held[self._row] = own - n


class SharedRate:
    """All workers together are granted at most ``burst`` tokens at once, and ``tokens`` per ``period`` in the long run.

    A bucket holds ``burst`` tokens, is full at first and gains them evenly. What is stored is the moment at which it
    will be full again, in nanoseconds and parts of one (the "generic cell rate algorithm"): integers, nothing is
    rounded. In any span of time no more than ``burst + span * tokens / period`` are granted, whoever is killed.
    """

    __slots__ = ("_capacity", "_mutex", "_period", "_state", "_tokens")

    def __init__(self, mutex: Mutex, state: memoryview, tokens: int, period: int, burst: int | None) -> None:
        """Made by `Limits.rate`. ``burst`` is ``tokens`` unless given.

        Raises ValueError for numbers below 1, and if the bucket would take 146 years to fill.
        """
        burst = tokens if burst is None else burst
        if not (1 <= tokens <= MAX_LIMIT and 1 <= burst <= MAX_LIMIT and period >= 1):
            raise ValueError(
                f"a rate has positive numbers, not {tokens} tokens per {period} ns with a burst of {burst}"
            )
        if burst * period // tokens > MAX_NOW:
            raise ValueError(f"{burst} tokens at {tokens} per {period} ns take longer than {MAX_NOW} ns to gain")
        divisor = math.gcd(tokens, period)
        self._tokens = tokens // divisor
        self._period = period // divisor
        self._capacity = burst * self._period
        self._mutex = mutex
        self._state = state

    def acquire(self, now: int, n: int = 1) -> bool:
        """Take ``n`` tokens, or none. ``now`` is a clock in nanoseconds that all workers share: time.monotonic_ns().

        More than ``burst`` are never granted. Raises ValueError for ``n`` below 1 and for a clock out of range.
        """
        return self.take(now, n, n) > 0

    def time_of(self, n: int) -> int:
        """Nanoseconds in which the bucket gains so many tokens, rounded up."""
        return -(-n * self._period // self._tokens)

    def take(self, now: int, least: int, most: int) -> int:
        """As many tokens as there are, from ``least`` to ``most``, or 0. Raises as `acquire` does."""
        if not 1 <= least <= most or now >> 62:  # a negative clock has all bits on the left
            raise ValueError(f"cannot take {least} to {most} tokens at {now} ns")
        state, tokens, period = self._state, self._tokens, self._period
        with self._mutex:
            # In units of which a nanosecond has `tokens`, and a token has `period`.
            missing = max(0, (state[_DUE] - now) * tokens + state[_PART])
            granted = min((self._capacity - missing) // period, most)
            if granted < least:
                return 0
            due, part = divmod(missing + granted * period, tokens)
            # Killed between the two, we leave a bucket that has less in it than before we came.
            state[_DUE] = now + due
            state[_PART] = part
        return granted


class RateLease:
    """Takes tokens of a `SharedRate` in advance, so that most calls need no mutex; for one worker.

    The price: tokens that one worker has in advance are not there for another, so that up to ``size - 1`` of them per
    worker may be refused although the limit isn't reached; and a span of time may see as many more than `SharedRate`
    promises, since they were paid for earlier. From the start on no more are granted than without. Tokens that were not
    used within the time in which the bucket gains ``size`` are lost, as are those of a dead worker.
    """

    __slots__ = ("_left", "_life", "_rate", "_size", "_until")

    def __init__(self, rate: SharedRate, size: int) -> None:
        """``size`` tokens are taken at once. Raises ValueError below 1."""
        if size < 1:
            raise ValueError(f"a lease is of one token or more, not {size}")
        self._rate = rate
        self._size = size
        self._life = rate.time_of(size)
        self._left = 0
        self._until = 0

    def acquire(self, now: int, n: int = 1) -> bool:
        """See `SharedRate.acquire`."""
        if now >= self._until:
            self._left = 0
        if n > self._left or n < 1:
            lacking = n - self._left
            taken = self._rate.take(now, lacking, max(lacking, self._size))
            if not taken:
                return False
            self._left += taken
            self._until = now + self._life
        self._left -= n
        return True
