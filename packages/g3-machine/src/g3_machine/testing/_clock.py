"""Virtual time for machines that have timers."""

from typing import Protocol

MAX_FIRINGS = 1000
"""Timers that may fire in one run before one of them is said to stay due for ever."""


class TimedMachine(Protocol):
    """The two verbs of a machine whose standard defines timers; times are seconds of a monotonic clock."""

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called, or None."""

    def handle_timeout(self, now: float) -> None:
        """Act on every timer that is due at ``now``."""


class Clock:
    """A monotonic clock that moves only when a test says so; ``now`` is in seconds."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def advance(self, seconds: float) -> float:
        """Move on by so many seconds and return the new time."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self.now += seconds
        return self.now

    def run_timers(self, machine: TimedMachine, until: float) -> list[float]:
        """Move on to ``until``, firing each timer of the machine at its own time; return those times.

        A timer that does not move on when it is handled would fire for ever: that is an AssertionError.
        """
        fired: list[float] = []
        while (due := machine.next_timeout()) is not None and due <= until:
            assert len(fired) < MAX_FIRINGS, f"a timer stays at {due}"
            self.now = max(self.now, due)
            fired.append(self.now)
            machine.handle_timeout(self.now)
        self.now = max(self.now, until)
        return fired
