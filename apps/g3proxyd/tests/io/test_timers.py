"""The wheel, on a loop whose clock the test turns."""

import asyncio
from collections.abc import Callable
from typing import Any

from g3proxyd.io.timers import Wheel


class Loop:
    """The part of an event loop that the wheel uses."""

    def __init__(self) -> None:
        self.now = 100.0
        self.calls: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Any:
        self.calls.append((when, callback))

    def run(self, until: float) -> None:
        while self.calls and min(self.calls)[0] <= until:
            call = min(self.calls, key=lambda call: call[0])
            self.calls.remove(call)
            self.now = max(self.now, call[0])
            call[1]()
        self.now = until


class Waiter:
    def __init__(self) -> None:
        self.deadline: float | None = None
        self.bucket: int | None = None
        self.fired: list[float] = []
        self.loop: Loop

    def timed_out(self) -> None:
        self.fired.append(self.loop.now)


def make(*, tick: float = 1.0) -> tuple[Loop, Wheel, Waiter]:
    loop = Loop()
    waiter = Waiter()
    waiter.loop = loop
    return loop, Wheel(loop, tick), waiter  # type: ignore[arg-type]  # a part of a loop


def test_a_deadline_fires_once_and_at_most_one_tick_late() -> None:
    for seconds in (0.0, 0.3, 1.0, 4.9, 5.0):
        loop, wheel, waiter = make()
        wheel.start(waiter, seconds)
        loop.run(120.0)
        assert len(waiter.fired) == 1
        assert 100.0 + seconds <= waiter.fired[0] <= 101.0 + seconds
        assert (waiter.deadline, waiter.bucket, len(wheel), loop.calls) == (None, None, 0, [])


def test_a_wait_that_ended_does_not_fire() -> None:
    loop, wheel, waiter = make()
    wheel.start(waiter, 3.0)
    waiter.deadline = None
    loop.run(120.0)
    assert (waiter.fired, len(wheel), loop.calls) == ([], 0, [])


def test_a_later_deadline_moves_on_by_itself() -> None:
    loop, wheel, waiter = make()
    wheel.start(waiter, 2.0)
    loop.run(101.0)
    wheel.start(waiter, 9.0)
    assert waiter.bucket == 102
    loop.run(109.9)
    assert waiter.fired == []
    loop.run(111.0)
    assert len(waiter.fired) == 1


def test_an_earlier_deadline_changes_the_bucket() -> None:
    loop, wheel, waiter = make()
    wheel.start(waiter, 300.0)
    wheel.start(waiter, 2.0)
    assert (waiter.bucket, len(wheel)) == (102, 1)
    loop.run(103.0)
    assert len(waiter.fired) == 1
    loop.run(500.0)
    assert (len(waiter.fired), loop.calls) == (1, [])


def test_an_earlier_deadline_of_another_entry_is_not_slept_through() -> None:
    loop, wheel, long = make()
    short = Waiter()
    short.loop = loop
    wheel.start(long, 300.0)
    wheel.start(short, 2.0)
    loop.run(104.0)
    assert len(short.fired) == 1
    assert long.fired == []


def test_a_forgotten_entry_is_let_go() -> None:
    loop, wheel, waiter = make()
    wheel.start(waiter, 3.0)
    wheel.forget(waiter)
    wheel.forget(waiter)
    assert (waiter.deadline, waiter.bucket, len(wheel)) == (None, None, 0)
    loop.run(120.0)
    assert waiter.fired == []


def test_an_entry_may_start_again_when_it_fires() -> None:
    class Again(Waiter):
        def timed_out(self) -> None:
            super().timed_out()
            if len(self.fired) < 3:
                wheel.start(self, 2.0)

    loop, wheel, _ = make()
    waiter = Again()
    waiter.loop = loop
    wheel.start(waiter, 2.0)
    loop.run(120.0)
    assert len(waiter.fired) == 3
    assert waiter.fired == sorted(set(waiter.fired))


def test_on_a_real_loop() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        fired = loop.create_future()

        class Once(Waiter):
            def timed_out(self) -> None:
                fired.set_result(loop.time())

        started = loop.time()
        wheel = Wheel(loop, tick=0.01)
        wheel.start(Once(), 0.03)
        assert await asyncio.wait_for(fired, 5) >= started + 0.03

    asyncio.run(main())
