"""Waits that go on in the turn of the loop that sees their cause."""

import asyncio
import gc
from collections.abc import Callable

import pytest
from g3proxyd.io.wake import Wake
from loopback import run


class Waiter:
    """A task that awaits one Wake again and again, and notes how each wait ended."""

    def __init__(self) -> None:
        self.wake = Wake(asyncio.get_running_loop())
        self.ends: list[str] = []
        self.task = asyncio.create_task(self._live())

    async def _live(self) -> None:
        while True:
            try:
                await self.wake
                self.ends.append("woken")
            except TimeoutError as error:
                self.ends.append(str(error))


async def from_a_callback(call: Callable[[], object]) -> object:
    """What this returns when the loop calls it."""
    answers: list[object] = []
    asyncio.get_running_loop().call_soon(lambda: answers.append(call()))
    while not answers:
        await asyncio.sleep(0)
    return answers[0]


def test_the_task_goes_on_before_wake_returns_as_often_as_it_waits() -> None:
    async def main() -> None:
        waiter = Waiter()
        await asyncio.sleep(0)
        for turn in range(3):
            assert not waiter.wake.done()
            assert await from_a_callback(lambda: (waiter.wake.wake(), len(waiter.ends))) == (True, turn + 1)
        assert waiter.ends == ["woken"] * 3
        waiter.task.cancel()

    run(main())


def test_nobody_is_woken_who_does_not_wait() -> None:
    async def main() -> None:
        wake = Wake(asyncio.get_running_loop())
        assert wake.done()
        assert not wake.wake()
        assert not wake.cancel()
        wake.set_exception(TimeoutError())
        task = asyncio.create_task(until(wake))
        await asyncio.sleep(0)
        assert not task.done()
        assert await from_a_callback(wake.wake)
        await task  # neither the early wake nor the early error counted

    run(main())


def test_an_error_is_raised_once_and_soon() -> None:
    async def main() -> None:
        waiter = Waiter()
        await asyncio.sleep(0)
        waiter.wake.set_exception(TimeoutError("late"))
        assert waiter.ends == []
        assert not waiter.wake.wake()  # the wait is over: what comes now is for the next one
        await asyncio.sleep(0)
        assert waiter.ends == ["late"]
        await from_a_callback(waiter.wake.wake)
        assert waiter.ends == ["late", "woken"]
        waiter.task.cancel()

    run(main())


def test_settled_for_who_waits_and_for_who_will() -> None:
    async def main() -> None:
        wake = Wake(asyncio.get_running_loop())
        wake.settle()
        await wake  # at once
        task = asyncio.create_task(until(wake))
        await asyncio.sleep(0)
        wake.settle()
        assert not task.done()
        await task
        heard: list[Wake] = []
        wake.settle()
        wake.add_done_callback(heard.append)
        assert heard == []
        await asyncio.sleep(0)
        assert heard == [wake]

    run(main())


def test_a_cancelled_task_leaves_the_wait_for_another() -> None:
    async def main() -> None:
        wake = Wake(asyncio.get_running_loop())
        task = asyncio.create_task(until(wake))
        await asyncio.sleep(0)
        task.cancel()
        assert not wake.wake()
        with pytest.raises(asyncio.CancelledError):
            await task
        other = asyncio.create_task(until(wake))
        await asyncio.sleep(0)
        assert await from_a_callback(wake.wake)
        await other

    run(main())


def test_an_error_under_way_is_not_the_next_waiters() -> None:
    async def main() -> None:
        wake = Wake(asyncio.get_running_loop())
        heard: list[str] = []

        def hear(wake: Wake) -> None:
            try:
                wake.result()
                heard.append("woken")
            except TimeoutError:
                heard.append("late")

        wake.add_done_callback(hear)
        wake.set_exception(TimeoutError())
        wake.add_done_callback(hear)
        assert wake.wake()
        await asyncio.sleep(0)
        assert heard == ["woken", "late"]

    run(main())


def test_a_task_that_is_cancelled_after_its_wait_has_failed_is_cancelled() -> None:
    async def main() -> None:
        wake = Wake(asyncio.get_running_loop())
        task = asyncio.create_task(until(wake))
        await asyncio.sleep(0)
        wake.set_exception(TimeoutError())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


def test_an_error_leaves_nothing_to_the_collector() -> None:
    async def main() -> None:
        waiter = Waiter()
        await asyncio.sleep(0)
        gc.collect()
        waiter.wake.set_exception(TimeoutError("late"))
        await asyncio.sleep(0)
        assert waiter.ends == ["late"]
        assert gc.collect() == 0
        waiter.task.cancel()

    gc.disable()
    try:
        run(main())
    finally:
        gc.enable()


async def until(wake: Wake) -> None:
    """Wait for it."""
    await wake
