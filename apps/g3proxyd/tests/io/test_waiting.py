"""A wait for an event, with a limit."""

import asyncio

import pytest
from g3proxyd.io.waiting import wait_at_most
from loopback import run


def test_the_event_or_the_limit_ends_it() -> None:
    async def main() -> None:
        event = asyncio.Event()
        await wait_at_most(0.001, event)
        asyncio.get_running_loop().call_soon(event.set)
        await wait_at_most(1000.0, event)
        await wait_at_most(0.0, event)

    run(main())


def test_a_task_that_is_cancelled_ends() -> None:
    async def main() -> None:
        waiting = asyncio.create_task(wait_at_most(1000.0, asyncio.Event()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    run(main())
